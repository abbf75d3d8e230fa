"""Turns the events of a terminal into rows, each exactly once, and answers when they are durable.

Promise: an event counts as stored only after its commit; one that is already held is not written again; other bytes
under the same identity are kept beside the first (the city calls it a conflict); what cannot be parsed is kept too.
"""

from collections.abc import Callable, Mapping

from host_agent import clear_part
from host_agent.errors import AgentError
from host_agent.store import Store
from host_agent.store_rows import EventRow
from host_agent.writer import Writer
from protocol import rating

LinkEvent = tuple[int, int | None, bytes]
Stored = Callable[[list[int]], None]
Outcome = Callable[[str, bytes, str], None]


class Source:
    """Name where events come from, as HELLO_REPLY told it."""

    def __init__(self, terminal: str, epoch: int, window: str, clock_offset_ms: int | None) -> None:
        """Keep the names; `clock_offset_ms` is terminal minus PC."""
        self.terminal = terminal
        self.epoch = epoch
        self.window = window
        self.clock_offset_ms = clock_offset_ms
        self.turned_away = False  # events came that the store did not take


class Inbox:
    """Own what is known of the events held and under way; belongs to the event loop."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        utc_ms: Callable[[], int],
        committed: Callable[[list[EventRow]], None],
        outcome: Outcome,
    ) -> None:
        """Keep the parts; `committed` gets each new row once, `outcome` (window, invite, state) after the commit."""
        self._store = store
        self._writer = writer
        self._utc_ms = utc_ms
        self._tell_committed = committed
        self._tell_outcome = outcome
        self._next_id = store.last_event_id() + 1
        self._highest: dict[str, tuple[int, int]] = {}
        self._under_way: dict[tuple[str, int, int], list[bytes]] = {}

    def highest(self, terminal: str) -> tuple[int, int]:
        """Return the highest (epoch, seq) that is durable of a terminal, for HELLO."""
        return self._store.highest(terminal)

    def take_id(self) -> int:
        """Return the next id of a row of `events`, for one that no terminal sent."""
        self._next_id += 1
        return self._next_id - 1

    def take(self, source: Source, events: list[LinkEvent], stored: Stored) -> None:
        """Store `events`; `stored` gets the sequence numbers that are durable, at once or after the commit.

        What the store does not take is not answered: the terminal keeps it and sends it again.
        """
        if not self._writer.accepting:
            source.turned_away = True
            return
        terminal, epoch, window, offset_ms = source.terminal, source.epoch, source.window, source.clock_offset_ms
        highest = self._highest.get(terminal) or self._store.highest(terminal)
        held: list[int] = []
        rows: list[EventRow] = []
        now_ms = self._utc_ms()
        id_ = self._next_id
        for seq, age_ms, evidence in events:
            key = (terminal, epoch, seq)
            if (epoch, seq) > highest:
                highest, copy = (epoch, seq), 1
                self._under_way[key] = [evidence]
            else:
                copy = self._copy_number(key, evidence)
                if copy <= 0:
                    if copy == 0:
                        held.append(seq)
                    continue
                self._under_way.setdefault(key, []).append(evidence)
            kind, invite = clear_part.read(evidence)
            rows.append(
                EventRow(
                    id_, terminal, epoch, seq, copy, window, kind, invite, evidence, now_ms, age_ms, offset_ms, None
                )
            )
            id_ += 1
        self._next_id = id_
        self._highest[terminal] = highest
        if held:
            stored(held)
        if rows:
            self._writer.add_events(rows, lambda error, preimages: self._done(source, rows, stored, error, preimages))

    def _copy_number(self, key: tuple[str, int, int], evidence: bytes) -> int:
        """Return which copy of a number not above the highest this is: 0 durable, −1 under way, else 1, 2…"""
        waiting = self._under_way.get(key, ())
        if evidence in waiting:
            return -1
        held = self._store.copies(*key)
        if evidence in held:
            return 0
        return 1 + len(held) + len(waiting)

    def _done(
        self,
        source: Source,
        rows: list[EventRow],
        stored: Stored,
        error: AgentError | None,
        preimages: Mapping[bytes, bytes],
    ) -> None:
        for row in rows:
            key = row[1:4]
            waiting = self._under_way[key]
            waiting.remove(row.evidence)
            if not waiting:
                del self._under_way[key]
        if error is not None:
            source.turned_away = True
            return
        if preimages:
            rows = [row._replace(preimage=preimages.get(row.invite)) if row.invite else row for row in rows]
        self._tell_committed(rows)
        stored([row.seq for row in rows])
        for row in rows:
            if row.invite is not None and row.preimage is not None and row.kind in rating.OUTCOMES:
                self._tell_outcome(row.window, row.invite, rating.KIND_NAMES[row.kind])
