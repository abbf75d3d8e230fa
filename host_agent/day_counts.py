"""Counts a window's invites of the local day by their outcomes; there are no levels here to count."""

import time
from collections.abc import Callable

from host_agent.store import Store

OUTCOMES = ("rated", "timed_out", "declined", "cancelled", "interrupted")


class DayCounts:
    """Read one window's counts from the store; belongs to the event loop."""

    def __init__(self, window: str, store: Store, utc_ms: Callable[[], int]) -> None:
        """Keep the parts."""
        self._window = window
        self._store = store
        self._utc_ms = utc_ms

    def counts(self) -> dict[str, int]:
        """Return how many invites the terminal took since midnight, and how many of them ended how."""
        rows = self._store.query(
            "SELECT state, count(*) FROM invites WHERE window = ? AND created_utc_ms >= ? GROUP BY state",
            (self._window, _midnight_ms(self._utc_ms())),
        )
        found = dict(rows)
        taken = sum(found.get(state, 0) for state in ("open", *OUTCOMES))
        return {"invited": taken, **{state: found.get(state, 0) for state in OUTCOMES}}


def _midnight_ms(utc_ms: int) -> int:
    """Return when the local day began; local time may have jumped since."""
    local = time.localtime(utc_ms / 1000)
    start = (local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, local.tm_wday, local.tm_yday, -1)
    return int(time.mktime(start) * 1000)
