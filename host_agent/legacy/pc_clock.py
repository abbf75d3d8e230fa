"""Counts milliseconds since start and knows UTC as the agent tells it, as a terminal does.

Time quality: 1 the PC's clock as found at the start, or a synchronisation older than a day; 2 told within a day; 3 told
within 10 minutes. A jump is told to the caller, who makes an event of it; nothing else corrects a time.
"""

from collections.abc import Callable

FRESH_MS = 600_000
DAY_MS = 86_400_000
JUMP_MS = 2_000
CHIP, DAY, FRESH = 1, 2, 3


class PcClock:
    """One clock; `now_ms` gives ms since start and never goes back."""

    def __init__(self, now_ms: Callable[[], int], utc_ms: int) -> None:
        """Begin with the PC's time."""
        self.now_ms = now_ms
        self._utc_at_start = utc_ms - now_ms()
        self._synced_ms: int | None = None

    def utc_ms(self) -> int:
        """Return UTC in ms."""
        return self._utc_at_start + self.now_ms()

    def quality(self) -> int:
        """Return the time quality."""
        if self._synced_ms is None:
            return CHIP
        age_ms = self.now_ms() - self._synced_ms
        return FRESH if age_ms <= FRESH_MS else DAY if age_ms <= DAY_MS else CHIP

    def set(self, utc_ms: int) -> int | None:
        """Take UTC from the link; return the time before if it jumped, else None."""
        before = self.utc_ms()
        now_ms = self.now_ms()
        self._utc_at_start, self._synced_ms = utc_ms - now_ms, now_ms
        return before if abs(utc_ms - before) >= JUMP_MS else None
