"""Hands out stored events for publication, fresh ones and old ones in turn. Sans-IO but for `fetch`.

Promise: every waiting row is handed out once; a backlog of any length costs a bounded amount of memory and neither
starves new events nor is starved by them.
"""

from collections import deque
from collections.abc import Callable, Iterable

from host_agent.own_records import RECORD_MARK, is_record
from host_agent.store_rows import EventRow

# Rows kept in memory between commit and publication; beyond it they are read back from the store.
FRESH_LIMIT = 2_000
PAGE_ROWS = 200
POSTPONE_FIRST_MS = 600_000
# Records of the agent's own are tried sooner: the city may only have been without receiver for a moment.
RECORDS_FIRST_MS = 30_000
POSTPONE_LAST_MS = 3_600_000

Fetch = Callable[[int, int, int], list[EventRow]]
FetchIds = Callable[[Iterable[int]], list[EventRow]]


class Backlog:
    """Queue what waits for its first publication, and what waits for its terminal to be known at the city."""

    def __init__(self, fetch: Fetch, fetch_ids: FetchIds, last_id: int) -> None:
        """Start with all rows up to `last_id` still to be read."""
        self._fetch = fetch
        self._fetch_ids = fetch_ids
        self._fresh: deque[EventRow] = deque()
        self._page: deque[EventRow] = deque()
        self._ranges: deque[list[int]] = deque([[0, last_id]] if last_id else [])  # (after, up to)
        self._released: deque[int] = deque()
        self._postponed: dict[str, _Postponed] = {}
        self._settled: set[int] = set()
        self._turn = False

    def add(self, rows: Iterable[EventRow]) -> None:
        """Take rows that have just become durable."""
        fresh = self._fresh
        for row in rows:
            if len(fresh) < FRESH_LIMIT:
                fresh.append(row)
            elif self._ranges and self._ranges[-1][1] == row.id - 1:
                self._ranges[-1][1] = row.id
            else:
                self._ranges.append([row.id - 1, row.id])

    def next(self) -> EventRow | None:
        """Return the row to publish next, None for none."""
        while True:
            self._turn = not self._turn
            row = self._next_old() if self._turn or not self._fresh else None
            if row is None and self._fresh:
                row = self._fresh.popleft()
            if row is None:
                return None
            if row.id in self._settled:
                self._settled.discard(row.id)
                continue
            wait = self._postponed.get(row.terminal)
            if wait is None or wait.probe == row.id:
                return row
            wait.ids.append(row.id)

    def settled_unseen(self, event_id: int) -> None:
        """Note that a row was receipted before it was handed out; reading it back may still show it as waiting."""
        if self._ranges or self._released or self._page:
            self._settled.add(event_id)

    def postpone(self, row: EventRow, now_ms: int) -> None:
        """Put a row and all further ones of its terminal aside, for longer each time it is refused again."""
        wait = self._postponed.get(row.terminal)
        if wait is None:
            first_ms = RECORDS_FIRST_MS if is_record(row) else POSTPONE_FIRST_MS
            wait = self._postponed[row.terminal] = _Postponed(first_ms)
        elif wait.probe == row.id:
            wait.delay_ms = min(wait.delay_ms * 2, POSTPONE_LAST_MS)
        wait.probe = 0
        wait.ids.appendleft(row.id)
        wait.due_ms = now_ms + wait.delay_ms

    def accepted(self, terminal: str) -> None:
        """Hand out again what was put aside for a terminal that the city now knows."""
        wait = self._postponed.pop(terminal, None)
        if wait is not None:
            self._released.extend(wait.ids)

    def tick(self, now_ms: int) -> None:
        """Hand out one row of each terminal whose time has come."""
        for wait in self._postponed.values():
            if wait.ids and now_ms >= wait.due_ms:
                wait.probe = wait.ids.popleft()
                wait.due_ms = now_ms + wait.delay_ms
                self._released.append(wait.probe)

    @property
    def postponed(self) -> list[str]:
        """Return the terminals that the city does not know."""
        return sorted(name for name in self._postponed if not name.startswith(RECORD_MARK))

    @property
    def records_wait(self) -> bool:
        """Say whether records of the agent's own were put aside."""
        return any(name.startswith(RECORD_MARK) for name in self._postponed)

    def release_records(self) -> None:
        """Hand out again what was put aside of the agent's own records."""
        for name in [name for name in self._postponed if name.startswith(RECORD_MARK)]:
            self.accepted(name)

    def _next_old(self) -> EventRow | None:
        if not self._page:
            if self._released:
                ids = [self._released.popleft() for _ in range(min(PAGE_ROWS, len(self._released)))]
                self._page.extend(self._fetch_ids(ids))
            elif self._ranges:
                self._read_range()
        return self._page.popleft() if self._page else None

    def _read_range(self) -> None:
        after, up_to = self._ranges[0]
        rows = self._fetch(after, up_to, PAGE_ROWS)
        self._page.extend(rows)
        if len(rows) < PAGE_ROWS:
            self._ranges.popleft()
        else:
            self._ranges[0][0] = rows[-1].id


class _Postponed:
    """Hold the rows of one terminal that the city does not know yet, or the agent's records that nobody there takes."""

    def __init__(self, first_ms: int) -> None:
        self.ids: deque[int] = deque()
        self.delay_ms = first_ms
        self.due_ms = 0
        self.probe = 0
