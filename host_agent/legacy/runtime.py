"""Runs the old raters of one agent on a thread with an event loop of its own, and lends each window its terminal.

Sealing waits for the disk, which the agent's loop never does; a half-duplex bus at 9600 baud is the slower part anyway.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from host_agent.config_model import Config, WindowSection
from host_agent.legacy.bus import Rater
from host_agent.legacy.line import Line, place_of
from host_agent.legacy.store import RaterStore
from host_agent.legacy.terminal import RaterTerminal
from host_agent.transport import Lost, Received, Transport

STOP_S = 5.0
OPEN_S = 10.0

_log = logging.getLogger(__name__)


class Legacy:
    """Own the thread, the lines and the terminals of all old raters that agent.toml names."""

    def __init__(self, config: Config, version: str, utc_ms: Callable[[], int]) -> None:
        """Open the journals; `start` begins.

        :raises UserError: a key or a journal cannot be used.
        """
        began_s = time.monotonic()
        self._stores: list[RaterStore] = []
        self._terminals: dict[str, RaterTerminal] = {}
        self._ports: dict[str, list[str]] = {}
        self._raters: dict[str, Rater] = {}
        self._lines: dict[str, Line] = {}
        self._now_ms = lambda: int((time.monotonic() - began_s) * 1000)
        try:
            for section in config.legacy:
                from host_agent.legacy.making import make_terminal  # here: it needs the extra

                terminal, store = make_terminal(config, section, version, self._now_ms, utc_ms())
                self._stores += [] if store is None else [store]
                self._terminals[section.window] = terminal
                self._raters[section.window] = Rater(section.address, section.offset, section.echo_ack)
                self._ports.setdefault(section.port, []).append(section.window)
        except BaseException:
            self._close_stores()
            raise
        self._thread: threading.Thread | None = None
        if self._terminals:
            self._loop = asyncio.SelectorEventLoop()
            self._loop.set_exception_handler(_tell_place)
            self._thread = threading.Thread(target=self._run, name="old-raters", daemon=True)

    def start(self) -> None:
        """Start the thread, if there is anything for it to do."""
        if self._thread is None:
            return
        self._loop.call_soon(self._begin)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the journals; what was open is interrupted at the next start."""
        if self._thread is None:
            return
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_S)
        if not self._thread.is_alive():
            self._loop.close()
            self._close_stores()

    def opener(self, window: str) -> "RaterOpener":
        """Return what a window opens its terminal with."""
        port = next(port for port, windows in self._ports.items() if window in windows)
        return RaterOpener(self._loop, lambda: self._lines[port], port, self._terminals[window])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for line in self._lines.values():
            line.close()

    def _begin(self) -> None:
        for port, windows in self._ports.items():
            raters = [self._raters[window] for window in windows]
            terminals = [self._terminals[window] for window in windows]
            self._lines[port] = line = Line(port, raters, terminals, self._now_ms)
            line.begin_pumping()

    def _close_stores(self) -> None:
        for store in self._stores:
            store.close()


class RaterOpener:
    """Open one window's terminal as a port is opened."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, line: Callable[[], Line], port: str, terminal: RaterTerminal
    ) -> None:
        """Keep the parts; `line` is there once the thread runs."""
        self._loop = loop
        self._line = line
        self._port = port
        self._terminal = terminal

    def find(self, section: WindowSection) -> str:
        """Return the name of the rater's own port."""
        return self._port

    async def open(self, name: str) -> Transport:
        """Open the line unless it is open, and join the terminal.

        :raises PortError: the line is not there, held by another, or does not open.
        """
        transport = RaterTransport(self._loop, self._line, self._terminal)
        await transport.open()
        return transport


class RaterTransport(Transport):
    """Carry bytes between the agent's loop and a terminal on the legacy thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, line: Callable[[], Line], terminal: RaterTerminal) -> None:
        """Belong to the agent's loop, which runs."""
        self._there = loop
        self._here = asyncio.get_running_loop()
        self._line = line
        self._terminal = terminal
        self._received: Received | None = None
        self._tell_lost: Lost | None = None
        self._closed = False

    async def open(self) -> None:
        """Join the terminal; raises PortError."""

        async def attach() -> None:
            await self._line().attach(self._terminal, self._send, self._lost)

        try:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(attach(), self._there))
        except BaseException:
            self.close()
            raise

    def start(self, received: Received, lost: Lost) -> None:
        """Begin to deliver; a link sends nothing before it was spoken to."""
        self._received, self._tell_lost = received, lost

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        if not self._closed and data:
            self._post(self._there, lambda: self._line().from_agent(self._terminal, data))

    def close(self) -> None:
        """Part from the terminal."""
        if not self._closed:
            self._closed = True
            self._post(self._there, lambda: self._line().detach(self._terminal, self._send))

    # --- called on the legacy thread

    def _send(self, data: bytes) -> None:
        self._post(self._here, lambda: self._deliver(data))

    def _lost(self, reason: str) -> None:
        self._post(self._here, lambda: self._lose(reason))

    # --- back on the agent's loop

    def _deliver(self, data: bytes) -> None:
        if not self._closed and self._received is not None:
            self._received(data)

    def _lose(self, reason: str) -> None:
        if not self._closed and self._tell_lost is not None:
            self.close()
            self._tell_lost(reason)

    @staticmethod
    def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # that loop has ended
            return


def _tell_place(_loop: asyncio.AbstractEventLoop, context: dict) -> None:
    """Log what a callback raised without its text and arguments: they may hold a grade."""
    error = context.get("exception")
    if error is not None:
        _log.error("a part of the old raters failed: %s at %s", type(error).__name__, place_of(error))
    else:
        _log.error("a part of the old raters failed")
