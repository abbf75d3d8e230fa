"""One evaluation as old counter software orders it: an invite, its one outcome, the level where a terminal tells it.

Promise: nothing here makes or changes an outcome; a level is asked for only of a terminal provisioned to reveal it,
handed over only when nobody can change it any more, never kept, and in no text of this program. Whoever stops waiting
loses the answer alone: the invite stays, and its outcome goes to the city.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from host_agent import api_body, orders, refusal
from host_agent.changes import Changes
from host_agent.config_dialects import UPLOADER_COUNTER
from host_agent.faults import Fault
from host_agent.invites import ENDED
from host_agent.refusal import Refusal
from host_agent.store_rows import OPEN, PENDING, InviteRow
from host_agent.window import Window
from protocol import rating

# From the press until nothing can change: at most 10 s to change it, the offer and two pages, 40 s of tags; doubled for
# the elder profile.
FINAL_S = 240.0
LOOK_S = 1.0
# What API, terminal and fields allow for an invite; a page's own time is brought inside, its waiting is not.
TIMEOUT_S = (15, 180)
RATED = "rated"

_log = logging.getLogger(__name__)
_Found = TypeVar("_Found")


class Rated:
    """Hold what was pressed, for as long as it takes to hand it over; prints as nothing."""

    def __init__(self, level: int, tags: tuple[int, ...]) -> None:
        """Keep both."""
        self.level = level
        self.tags = tags

    def __repr__(self) -> str:
        """Return no level."""
        return "Rated(***)"


class Desk:
    """Order at one window for one dialect; belongs to the event loop."""

    def __init__(self, window: Window, changes: Changes) -> None:
        """Keep the parts."""
        self.window = window
        self._changes = changes

    async def login(self, number: str) -> None:
        """Log a clerk in, unless the same one is.

        :raises Refusal: it is no clerk's number, or the store or the terminal does not take it.
        """
        clerk = api_body.clerk({"number": number})
        if self.window.clerk is None or self.window.clerk["number"] != number:
            await self._ordered(orders.login(self.window, clerk))

    async def pause(self, paused: bool) -> None:
        """Pause or resume the window.

        :raises Refusal: the store or the terminal does not take it.
        """
        await self._ordered(orders.pause(self.window, paused))

    async def invite(self, body: dict[str, Any]) -> tuple[InviteRow, bool]:
        """Invite for the service that `body` names as the API's invites do; return the invite and whether it is new.

        :raises Refusal: a value does not fit, or the window cannot invite now.
        """
        service = api_body.service(body)
        return await self._ordered(orders.invite(self.window, service))

    async def reset(self) -> None:
        """Withdraw whatever invite is open.

        :raises Refusal: a rating was pressed meanwhile, or there is no terminal.
        """
        row = self.window.invites.current
        if row is not None and row.state in (PENDING, OPEN):
            await self.cancel(row.invite)

    async def cancel(self, invite: bytes) -> InviteRow:
        """Withdraw an invite; what was pressed stays.

        :raises Refusal: a rating was pressed already, or there is no terminal.
        """
        return await self._ordered(orders.cancel(self.window, invite))

    async def ended(self, invite: bytes, timeout_s: float | None) -> InviteRow | None:
        """Wait until an invite has its outcome, or was refused late; None when it has none in time."""
        return await self._until(lambda: self._ended_row(invite), timeout_s)

    async def level(self, invite: bytes) -> Rated | None:
        """Return what was pressed for a rated invite once it is final; None where that is not told."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + FINAL_S
        while self.window.reveals and loop.time() < end_s:
            found = await orders.rated_level(self.window, invite)
            if found is not None and found.get("final") is True:
                return self._rated(found)
            await asyncio.sleep(LOOK_S)
        return None

    @property
    def clerk(self) -> str | None:
        """Return the number of the clerk who is logged in."""
        return None if self.window.clerk is None else self.window.clerk["number"]

    async def changed_clerk(self, known: str | None) -> None:
        """Wait until somebody else is logged in than `known`, or nobody."""
        await self._until(lambda: True if self.clerk != known else None, None)

    def _rated(self, found: dict[str, Any]) -> Rated | None:
        level, tags = found.get("level"), found.get("tags") or []
        if level not in rating.LEVELS:
            # Another scale, or none: whatever it may be, it is no level, and none is put in its place.
            _log.error("terminal %s tells no level that exists", self.window.section.terminal)
            return None
        return Rated(level, tuple(tag for tag in tags if isinstance(tag, int)))

    def _ended_row(self, invite: bytes) -> InviteRow | None:
        row = self.window.invites.get(invite)
        return row if row is not None and row.state in ENDED else None

    async def _ordered(self, order: Any) -> Any:
        try:
            return await order
        finally:
            self._changes.changed(self.window.section.id)

    async def _until(self, look: Callable[[], _Found | None], timeout_s: float | None) -> _Found | None:
        """Look again at each change of the window until something is found."""
        noted = asyncio.Event()
        name = self.window.section.id
        end = self._changes.listen(lambda window: noted.set() if window == name else None)
        try:
            async with asyncio.timeout(timeout_s):
                while (found := look()) is None:
                    await noted.wait()
                    noted.clear()
                return found
        except TimeoutError:
            return None
        finally:
            end()


def refused_row(row: InviteRow) -> Refusal:
    """Return the refusal of an invite that the terminal did not take."""
    return refusal.from_reason_code(row.reason or "fault")


def never_uploaded(windows: dict[str, Window]) -> list[Fault]:
    """Return a warning for each window whose counter software uploads, but can never learn a level."""
    found = []
    for name, window in windows.items():
        if window.section.uploader == UPLOADER_COUNTER and window.connected and not window.reveals:
            what = f'window {name} has uploader = "counter", but terminal {window.section.terminal} reveals no level'
            cure = 'write uploader = "agent", or provision the terminal with reveal_level: until then nobody uploads'
            found.append({"code": "never_uploaded", "message": f"{what}: {cure}", "window": name})
    return found
