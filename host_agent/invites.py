"""Keeps the invites of one window: made, durable before they leave, and moved to exactly one outcome.

    pending ──reply OK──▶ open ──sealed event──▶ rated | timed_out | declined | cancelled | interrupted
       └──reply with another reason──▶ refused
Only a sealed event ends an open invite; `pending` and `open` have no limit: the agent never invents an outcome.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable

from host_agent.errors import AgentError
from host_agent.invite_subject import Service, reference
from host_agent.services import WindowServices
from host_agent.store import Store
from host_agent.store_changes import insert_invite, set_invite_state
from host_agent.store_rows import NOT_ENDED, OPEN, PENDING, REFUSED_INVITE, InviteRow
from host_agent.writer import Writer
from protocol import evidence

ENDED = frozenset(("rated", "timed_out", "declined", "cancelled", "interrupted", REFUSED_INVITE))
_RECENT = 8


class Invites:
    """Own the invites of one window; belongs to the event loop."""

    def __init__(
        self,
        centre: str,
        window: str,
        terminal: str,
        store: Store,
        writer: Writer,
        utc_ms: Callable[[], int],
        services: WindowServices,
    ) -> None:
        """Read the newest invites back; what an invite is about is recorded with it among the `services`."""
        self._services = services
        self._centre = centre
        self._window = window
        self._terminal = terminal
        self._store = store
        self._writer = writer
        self._utc_ms = utc_ms
        self._waiting: dict[bytes, list[asyncio.Future[None]]] = {}
        self._being_made: dict[str, asyncio.Future[InviteRow]] = {}
        self._recent: OrderedDict[bytes, InviteRow] = OrderedDict()
        for row in store.recent_invites(window, _RECENT):
            self._recent[row.invite] = row

    @property
    def current(self) -> InviteRow | None:
        """Return the newest invite without outcome, else the one that changed last."""
        newest_first = list(reversed(self._recent.values()))
        return next(
            (row for row in newest_first if row.state in (PENDING, OPEN)), newest_first[0] if newest_first else None
        )

    def pending(self) -> list[InviteRow]:
        """Return the invites that the terminal has not answered, oldest first."""
        return [row for row in self._recent.values() if row.state == PENDING]

    async def make(self, clerk: str, service: Service) -> tuple[InviteRow, bool]:
        """Commit a new invite and return it; the same client key gives the same invite, and False, for ever.

        :raises StoreFullError, StoreFaultError: it is not durable and must not be sent.
        """
        key = service.client_key
        if key is None:
            return await self._insert(clerk, service), True
        if key in self._being_made:
            return await asyncio.shield(self._being_made[key]), False
        known = self._store.invite_by_key(self._window, key)
        if known is not None:
            return self.get(known.invite) or known, False
        making = self._being_made[key] = asyncio.ensure_future(self._insert(clerk, service))
        try:
            return await asyncio.shield(making), True
        finally:
            making.add_done_callback(lambda _: self._being_made.pop(key, None))

    async def _insert(self, clerk: str, service: Service) -> InviteRow:
        now_ms = self._utc_ms()
        plan = self._services.plan(clerk, service, self.state_of)
        bound = reference(plan.project_no, plan.service_no)
        preimage = evidence.invite_preimage(secrets.token_bytes(16), self._centre, self._window, clerk, bound, now_ms)
        invite = evidence.invite_id(preimage)
        row = InviteRow(
            invite,
            self._window,
            self._terminal,
            service.client_key,
            clerk,
            plan.project_no,
            plan.service_no,
            service.origin,
            now_ms,
            service.timeout_ms,
            preimage,
            PENDING,
            None,
            service.asked,
        )
        try:
            await self._writer.write(insert_invite(row), *plan.changes(invite, preimage))
        except AgentError:
            plan.undone()
            raise
        plan.done()
        self._recent[invite] = row
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return row

    def get(self, invite: bytes) -> InviteRow | None:
        """Return an invite of this window with its present state."""
        if invite in self._recent:
            return self._recent[invite]
        row = self._store.invite(invite)
        return row if row is not None and row.window == self._window else None

    def state_of(self, invite: bytes) -> str | None:
        """Return how an invite of this window stands, None for none."""
        row = self.get(invite)
        return None if row is None else row.state

    def opened(self, invite: bytes) -> None:
        """Note that the terminal took it."""
        self._move(invite, OPEN, None, (PENDING,))

    def refused(self, invite: bytes, reason: str) -> None:
        """Note that the terminal did not take it."""
        self._move(invite, REFUSED_INVITE, reason, (PENDING,))

    def ended(self, invite: bytes, outcome: str) -> None:
        """Hear that a sealed outcome is durable (the store has it already)."""
        self._set(invite, outcome, None, NOT_ENDED)
        for future in self._waiting.pop(invite, ()):
            if not future.done():
                future.set_result(None)

    async def wait_ended(self, invite: bytes, timeout_s: float) -> None:
        """Wait until an invite has an outcome, at most that long."""
        row = self.get(invite)
        if row is None or row.state in ENDED:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(invite, []).append(future)
        try:
            await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            waiting = self._waiting.get(invite, [])
            if future in waiting:
                waiting.remove(future)

    def _move(self, invite: bytes, state: str, reason: str | None, only_from: tuple[str, ...]) -> None:
        self._set(invite, state, reason, only_from)
        self._writer.note(set_invite_state(invite, state, reason, only_from))

    def _set(self, invite: bytes, state: str, reason: str | None, only_from: tuple[str, ...]) -> None:
        row = self._recent.get(invite)
        if row is not None and row.state in only_from:
            self._recent[invite] = row._replace(state=state, reason=reason)
            self._recent.move_to_end(invite)
