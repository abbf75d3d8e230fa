"""Counts a window's services and invites of the local day by their outcomes; there are no levels here to count."""

from collections.abc import Callable

from host_agent import local_day, store_services
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
        """Return how many invites the terminal took since midnight, how many of them ended how, and the services.

        `services` are those that were recorded: invited, or ended without an invite.
        """
        since_ms = local_day.begin_ms(self._utc_ms())
        rows = self._store.query(
            "SELECT state, count(*) FROM invites WHERE window = ? AND created_utc_ms >= ? GROUP BY state",
            (self._window, since_ms),
        )
        found = dict(rows)
        services, without_invite = store_services.counts(self._store, self._window, since_ms)
        taken = sum(found.get(state, 0) for state in ("open", *OUTCOMES))
        return {
            "services": services,
            "services_without_invite": without_invite,
            "invited": taken,
            **{state: found.get(state, 0) for state in OUTCOMES},
        }
