"""Says when to try again: a pause that doubles from 0.5 s to 10 s, with jitter. Sans-IO.

Jitter keeps 2,000 agents from coming back in one wave after the city's broker restarts.
"""

import random

FIRST_S = 0.5
LAST_S = 10.0
# A connection that held this long starts the pauses anew; one that dies sooner does not.
STEADY_S = 30.0
JITTER = 0.25


class Backoff:
    """Count failures of one thing that is opened again and again."""

    def __init__(self, rng: random.Random, first_s: float = FIRST_S, last_s: float = LAST_S) -> None:
        """Start with no failure."""
        self._rng = rng
        self._first_s = first_s
        self._last_s = last_s
        self._opened_s: float | None = None
        self.failures = 0

    def opened(self, now_s: float) -> None:
        """Note that it opened."""
        self._opened_s = now_s

    def pause_s(self, now_s: float) -> float:
        """Return how long to wait after a failure or loss at `now_s`."""
        if self._opened_s is not None and now_s - self._opened_s >= STEADY_S:
            self.failures = 0
        self._opened_s = None
        pause_s = min(self._first_s * 2 ** min(self.failures, 16), self._last_s)
        self.failures += 1
        return pause_s * self._rng.uniform(1 - JITTER, 1 + JITTER)
