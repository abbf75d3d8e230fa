"""Count presses that nobody invited, and notice bursts of them. No level is kept."""

BURST_PRESSES = 5  # in BURST_MS: somebody is trying the keys, or a child
BURST_MS = 10_000
QUIET_MS = 60_000  # at most one event in this time: a restless hand must not fill the journal


class Uninvited:
    """Hold the counts; `total` is since start."""

    def __init__(self) -> None:
        self.total = 0
        self._unreported = 0
        self._burst = 0
        self._burst_began = 0
        self._reported_at = None

    def pressed(self, at_ms: int) -> int:
        """Count one press; return the count to report now, or 0."""
        self.total += 1
        self._unreported += 1
        if self._burst == 0 or at_ms - self._burst_began > BURST_MS:
            self._burst, self._burst_began = 0, at_ms
        self._burst += 1
        silent = self._reported_at is not None and at_ms - self._reported_at < QUIET_MS
        if self._burst < BURST_PRESSES or silent:
            return 0
        count, self._unreported, self._burst = self._unreported, 0, 0
        self._reported_at = at_ms
        return count
