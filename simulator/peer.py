"""A sans-IO peer on the simulated cable, in the terminal's virtual clock.

The peer is any object with the interface of protocol.link.AgentLink: receive, tick, deadline_ms, take_output.
"""

from collections.abc import Callable
from typing import Protocol

from simulator.chips.usb_host import UsbHost
from simulator.clock import Clock, Timed

CLOSED_US = 10_000  # without a port nothing leaves and a deadline stays due: no reason to look at it each µs


class Link(Protocol):
    """One end of the link, without I/O."""

    def receive(self, data: bytes, now_ms: int) -> list[tuple]:
        """Take bytes; return events."""
        ...

    def tick(self, now_ms: int) -> list[tuple]:
        """Do what is due; return events."""
        ...

    def deadline_ms(self) -> int | None:
        """Return when `tick` is due."""
        ...

    def take_output(self) -> bytes:
        """Return the bytes to send."""
        ...


class Peer:
    """Opens the port whenever it is there, feeds the link and sends what it has to say."""

    def __init__(self, link: Link, host: UsbHost, clock: Clock) -> None:
        self.link = link
        self.events: list[tuple[int, tuple]] = []
        self.on_event: Callable[[tuple], None] | None = None
        self._host = host
        self._clock = clock
        self._timer: Timed | None = None
        self._detached = False
        if host.port is not None:
            host.open()
        self.pump()

    @property
    def now_ms(self) -> int:
        """Return the virtual time in ms."""
        return self._clock.now_us // 1000

    def port_changed(self, present: bool) -> None:
        """Open the port when it appears."""
        if present and not self._detached:
            self._host.open()
            self.pump()

    def data(self, data: bytes) -> bool:
        """Take bytes from the terminal."""
        self._note(self.link.receive(data, self.now_ms))
        self.pump()
        return True

    def pump(self) -> None:
        """Send what the link wants sent and arrange its next deadline; call after using the link directly."""
        if self._detached:
            return
        if self._host.opened:
            out = self.link.take_output()
            if out:
                self._host.write(out)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ms = self.link.deadline_ms()
        if deadline_ms is not None:
            soonest_us = self._clock.now_us + (1 if self._host.opened else CLOSED_US)
            self._timer = self._clock.at(max(deadline_ms * 1000, soonest_us), self._tick)

    def detach(self) -> None:
        """Close the port and stop."""
        self._detached = True
        if self._timer is not None:
            self._timer.cancel()
        self._host.close()

    def _tick(self) -> None:
        self._timer = None
        self._note(self.link.tick(self.now_ms))
        self.pump()

    def _note(self, events: list[tuple]) -> None:
        for event in events:
            self.events.append((self.now_ms, event))
            if self.on_event is not None:
                self.on_event(event)
