"""What the receiver has promised at a moment of a run, and the judging of a store after a power cut against it."""

import json
import sqlite3
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from host_agent.provision.registry import Entry
from host_agent.receiver.checks import REFUSED, WAITING_CODES
from host_agent.receiver.handed_on import record_id
from host_agent.receiver.store import FILE_NAME
from protocol import evidence
from tests.city.terminals import Terminal, message
from tests.host_power_cut import city_life
from tests.host_power_cut.city_life import Life, Registered
from tests.host_power_cut.promise import Mark, opened, require
from tests.host_power_cut.vfs import Recording

_AGAIN = 8  # events that come again although they were receipted


@dataclass
class CityPromise:
    """All that was handed to the receiver, and what of it must be there."""

    given: dict[bytes, None] = field(default_factory=dict)
    receipted: set[bytes] = field(default_factory=set)
    waiting: set[bytes] = field(default_factory=set)  # refused for want of a key, and kept
    known: list[Entry] = field(default_factory=list)
    handed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def keep(self, mark: Mark) -> None:
        """Take what happened."""
        if mark.what == city_life.GIVEN:
            self.given.update(dict.fromkeys(mark.value))
        elif mark.what == city_life.KNOWN:
            self.known.append(mark.value)
        elif mark.what == city_life.HANDED:
            for record in mark.value:
                self.handed.setdefault(record["id"], []).append(record)
        elif mark.what == city_life.RECEIPTED:
            self.receipted |= {event for status, _, event in mark.value if status != REFUSED}
            self.waiting |= {event for _, code, event in mark.value if code in WAITING_CODES}

    def judge(self, folder: Path, left: int | None = None) -> None:
        """Raise Broken unless the store that lies in the folder keeps every promise, with so many records left."""
        with opened(folder / FILE_NAME, bool(self.receipted or self.waiting)) as conn:
            if conn is None:
                return
            self._judge_events(conn)
            found = conn.execute("SELECT count(*) FROM outbox").fetchone()[0]
            require(left is None or found == left, f"{found} records were not handed on")

    def _judge_events(self, conn: sqlite3.Connection) -> None:
        records: dict[str, dict[int, dict]] = {
            id_: {record["revision"]: record for record in handed} for id_, handed in self.handed.items()
        }
        for (text,) in conn.execute("SELECT record FROM outbox"):
            record = json.loads(text)
            records.setdefault(record["id"], {})[record["revision"]] = record
        rows = conn.execute("SELECT evidence, copy, revision FROM events WHERE hand_on = 1").fetchall()
        held = [row[0] for row in rows]
        require(len(held) == len(set(held)), "an event is doubled")
        require(set(held) <= self.given.keys(), "an event was never handed over with these bytes")
        require(self.receipted <= set(held), "receipted events are lost")
        ids = {}
        for event, copy, revision in rows:
            id_ = record_id(evidence.parse(event), copy)
            require(id_ not in ids, f"two events are handed on as {id_}")
            ids[id_] = event
            require(max(records.get(id_, {0: {}})) == revision, f"the last word on {id_} is lost")
        require(records.keys() <= ids.keys(), "records of events that are not here")
        shelf = {row[0] for row in conn.execute("SELECT digest FROM shelf")}
        kept = self.waiting - set(held)
        require({sha256(event).digest() for event in kept} <= shelf, "a message that waits for its key is lost")
        self._judge_spans(conn, [evidence.parse(event) for event in held])

    def _judge_spans(self, conn: sqlite3.Connection, held: list[evidence.Clear]) -> None:
        """Gaps that are shown to people are those that are there."""
        numbers = {(clear.terminal, clear.epoch, clear.seq) for clear in held}
        spans = conn.execute("SELECT terminal, epoch, first, last FROM spans").fetchall()
        told = [(terminal, epoch, seq) for terminal, epoch, first, last in spans for seq in range(first, last + 1)]
        require(len(told) == len(set(told)) and set(told) == numbers, "the numbers held are not those of the events")
        totals = {row[0]: row[1] for row in conn.execute("SELECT terminal, sum(events) FROM terminals GROUP BY 1")}
        counted = {name: sum(clear.terminal == name for clear in held) for name in {one.terminal for one in held}}
        require(totals == counted, "a terminal's count of events is wrong")

    # --- going on

    def go_on(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        """Start the receiver's parts again: messages come again, all records are handed on; mark it."""
        registered = Registered({(entry.terminal, entry.epoch): entry for entry in self.known})
        life = Life(folder, registered, 8, recording, marks)
        for entry in self.known:
            life.register(entry)
        fresh = Terminal("YP-0099")
        life.register(fresh.entry())
        life.retry_shelf(list(self.given))
        again = [event for event in self.given if event not in self.receipted] + list(self.receipted)[:_AGAIN]
        life.take([message(fresh, event) for event in (*again, fresh.boots())])
        while life.hand_on(1000):
            pass
        life.close()

    def judge_after(self, folder: Path) -> None:
        """Raise Broken unless everything that opens is there once, and the last word on it was handed on."""
        self.judge(folder, left=0)
        known = {(entry.terminal, entry.epoch) for entry in self.known}
        opening = {event for event in self.given if _place(event) in known}
        require(opening == self.receipted, "what came again was not receipted")


def _place(event: bytes) -> tuple[str, int]:
    clear = evidence.parse(event)
    return clear.terminal, clear.epoch
