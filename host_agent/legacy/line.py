"""Drives one serial line with its raters from the event loop of the legacy thread.

Promise: the line is opened exclusively and only when a window asks; when it is lost every open invite on it ends at
once, and the windows hear of the loss only after their terminals could send that. What a part raises names the part and
the place, never a value: a value may be a grade.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any

from host_agent.config_legacy import FF68_BAUD
from host_agent.legacy.bus import Bus, Rater
from host_agent.legacy.terminal import RaterTerminal
from host_agent.ports import PortOpener
from host_agent.transport import Transport

# How often the line is looked at while something is to happen on it: a stall of this thread must show, see Bus.look.
LOOK_MS = 100
# For the outcome of an interrupted invite to reach the store before the window counts as lost.
GRACE_S = 1.0

_log = logging.getLogger(__name__)
Lost = Callable[[str], None]


class Line:
    """Own the port and the bus; belongs to the legacy thread's event loop."""

    def __init__(
        self, port: str, raters: list[Rater], terminals: list[RaterTerminal], now_ms: Callable[[], int]
    ) -> None:
        """Keep the parts; `run` belongs to the loop."""
        self.port = port
        self._raters = raters
        self._terminals = {terminal.address: terminal for terminal in terminals}
        self._now_ms = now_ms
        self._opener = PortOpener(FF68_BAUD)
        self._opening = asyncio.Lock()
        self._transport: Transport | None = None
        self._bus: Bus | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._attached: dict[RaterTerminal, Lost] = {}
        self._closed = False

    async def attach(self, terminal: RaterTerminal, send: Callable[[bytes], None], lost: Lost) -> None:
        """Open the port unless it is open, and join a window to its terminal.

        :raises PortError: the port is not there, held by another, or does not open.
        """
        async with self._opening:
            if self._transport is None:
                transport = await self._opener.open(self.port)
                if self._closed:
                    transport.close()
                    return
                self._begin(transport)
        self._attached[terminal] = lost
        terminal.attach(send)
        self._after()

    def detach(self, terminal: RaterTerminal, send: Callable[[bytes], None]) -> None:
        """Part a window from its terminal; the line stays open for the others."""
        terminal.detach(send)

    def from_agent(self, terminal: RaterTerminal, data: bytes) -> None:
        """Take bytes that the agent sends to a terminal."""
        self._guarded(terminal, lambda: terminal.receive(data))
        self._after()

    def begin_pumping(self) -> None:
        """Let time pass from now on."""
        self._after()

    def close(self) -> None:
        """Give the port up."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # --- the port

    def _begin(self, transport: Transport) -> None:
        self._transport = transport
        self._bus = bus = Bus(self._raters, self._now_ms())
        transport.start(self._received, self._lost)
        for terminal in self._terminals.values():
            self._guarded(terminal, lambda terminal=terminal: terminal.line(bus))
        _log.info("port %s: %d old raters", self.port, len(self._terminals))

    def _received(self, data: bytes) -> None:
        if self._bus is not None:
            self._deliver(self._bus.receive(data, self._now_ms()))
            self._after()

    def _lost(self, reason: str) -> None:
        """Interrupt what is open; tell the windows when that had time to leave."""
        if self._closed:
            return
        self._transport = self._bus = None
        for terminal in self._terminals.values():
            self._guarded(terminal, lambda terminal=terminal: terminal.line(None))
        attached, self._attached = self._attached, {}
        loop = asyncio.get_running_loop()
        for lost in attached.values():
            loop.call_later(GRACE_S, lost, reason)
        self._after()

    def _deliver(self, events: list[tuple[Any, ...]]) -> None:
        for name, address, *rest in events:
            terminal = self._terminals[address]
            event = (name, *rest)
            self._guarded(terminal, lambda terminal=terminal, event=event: terminal.bus_event(event))

    # --- time

    def _pump(self) -> None:
        self._timer = None
        now_ms = self._now_ms()
        for terminal in self._terminals.values():
            if terminal.deadline_ms() <= now_ms:
                self._guarded(terminal, terminal.tick)
        if self._bus is not None:
            self._deliver(self._bus.tick(now_ms))
        self._after()

    def _after(self) -> None:
        """Put on the line what may stand there now, and see to it that time passes."""
        if self._closed:
            return
        now_ms = self._now_ms()
        due_ms = min(terminal.deadline_ms() for terminal in self._terminals.values())
        if self._bus is not None and self._transport is not None:
            data = self._bus.take_output(now_ms)
            if data:
                self._transport.write(data)
            bus_ms = self._bus.deadline_ms()
            due_ms = min(due_ms, now_ms + LOOK_MS, due_ms if bus_ms is None else bus_ms)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(1, due_ms - now_ms) / 1000, self._pump)

    def _guarded(self, terminal: RaterTerminal, call: Callable[[], None]) -> None:
        """Be the supervisor of one terminal: a fault stops that one, and no text of it is told."""
        try:
            call()
        except Exception as error:  # noqa: BLE001, the supervisor
            _log.error("terminal %s failed: %s at %s", terminal.name, type(error).__name__, place_of(error))
            terminal.fail()


def place_of(error: BaseException) -> str:
    """Return where an error was raised, without its text."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return ", ".join(f"{frame.filename}:{frame.lineno}" for frame in last) or "an unknown place"
