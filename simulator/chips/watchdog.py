"""The watchdog of the RP2040 (datasheet 4.7): a down counter that resets the chip unless it is fed.

Not modelled: scratch registers, pausing under a debugger.
"""

from collections.abc import Callable

from simulator.clock import Clock, Timed


class Watchdog:
    """Calls `bite()` when it was started and not fed for its time-out."""

    def __init__(self, clock: Clock, bite: Callable[[], None]) -> None:
        self._clock = clock
        self._bite = bite
        self._timeout_us = 0
        self._deadline_us = 0
        self._timed: Timed | None = None
        self.feeds = 0

    @property
    def deadline_us(self) -> int | None:
        """Return when it will bite, or None when it was not started."""
        return self._deadline_us if self._timeout_us else None

    def start(self, timeout_ms: int, t_us: int) -> None:
        """Start with a time-out in ms; it cannot be stopped."""
        self._timeout_us = timeout_ms * 1000
        self._deadline_us = t_us + self._timeout_us
        if self._timed is not None:
            self._timed.cancel()
        self._timed = self._clock.at(self._deadline_us, self._check)

    def feed(self, t_us: int) -> None:
        """Start the time-out again from `t_us`."""
        if self._timeout_us:
            self.feeds += 1
            self._deadline_us = max(self._deadline_us, t_us + self._timeout_us)
            if self._timed is not None and self._clock.virtual:
                self._timed.cancel()
                self._timed = self._clock.at(self._deadline_us, self._check)

    def reset(self) -> None:
        """Stop, as any reset of the chip does."""
        self._timeout_us = 0
        if self._timed is not None:
            self._timed.cancel()
            self._timed = None

    def _check(self) -> None:
        if not self._timeout_us:
            return
        if self._deadline_us > self._clock.now_us:
            self._timed = self._clock.at(self._deadline_us, self._check)
            return
        self.reset()
        self._bite()
