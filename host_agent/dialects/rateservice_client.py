"""Logs in at the hall's RateService as the rater of one window, and again for ever.

    nobody logged in ──clerk──▶ connecting ──Login──▶ ready ──another clerk, or lost──▶ connecting
Promise: the RateService knows this window only under the clerk who is logged in, so that no rating is credited to
nobody; a rating is submitted only where the terminal reveals it, and again after a reconnect until it is acknowledged.
"""

import asyncio
import contextlib
import logging
import random
from datetime import datetime

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from host_agent.config_dialects import DialectSection
from host_agent.dialects import rateservice_message as message
from host_agent.dialects.evaluation import Desk
from host_agent.dialects.rateservice_due import DueQuests, refused_code
from host_agent.dialects.rateservice_rater import RaterSession
from host_agent.faults import Fault
from host_agent.reconnect import Backoff

OPEN_S = 10.0
_log = logging.getLogger(__name__)


class LostError(Exception):
    """Say why the connection is given up."""


class RateClient:
    """Own the connection of one window; belongs to the event loop."""

    def __init__(self, section: DialectSection, win_num: str, desk: Desk) -> None:
        """Keep the parts; `run` connects."""
        self._url = str(section.url)
        self._win_num = win_num
        self._user_codes = {clerk: code for code, clerk in section.user_codes.items()}
        self._desk = desk
        self._due = DueQuests(desk, section.level_table(), self._send, tells_all=False)
        self._connection: ClientConnection | None = None
        self._ready = False
        self._reason: str | None = "not connected yet"
        self.name = f"RateService {section.url}, winNum {win_num}"
        self.counts = {"connections": 0, "quests": 0, "refused": 0, "submitted": 0}

    async def run(self, rng: random.Random) -> None:
        """Stay logged in for ever, while a clerk is; returns only by being cancelled."""
        backoff, loop = Backoff(rng), asyncio.get_running_loop()
        while True:
            clerk, user_code = await self._user()
            try:
                async with connect(
                    self._url,
                    open_timeout=OPEN_S,
                    max_size=message.MESSAGE_LIMIT_BYTES,
                    compression=None,
                    proxy=None,
                    logger=_log.getChild("websockets"),
                ) as connection:
                    backoff.opened(loop.time())
                    self.counts["connections"] += 1
                    await self._stay(connection, clerk, user_code)
            except (OSError, TimeoutError, WebSocketException, LostError) as error:
                self._lose(str(error) or type(error).__name__)
            await asyncio.sleep(backoff.pause_s(loop.time()))

    def faults(self) -> list[Fault]:
        """Return what keeps the hall's orders away; a window without clerk is no fault."""
        if self._reason is None or self._desk.clerk is None:
            return []
        cure = "check the address, and winNum and userCode there; it is tried again"
        return [{"code": "dialect", "message": f"{self.name}: {self._reason}: {cure}"}]

    def view(self) -> dict[str, int]:
        """Return what came and went."""
        return dict(self.counts)

    def close(self) -> None:
        """Give up what is being told."""
        self._due.pause()

    async def _user(self) -> tuple[str, str]:
        """Wait for a clerk whom the RateService knows; return the number and what it is called there."""
        while True:
            clerk = self._desk.clerk
            if clerk is not None and (not self._user_codes or clerk in self._user_codes):
                return clerk, self._user_codes.get(clerk, clerk)
            if clerk is not None:
                self._lose(f"user_codes names no userCode for clerk {clerk}")
            await self._desk.changed_clerk(clerk)

    def _lose(self, reason: str) -> None:
        if reason != self._reason:
            _log.warning("%s: %s", self.name, reason)
        self._reason = reason

    async def _stay(self, connection: ClientConnection, clerk: str, user_code: str) -> None:
        """Talk until the connection is lost or another clerk is there."""
        session = RaterSession(self._win_num, user_code, _now_ms())
        self._connection = connection
        others = [
            asyncio.ensure_future(self._beat(connection, session)),
            asyncio.ensure_future(self._desk.changed_clerk(clerk)),
        ]
        reading = asyncio.ensure_future(self._read(connection, session))
        try:
            await asyncio.wait((reading, *others), return_when=asyncio.FIRST_COMPLETED)
            for task in (reading, *others):
                if task.done():
                    task.result()
        finally:
            self._connection, self._ready = None, False
            self._due.pause()
            for task in (reading, *others):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(reading, *others, return_exceptions=True)

    async def _read(self, connection: ClientConnection, session: RaterSession) -> None:
        await self._flush(connection, session)
        async for text in connection:
            for event in session.receive(text, _now_ms(), f"{datetime.now():%Y-%m-%d}"):
                await self._heard(session, event)
            await self._flush(connection, session)
            if self._ready:
                self._due.deliver()
        raise LostError("the RateService closed the connection")

    async def _beat(self, connection: ClientConnection, session: RaterSession) -> None:
        while True:
            await asyncio.sleep(max(0, session.deadline_ms() - _now_ms()) / 1000)
            for event in session.tick(_now_ms()):
                raise LostError(event[1])
            await self._flush(connection, session)

    async def _heard(self, session: RaterSession, event: tuple) -> None:
        name = event[0]
        if name == "ready":
            self._ready, self._reason = True, None
        elif name == "refused":
            raise LostError(f"the login is refused with code {event[1]}")
        elif name == "lost":
            raise LostError(event[1])
        elif name == "submitted":
            self.counts["submitted"] += 1
            if event[1] != message.OK:
                _log.warning("%s refuses a rating with code %s", self.name, event[1])
            self._due.acknowledged()
        elif name == "quest":
            self.counts["quests"] += 1
            self._reply(session, message.QUEST, await refused_code(self._due.ask(event[1])))
        else:
            self._reply(session, message.OPERATE, await refused_code(self._due.operate(event[1])))

    def _reply(self, session: RaterSession, method: str, refused: tuple[str, str] | None) -> None:
        if refused is None:
            session.answer(method, message.OK)
        else:
            self.counts["refused"] += 1
            session.answer(method, *refused)

    async def _flush(self, connection: ClientConnection, session: RaterSession) -> None:
        for text in session.take_output():
            await connection.send(text)

    async def _send(self, text: str) -> bool:
        if self._connection is None or not self._ready:
            return False
        try:
            await self._connection.send(text)
        except WebSocketException:
            return False
        return True


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
