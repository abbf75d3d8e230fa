"""Says whether the clerk of a window is surely still the one who logged in: the shift.

A shift begins with a login and ends with the logout, with the local day, or `idle_ms` after the last order. The clerk
stays logged in when it ends without a logout; the clerk's page then asks who sits there before it orders anything, so
that on a shared PC nobody invites under the name of yesterday's clerk. Counter software knows its own clerks.
Promise: what is not known (a store from before, a note lost with the power) counts as ended.
"""

from collections.abc import Callable

from host_agent import local_day
from host_agent.store import Store
from host_agent.store_rows import Change
from host_agent.writer import Writer

# An order within this time of the last one that was noted is not worth a write.
_NOTED_MS = 300_000


class Shift:
    """Own one window's shift; belongs to the event loop."""

    def __init__(self, window: str, idle_ms: int, store: Store, writer: Writer, utc_ms: Callable[[], int]) -> None:
        """Read back when the present shift began and was last used."""
        self._window = window
        self._idle_ms = idle_ms
        self._writer = writer
        self._utc_ms = utc_ms
        rows = store.query("SELECT since_utc_ms, used_utc_ms FROM shifts WHERE window = ?", (window,))
        self._since_ms, self._used_ms = rows[0] if rows else (0, 0)

    @property
    def over(self) -> bool:
        """Say whether it has ended, so that somebody should say who sits there."""
        now_ms = self._utc_ms()
        return not local_day.same(self._since_ms, now_ms) or not 0 <= now_ms - self._used_ms <= self._idle_ms

    def begin(self) -> None:
        """Begin a new one: a clerk has logged in, or has said that it is still they."""
        self._since_ms = self._used_ms = self._utc_ms()
        self._writer.note(self._put())

    def use(self) -> None:
        """Note an order; one that has ended is not brought back by it."""
        now_ms = self._utc_ms()
        if not self.over and now_ms - self._used_ms >= _NOTED_MS:
            self._used_ms = now_ms
            self._writer.note(self._put())

    def _put(self) -> Change:
        statement = "INSERT OR REPLACE INTO shifts(window, since_utc_ms, used_utc_ms) VALUES (?,?,?)"
        return statement, (self._window, self._since_ms, self._used_ms)
