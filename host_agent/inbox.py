"""Turns the events of a terminal into rows, each exactly once, and answers when they are durable.

Promise: an event counts as stored only after its commit; one that is already held is not written again; other bytes
under the same identity are kept beside the first (the city calls it a conflict); what cannot be parsed is kept too.
"""

from collections.abc import Callable

from host_agent import clear_part
from host_agent.errors import AgentError
from host_agent.store import Store
from host_agent.store_changes import set_invite_state
from host_agent.store_rows import NOT_ENDED, Change, EventRow
from host_agent.writer import Writer
from protocol import rating

_OUTCOME_KINDS = frozenset(rating.OUTCOMES)

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

    def take(
        self, source: Source, events: list[LinkEvent], stored: Stored, preimage: Callable[[bytes], bytes | None]
    ) -> None:
        """Store `events`; `stored` gets the sequence numbers that are durable, at once or after the commit.

        What the store does not take is not answered: the terminal keeps it and sends it again.
        """
        if not self._writer.accepting:
            source.turned_away = True
            return
        held: list[int] = []
        rows: list[EventRow] = []
        now_ms = self._utc_ms()
        for seq, age_ms, evidence in events:
            copy = self._copy_number(source, seq, evidence)
            if copy == 0:
                held.append(seq)
            elif copy > 0:
                kind, invite = clear_part.read(evidence)
                rows.append(
                    EventRow(
                        self._next_id,
                        source.terminal,
                        source.epoch,
                        seq,
                        copy,
                        source.window,
                        kind,
                        invite,
                        evidence,
                        now_ms,
                        age_ms,
                        source.clock_offset_ms,
                        preimage(invite) if invite is not None else None,
                    )
                )
                self._next_id += 1
                self._under_way.setdefault((source.terminal, source.epoch, seq), []).append(evidence)
        if held:
            stored(held)
        if rows:
            self._writer.add_events(rows, _outcome_changes(rows), lambda error: self._done(source, rows, stored, error))

    def _copy_number(self, source: Source, seq: int, evidence: bytes) -> int:
        """Return which copy `evidence` would be: 0 already durable, −1 already under way, else 1, 2…"""
        key = (source.terminal, source.epoch, seq)
        waiting = self._under_way.get(key, ())
        if evidence in waiting:
            return -1
        highest = self._highest.get(source.terminal)
        if highest is None:
            highest = self._store.highest(source.terminal)
        if (source.epoch, seq) > highest:
            self._highest[source.terminal] = (source.epoch, seq)
            return 1 + len(waiting)
        self._highest[source.terminal] = highest
        held = self._store.copies(*key)
        if evidence in held:
            return 0
        return 1 + len(held) + len(waiting)

    def _done(self, source: Source, rows: list[EventRow], stored: Stored, error: AgentError | None) -> None:
        for row in rows:
            key = (row.terminal, row.epoch, row.seq)
            waiting = self._under_way[key]
            waiting.remove(row.evidence)
            if not waiting:
                del self._under_way[key]
        if error is not None:
            source.turned_away = True
            return
        self._tell_committed(rows)
        stored([row.seq for row in rows])
        for row in rows:
            if row.invite is not None and row.kind in _OUTCOME_KINDS:
                self._tell_outcome(row.window, row.invite, rating.KIND_NAMES[row.kind])


def _outcome_changes(rows: list[EventRow]) -> list[Change]:
    """Return the changes that note each invite's first outcome."""
    return [
        set_invite_state(row.invite, rating.KIND_NAMES[row.kind], None, NOT_ENDED)
        for row in rows
        if row.invite is not None and row.kind in _OUTCOME_KINDS
    ]
