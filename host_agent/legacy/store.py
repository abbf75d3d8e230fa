"""Keeps the sealed events of one old rater until the agent has them, and what no restart may forget.

Stored layout (SQLite, WAL, STRICT tables), one file `legacy-{terminal}-{epoch}.db` in the agent's data folder:

    about    one row: terminal, epoch, journal_id as in the key file, and the number of the last start
    events   each sealed event by its seq; acked 1 once the agent has it. The newest of them stay for RESEND.
    invites  the last 256 invites in their order; ended 1 once an outcome is sealed. None of them is opened again.

Promise: what a method returned from is on the disk (synchronous=FULL); what raised is not there.
"""

import sqlite3
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from host_agent import folders, store
from host_agent.errors import AgentError, StoreFaultError
from host_agent.store_file import StoreFile
from protocol import codes

KNOWN_INVITES = 256
# Acknowledged events that stay readable, for an agent whose disk died: some weeks of one window, 2 MB.
KEPT_EVENTS = 10_000
PURGE_EVERY = 64
# Events not acknowledged: only an agent whose own store is full for months gets so far.
CAPACITY = 50_000
# An invite, its outcome, and what may be sealed beside.
ROOM_FOR_INVITE = 12
BOOT_MAX = 0xFFFF_FFFF

_migrations = Migrations("host_agent.legacy")


class JournalMismatch(AgentError):
    """Say that the file is missing, empty or another provisioning's: sealing could use a number twice."""


@_migrations(name="0001_first_layout")
def _first_layout(db: Database) -> None:
    for statement in _FIRST_LAYOUT:
        db.conn.execute(statement)


_FIRST_LAYOUT = (
    """CREATE TABLE about(
        one INTEGER PRIMARY KEY CHECK (one = 1), terminal TEXT NOT NULL, epoch INTEGER NOT NULL,
        journal_id BLOB NOT NULL, boot INTEGER NOT NULL) STRICT""",
    "CREATE TABLE events(seq INTEGER PRIMARY KEY, evidence BLOB NOT NULL, acked INTEGER NOT NULL) STRICT",
    "CREATE INDEX events_unacked ON events(seq) WHERE acked = 0",
    """CREATE TABLE invites(
        number INTEGER PRIMARY KEY, invite BLOB NOT NULL UNIQUE, origin INTEGER NOT NULL,
        ended INTEGER NOT NULL) STRICT""",
)


class RaterStore:
    """Own the file; every method may wait for the disk."""

    def __init__(self, folder: Path, terminal: str, epoch: int, journal_id: bytes, make: bool) -> None:
        """Open the file, or with `make` begin one where there is none.

        :raises JournalMismatch: it is not there, or not this provisioning's; sqlite3.Error, OSError: it does not open.
        """
        self.path = folder / f"legacy-{terminal}-{epoch}.db"
        if not make and not self.path.is_file():
            raise JournalMismatch("the journal is gone although it was in use")
        folders.make(folder)
        self._db = Database(store.connect(self.path))
        self._conn: sqlite3.Connection = self._db.conn
        try:
            self._file = StoreFile(self.path)
            _migrations.apply(self._db)
            self._own(terminal, epoch, journal_id, make)
            self._read()
        except BaseException:
            self._conn.close()
            raise

    def close(self) -> None:
        """Close the file; its log is folded in."""
        self._conn.close()

    # --- start

    def _own(self, terminal: str, epoch: int, journal_id: bytes, make: bool) -> None:
        row = self._conn.execute("SELECT terminal, epoch, journal_id FROM about").fetchone()
        if row is None and make:
            with self._db.atomic():
                values = (terminal, epoch, journal_id)
                self._conn.execute(
                    "INSERT INTO about(one, terminal, epoch, journal_id, boot) VALUES (1,?,?,?,0)", values
                )
        elif row != (terminal, epoch, journal_id):
            raise JournalMismatch("the journal belongs to another provisioning")

    def _read(self) -> None:
        self.last_seq: int = self._conn.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        row = self._conn.execute("SELECT evidence FROM events WHERE seq = ?", (self.last_seq,)).fetchone()
        self.last_event: bytes | None = row[0] if row else None
        self._read_waiting()
        rows = self._conn.execute("SELECT number, invite, origin, ended FROM invites ORDER BY number").fetchall()
        self._known = {row[1] for row in rows}
        self._number = rows[-1][0] if rows else 0
        self.open_invite: tuple[bytes, int] | None = next((row[1:3] for row in reversed(rows) if not row[3]), None)

    def _read_waiting(self) -> None:
        first, waiting = self._conn.execute("SELECT min(seq), count(*) FROM events WHERE acked = 0").fetchone()
        self.first_unacked: int = self.last_seq + 1 if first is None else first
        self._waiting: int = waiting

    def begin_boot(self, at_least: int) -> int:
        """Make this start's number durable and return it: above the last one, and not below `at_least`.

        :raises sqlite3.Error, StoreFaultError: it is not durable.
        """
        boot = self._conn.execute("SELECT boot FROM about").fetchone()[0] + 1
        boot = max(boot, min(at_least, BOOT_MAX // 2))
        if boot > BOOT_MAX:
            raise JournalMismatch("all numbers of starts are used up")
        with self._db.atomic():
            self._conn.execute("UPDATE about SET boot = ?", (boot,))
            self._require_file()
        return boot

    # --- writing

    def append(self, events: list[tuple[int, int, bytes | None, bytes]]) -> None:
        """Make events (seq, kind, invite, evidence) durable, all or none, and end the invites they are outcomes of.

        :raises StoreFullError, StoreFaultError: nothing of them is stored.
        """
        try:
            with self._db.atomic():
                for seq, kind, invite, evidence in events:
                    self._conn.execute("INSERT INTO events(seq, evidence, acked) VALUES (?,?,0)", (seq, evidence))
                    if kind in codes.OUTCOMES:
                        self._conn.execute("UPDATE invites SET ended = 1 WHERE invite = ?", (invite,))
                self._require_file()
        except sqlite3.Error as error:
            raise store.store_error(error) from error
        if not self._waiting:
            self.first_unacked = events[0][0]
        self._waiting += len(events)
        self.last_seq, self.last_event = events[-1][0], events[-1][3]
        if self.open_invite and any(kind in codes.OUTCOMES and self.open_invite[0] == of for _, kind, of, _ in events):
            self.open_invite = None

    def put_invite(self, invite: bytes, origin: int) -> None:
        """Make an invite durable and forget the oldest beyond 256.

        :raises StoreFullError, StoreFaultError: it is not.
        """
        number = self._number + 1
        forgotten = self._conn.execute("SELECT invite FROM invites WHERE number <= ?", (number - KNOWN_INVITES,))
        gone = {row[0] for row in forgotten}
        try:
            with self._db.atomic():
                self._conn.execute("DELETE FROM invites WHERE number <= ?", (number - KNOWN_INVITES,))
                self._conn.execute(
                    "INSERT INTO invites(number, invite, origin, ended) VALUES (?,?,?,0)", (number, invite, origin)
                )
                self._require_file()
        except sqlite3.Error as error:
            raise store.store_error(error) from error
        self._number = number
        self._known = (self._known - gone) | {invite}
        self.open_invite = invite, origin

    def acknowledge(self, seqs: list[int]) -> None:
        """Note that the agent has these events; an error is none: they are sent again."""
        try:
            with self._db.atomic():
                self._conn.executemany("UPDATE events SET acked = 1 WHERE seq = ?", [(seq,) for seq in seqs])
                if self.last_seq % PURGE_EVERY < len(seqs):
                    old = self.last_seq - KEPT_EVENTS
                    self._conn.execute("DELETE FROM events WHERE seq <= ? AND acked = 1", (old,))
            self._read_waiting()
        except sqlite3.Error:
            return

    def _require_file(self) -> None:
        trouble = self._file.trouble()
        if trouble is not None:
            raise StoreFaultError(trouble)

    # --- reading

    def known(self, invite: bytes) -> bool:
        """Say whether an invite is among the last 256."""
        return invite in self._known

    def read(self, seq: int) -> bytes | None:
        """Return an event, None when it is not there."""
        try:
            row = self._conn.execute("SELECT evidence FROM events WHERE seq = ?", (seq,)).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    @property
    def room(self) -> int:
        """Return how many events fit until an invite is refused."""
        return max(0, CAPACITY - ROOM_FOR_INVITE - self._waiting)
