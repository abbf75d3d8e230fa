"""Notices that somebody or something set the wall clock: it and a clock that cannot be set then go apart. Sans-IO.

Nothing is decided by it. Waiting, trying again and ages count the steady clock; the wall clock only dates what is kept,
and the terminals are given it.
"""

import time
from collections.abc import Callable

# Smaller steps are the daily work of a time service.
STEP_MS = 60_000
TELL_MS = 3_600_000


class ClockWatch:
    """Compare `utc_ms` with `steady_ms`; call `look` now and then."""

    def __init__(self, utc_ms: Callable[[], int], steady_ms: Callable[[], int]) -> None:
        """Take the present difference of the clocks as the true one."""
        self._utc_ms = utc_ms
        self._steady_ms = steady_ms
        self._apart_ms = utc_ms() - steady_ms()
        self._jumped_ms = 0
        self._jumped_at_ms = 0

    def look(self) -> int | None:
        """Return by how many ms the wall clock was set of late, negative for back; None when it was not."""
        steady_ms = self._steady_ms()
        apart_ms = self._utc_ms() - steady_ms
        step_ms, self._apart_ms = apart_ms - self._apart_ms, apart_ms
        if abs(step_ms) >= STEP_MS:
            if steady_ms - self._jumped_at_ms >= TELL_MS:
                self._jumped_ms = 0
            # Steps add up: a clock that is set right again needs no word.
            self._jumped_ms += step_ms
            self._jumped_at_ms = steady_ms
        told = abs(self._jumped_ms) >= STEP_MS and steady_ms - self._jumped_at_ms < TELL_MS
        return self._jumped_ms if told else None


def steady_ms() -> int:
    """Return ms of a clock that nobody sets and that goes on while the PC sleeps, where there is one."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):  # on macOS it is the latter that does
        if hasattr(time, name):
            return time.clock_gettime_ns(getattr(time, name)) // 1_000_000
    return time.monotonic_ns() // 1_000_000


def clock_sentence(jumped_ms: int) -> str:
    """Return the sentence about a wall clock that was set by so many ms."""
    way = "forward" if jumped_ms > 0 else "back"
    cure = "check its date, its time service and its battery"
    # The two clocks are not read at one instant: 400 days less some ms are 400 days.
    minutes = round(abs(jumped_ms) / 60_000)
    return f"this PC's clock was set {way} by {duration(minutes * 60_000)}: {cure}"


def duration(ms: int) -> str:
    """Return a length of time in the largest unit of which there are two or more."""
    for size_ms, name in ((86_400_000, "days"), (3_600_000, "h"), (60_000, "min")):
        if ms >= 2 * size_ms:
            return f"{ms // size_ms} {name}"
    return f"{ms // 1000} s"
