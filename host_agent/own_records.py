"""What the agent itself tells the city by record, in the outbox of the events: under this store's own name.

A record is a row of `events` whose terminal is the store's name ("~" and 16 random hex digits, which no terminal can
have), whose epoch is 0 and whose evidence is the record's JSON. So it is published, receipted, tried again, put on the
shelf and purged as an event is; another store, even on the same PC, numbers under another name.
"""

import json
from collections.abc import Callable
from typing import Any

from host_agent.store import Store
from host_agent.store_rows import Change, EventRow

EPOCH = 0
RECORD_MARK = "~"


def is_record(row: EventRow) -> bool:
    """Say whether a row of the outbox is a record, not a terminal's event."""
    return row.terminal.startswith(RECORD_MARK)


class OwnRecords:
    """Number the records and put them into the outbox; belongs to the event loop."""

    def __init__(self, store: Store, next_id: Callable[[], int], committed: Callable[[list[EventRow]], None]) -> None:
        """Read name and last number; `next_id` gives the ids of `events`, `committed` gets a row once it is durable."""
        self._next_id = next_id
        self._committed = committed
        self.name, self._last = store.query("SELECT name, last FROM own_records")[0]

    def next(self) -> int:
        """Return the next number; one whose record never became durable is not given again."""
        self._last += 1
        return self._last

    def record_id(self, number: int) -> str:
        """Return the id of a record, as the city knows it."""
        return f"{self.name}-{EPOCH}-{number}"

    def row(self, number: int, window: str, invite: bytes | None, record: dict[str, Any], now_ms: int) -> EventRow:
        """Return the record as a row of the outbox."""
        evidence = canonical(record)
        return EventRow(
            self._next_id(), self.name, EPOCH, number, 1, window, None, invite, evidence, now_ms, None, None, None
        )

    def changes(self, row: EventRow) -> list[Change]:
        """Return the changes that make the row durable; hand it to `done` afterwards."""
        places = ",".join("?" * len(_COLUMNS))
        return [
            (f"INSERT INTO events({', '.join(_COLUMNS)}, state) VALUES ({places}, 0)", row[: len(_COLUMNS)]),
            ("UPDATE own_records SET last = max(last, ?) WHERE name = ?", (row.seq, row.terminal)),
            ("UPDATE counters SET value = value + 1 WHERE name = 'stored'", ()),
        ]

    def done(self, row: EventRow) -> None:
        """Have a row published that is durable."""
        self._committed([row])


_COLUMNS = EventRow._fields[:-1]  # all but the preimage, which is the invite's


def canonical(record: dict[str, Any]) -> bytes:
    """Return the one JSON text of a record: sorted keys, no spaces, UTF-8 (RFC 8785, for there are no fractions)."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
