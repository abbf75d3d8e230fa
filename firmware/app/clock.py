"""Count milliseconds since start that never wrap, and know UTC as well as it can be known.

Time quality: 0 unset, 1 from the clock chip alone (or from a synchronisation older than a day), 2 synchronised within
a day, 3 within 10 minutes. A jump is told to the caller, who makes an event of it; nothing else corrects a time.
"""

UNSET, CHIP, DAY, FRESH = 0, 1, 2, 3
FRESH_MS = 600_000
DAY_MS = 86_400_000
JUMP_MS = 2_000  # less is drift: two crystals at 30 ppm differ by this in nine hours
_CHIP_EVERY_MS = DAY_MS


class Clock:
    """One clock; `ticks_ms` and `ticks_diff` are those of `time`, `rtc` has utc_s() and set_utc_s(s)."""

    def __init__(self, ticks_ms: object, ticks_diff: object, rtc: object) -> None:
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._rtc = rtc
        self._ticks = ticks_ms()
        self._now_ms = 0
        self._utc_at_start = None
        self._synced_at = None
        self._chip_set_at = None
        self.chip_missing = False
        self.read_chip()

    def now_ms(self) -> int:
        """Return ms since start; to be called at least every six days. Allocates beyond 2³⁰ ms only."""
        ticks = self._ticks_ms()
        self._now_ms += self._ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._now_ms

    def at(self, ticks: int) -> int:
        """Return ms since start for a recent value of `ticks_ms`."""
        return self.now_ms() + self._ticks_diff(ticks, self._ticks)

    def utc_ms(self) -> int | None:
        """Return UTC in ms, None while it is unset."""
        return None if self._utc_at_start is None else self._utc_at_start + self.now_ms()

    def quality(self) -> int:
        """Return the time quality, 0 to 3."""
        if self._utc_at_start is None:
            return UNSET
        if self._synced_at is None:
            return CHIP
        age_ms = self.now_ms() - self._synced_at
        return FRESH if age_ms <= FRESH_MS else DAY if age_ms <= DAY_MS else CHIP

    def read_chip(self) -> None:
        """Take the time of the clock chip, where nothing better is known."""
        if self._utc_at_start is not None and self.quality() > CHIP:
            return
        try:
            utc_s = self._rtc.utc_s()
            self.chip_missing = False
        except OSError:
            self.chip_missing = True
            return
        if utc_s is not None:
            self._utc_at_start = utc_s * 1000 - self.now_ms()

    def set(self, utc_ms: int) -> tuple:
        """Take UTC from the link; return (jumped, UTC ms before or None)."""
        before = self.utc_ms()
        now_ms = self.now_ms()
        self._utc_at_start = utc_ms - now_ms
        self._synced_at = now_ms
        jumped = before is None or abs(utc_ms - before) >= JUMP_MS
        if jumped or self._chip_set_at is None or now_ms - self._chip_set_at >= _CHIP_EVERY_MS:
            self._set_chip((utc_ms + 500) // 1000, now_ms)
        return jumped, before

    def _set_chip(self, utc_s: int, now_ms: int) -> None:
        try:
            self._rtc.set_utc_s(utc_s)
            self._chip_set_at = now_ms
        except OSError:
            self.chip_missing = True
        except ValueError:
            pass  # a year that the chip cannot hold: the time stays in memory only
