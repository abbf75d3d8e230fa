"""Answers old counter software on its serial line (COM port or TCP serial server) as the old five-key raters did.

    begin (01 0B) ─▶ invite ─▶ outcome ─▶ final and revealed: grade, until acknowledged · else: silence
Promise: each begin is an invite of its own, and a grade goes out only for the rating of the invite that the last begin
made; a port that fails is opened again for ever.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from host_agent.config_dialects import DialectSection
from host_agent.config_legacy import FF68_BAUD
from host_agent.dialects import ff68_frame as ff68
from host_agent.dialects.evaluation import RATED, Desk, Rated
from host_agent.dialects.ff68_rater import Ff68Rater
from host_agent.errors import UserError
from host_agent.faults import Fault
from host_agent.ports import PortOpener
from host_agent.reconnect import Backoff
from host_agent.refusal import Refusal
from host_agent.transport import Transport

# Hosts send the order to begin several times for one citizen; no two citizens come within this.
REPEAT_MS = 3_000

_log = logging.getLogger(__name__)


class Ff68Line:
    """Own one line and the windows that answer on it; belongs to the event loop."""

    def __init__(self, section: DialectSection, desks: dict[str, Desk]) -> None:
        """Make a rater of each address; `run` opens the port."""
        grades = section.level_table() or None
        offset = 0 if section.bare_address else ff68.FROM_RATER
        self.name = f"old raters' line {section.port}"
        self._port = str(section.port)
        self._seats = [
            Seat(Ff68Rater(int(address), grades, offset), desks[window], self.flush)
            for address, window in section.addresses.items()
        ]
        self._opener = PortOpener(FF68_BAUD)
        self._transport: Transport | None = None
        self._lost: asyncio.Future[str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.fault: UserError | None = None

    async def open(self) -> None:
        """Open the port, unless it is open.

        :raises UserError: it does not open.
        """
        if self._transport is None:
            self._transport = await self._opener.open(self._port)
            self._lost = asyncio.get_running_loop().create_future()
            self._transport.start(self._received, self._gone)
            self.fault = None

    async def run(self, rng: random.Random) -> None:
        """Serve for ever; returns only by being cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for seat in self._seats:
                    group.create_task(seat.run())
                group.create_task(self._keep_open(Backoff(rng)))
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the port."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
        self._transport = None

    def faults(self) -> list[Fault]:
        """Return what keeps the old software from its raters."""
        return [{"code": "dialect", "message": f"{self.name}: {self.fault.message}"}] if self.fault else []

    def view(self) -> dict[str, int]:
        """Return what the line brought, all addresses together."""
        line = self._seats[0].rater.counters
        of_seats = [seat.counters for seat in self._seats]
        return {**line, **{name: sum(counters[name] for counters in of_seats) for name in of_seats[0]}}

    async def _keep_open(self, backoff: Backoff) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self.open()
                backoff.opened(loop.time())
                assert self._lost is not None
                reason = await self._lost
                self.fault = UserError(f"lost: {reason}", self._port, "check cable and adapter; it is opened again")
            except UserError as error:
                self.fault = error
            self._transport = None
            _log.warning("%s: %s", self.name, self.fault.message if self.fault else "")
            await asyncio.sleep(backoff.pause_s(loop.time()))

    def _gone(self, reason: str) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    def _received(self, data: bytes) -> None:
        now_ms = _now_ms()
        for seat in self._seats:
            seat.heard(seat.rater.receive(data, now_ms), now_ms)
        self.flush()

    def flush(self) -> None:
        """Write what the raters say, and see that they hear the clock; with the line gone it is not said later."""
        data = b"".join(seat.rater.take_output() for seat in self._seats)
        if self._transport is not None:
            self._transport.write(data)
        dues = [due for seat in self._seats if (due := seat.rater.deadline_ms()) is not None]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if dues:
            wait_s = max(0, min(dues) - _now_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        now_ms = _now_ms()
        for seat in self._seats:
            seat.heard(seat.rater.tick(now_ms), now_ms)
        self.flush()


class Seat:
    """Take the evaluations of one address to their end, one after the other."""

    def __init__(self, rater: Ff68Rater, desk: Desk, flush: Callable[[], None]) -> None:
        """Keep the parts; `flush` sends what the rater says."""
        self.rater = rater
        self.counters = {"begins": 0, "refused": 0, "told": 0, "unacknowledged": 0}
        self._desk = desk
        self._flush = flush
        self._begun = asyncio.Event()
        self._began_ms = 0
        self._busy = False
        self._invite: bytes | None = None

    def heard(self, events: list[tuple[str]], now_ms: int) -> None:
        """Take what the host said."""
        for (name,) in events:
            if name == "unacknowledged":
                self.counters["unacknowledged"] += 1
                _log.warning("window %s: the old software took no grade", self._desk.window.section.id)
            elif not self._busy or now_ms - self._began_ms >= REPEAT_MS:
                self._busy = True
                self._began_ms = now_ms
                self._begun.set()

    async def run(self) -> None:
        """Serve for ever; returns only by being cancelled."""
        while True:
            self._busy = self._begun.is_set()
            await self._begun.wait()
            self._begun.clear()
            self.counters["begins"] += 1
            if await self._order():
                await self._follow()

    async def _order(self) -> bool:
        """Invite; what the last begin left open is withdrawn first: whoever it was for has gone."""
        if self._invite is not None:
            with contextlib.suppress(Refusal):
                await self._desk.cancel(self._invite)
            self._invite = None
        try:
            self._invite = (await self._desk.invite({}))[0].invite
        except Refusal as error:
            self.counters["refused"] += 1
            _log.warning("window %s cannot invite for the old software: %s", self._desk.window.section.id, error.code)
            if not self._begun.is_set():
                self.rater.not_rated()
            return False
        return True

    async def _follow(self) -> None:
        """Wait for the end, or for the next begin: what is pressed for this citizen is not for that one."""
        assert self._invite is not None
        result = asyncio.ensure_future(self._result(self._invite))
        begun = asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait((result, begun), return_when=asyncio.FIRST_COMPLETED)
            if self._begun.is_set():
                return
            rated = result.result()
        finally:
            result.cancel()
            begun.cancel()
        self._invite = None
        if rated is None:
            self.rater.not_rated()
        elif self.rater.rated(rated.level, _now_ms()):
            self.counters["told"] += 1
        self._flush()

    async def _result(self, invite: bytes) -> Rated | None:
        row = await self._desk.ended(invite, None)
        return await self._desk.level(invite) if row is not None and row.state == RATED else None


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
