"""The agent's one store: inbox of the terminals and outbox to the city in the same rows.

Promise: when `commit` returns, everything in the batch is on the disk (WAL, synchronous=FULL) and survives a power cut;
when it raises, none of it is. One connection writes, from one thread; a second one reads.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlite_utils import Database

from host_agent import folders, store_services
from host_agent.errors import StoreFaultError, StoreFullError, UserError
from host_agent.store_changes import set_invite_state
from host_agent.store_file import StoreFile, make_private
from host_agent.store_rows import NOT_ENDED, Batch, EventRow, InviteRow, WindowRow
from host_agent.store_schema import RECEIPTED, REFUSED, migrations
from host_agent.store_space import Reserve
from protocol import rating

FILE_NAME = "agent.db"
COUNTS = ("waiting", "refused", "rows", "stored_total", "receipted_total")
RESERVE_NAME = "reserve.bin"
# Small checkpoints keep the log small: a log that fills the disk could not be given back without room to write.
CHECKPOINT_PAGES = 500
LOG_LIMIT_BYTES = 2 * 1024 * 1024
PURGE_ROWS = 1000
# Rows in one INSERT, largest first: one step of the engine takes the interpreter's lock once, not once a row, and
# every taking of it may wait for SWITCH_INTERVAL_S. SQLite's limit is 32,766 values a statement; the statement cache
# holds all sizes.
_CHUNKS = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
_EVENT_COLUMNS = (
    "id, terminal, epoch, seq, copy, window, kind, invite, evidence, stored_utc_ms, delay_ms, clock_offset_ms, state"
)
_ROW_PLACES = "(?,?,?,?,?,?,?,?,?,?,?,?,0)"
_INSERTS = {n: f"INSERT INTO events({_EVENT_COLUMNS}) VALUES {','.join([_ROW_PLACES] * n)}" for n in _CHUNKS}
_SELECT_EVENTS = (
    "SELECT e.id, e.terminal, e.epoch, e.seq, e.copy, e.window, e.kind, e.invite, e.evidence,"
    " e.stored_utc_ms, e.delay_ms, e.clock_offset_ms, i.preimage"
    " FROM events e LEFT JOIN invites i ON i.invite = e.invite "
)
_UPSERT_TERMINALS = (
    "INSERT INTO terminals(terminal, epoch, seq) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),"
    " json_extract(value, '$[2]') FROM json_each(?) WHERE true ON CONFLICT(terminal) DO UPDATE SET"
    " seq = CASE WHEN excluded.epoch = epoch THEN max(seq, excluded.seq) ELSE excluded.seq END,"
    " epoch = excluded.epoch WHERE excluded.epoch >= epoch"
)
_SETTLE = "UPDATE events SET state = ?, settled_utc_ms = ? WHERE state = 0 AND id IN (SELECT value FROM json_each(?))"
# Which of a commit's events, whose ids follow each other, are of invites that this agent made.
_INVITES_OF = (
    "SELECT i.invite, i.preimage, e.kind FROM events e JOIN invites i ON i.invite = e.invite"
    " WHERE e.id BETWEEN ? AND ? ORDER BY e.id"
)
_INVITE_COLUMNS = ", ".join(InviteRow._fields)
_COUNT = "UPDATE counters SET value = value + ? WHERE name = ?"


class Store:
    """Own both connections; `commit`, `probe`, `purge` belong to the writer's thread, the rest to the event loop."""

    def __init__(self, folder: Path, reserve: Reserve | None = None) -> None:
        """Open or make the store in `folder` and bring it to the present layout.

        :raises UserError: the folder or the file cannot be used.
        """
        self.path = folder / FILE_NAME
        try:
            folders.make(folder)
            make_private(self.path)
            self._db = Database(connect(self.path))
            migrations.apply(self._db)
            self._read = connect(self.path)
            self._read.execute("PRAGMA query_only = 1")
            self._file = StoreFile(self.path)
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"cannot open the store: {error}", str(self.path), "check the folder, its rights and room"
            ) from None
        self._conn: sqlite3.Connection = self._db.conn
        # Whether what was to be forgotten may still stand in the log, as after a power cut; tried again at each purge.
        self.log_remembers = not self._shrink_log()
        self.reserve = reserve or Reserve(folder / RESERVE_NAME)

    def close(self) -> None:
        """Close both connections; the log is folded into the database."""
        self._read.close()
        self._conn.close()

    # --- the writer's thread

    def commit(self, batch: Batch, settled_utc_ms: int) -> None:
        """Make the batch durable.

        :raises StoreFullError, StoreFaultError: nothing of the batch is stored.
        """
        try:
            with self._db.atomic():
                if batch.events:
                    self._insert_events(batch.events)
                    batch.preimages = self._end_invites(batch.events)
                if batch.receipted:
                    done = self._conn.execute(_SETTLE, (RECEIPTED, settled_utc_ms, _json_ids(batch.receipted))).rowcount
                    self._conn.execute(_COUNT, (done, "receipted"))
                for statement, values in (*batch.notes, *batch.changes):
                    self._conn.execute(statement, values)
                # The last thing before COMMIT: into a file that is gone nothing is durable.
                self.require_file()
        except sqlite3.Error as error:
            self._shrink_log()
            raise store_error(error) from error
        if batch.forgets:
            self.log_remembers = not self._shrink_log()

    def require_file(self) -> None:
        """See that the store's file is where it was opened.

        :raises StoreFaultError: it was removed, moved away or replaced.
        """
        trouble = self._file.trouble()
        if trouble is not None:
            raise StoreFaultError(trouble)

    def probe(self) -> None:
        """Write a few bytes for nothing but to learn whether the store takes them.

        :raises StoreFullError, StoreFaultError: it does not.
        """
        try:
            with self._db.atomic():
                self._conn.execute(_COUNT, (1, "probe"))
                self.require_file()
        except sqlite3.Error as error:
            self._shrink_log()
            raise store_error(error) from error

    def purge(self, before_utc_ms: int) -> int:
        """Delete some events that were receipted before that time, and invites twice as old; return how many events.

        :raises StoreFullError, StoreFaultError: nothing was deleted.
        """
        if self.log_remembers:
            self.log_remembers = not self._shrink_log()
        try:
            with self._db.atomic():
                rows = self._conn.execute(
                    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE state = ? AND settled_utc_ms < ?"
                    " ORDER BY id LIMIT ?)",
                    (RECEIPTED, before_utc_ms, PURGE_ROWS),
                ).rowcount
                self._conn.execute(
                    "DELETE FROM invites WHERE created_utc_ms < ? AND state NOT IN ('pending', 'open')"
                    " AND created_utc_ms < coalesce((SELECT min(stored_utc_ms) FROM events WHERE state = 0), ?)",
                    (before_utc_ms, before_utc_ms),
                )
                for statement, values in store_services.purge(before_utc_ms):
                    self._conn.execute(statement, values)
        except sqlite3.Error as error:
            raise store_error(error) from error
        return rows

    def _insert_events(self, events: Sequence[EventRow]) -> None:
        execute = self._conn.execute
        start, left = 0, len(events)
        for size in _CHUNKS:
            while left >= size:
                values: list = []
                for row in events[start : start + size]:
                    values += row[:12]
                execute(_INSERTS[size], values)
                start, left = start + size, left - size
        highest = [(terminal, epoch, seq) for (terminal, epoch), seq in _highest(events).items()]
        execute(_UPSERT_TERMINALS, (json.dumps(highest),))
        execute(_COUNT, (len(events), "stored"))

    def _end_invites(self, events: Sequence[EventRow]) -> dict[bytes, bytes]:
        """Note the first outcome of each invite; return the preimages of the events' invites."""
        preimages: dict[bytes, bytes] = {}
        ids = [row.id for row in events]
        for invite, preimage, kind in self._conn.execute(_INVITES_OF, (min(ids), max(ids))).fetchall():
            preimages[invite] = preimage
            if kind in rating.OUTCOMES:
                self._conn.execute(*set_invite_state(invite, rating.KIND_NAMES[kind], None, NOT_ENDED))
        return preimages

    def _shrink_log(self) -> bool:
        """Empty the log; after a failed commit it would stay full for good. Return False when a reader prevents it."""
        try:
            return self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        except sqlite3.Error:
            return False

    # --- the event loop

    def query(self, statement: str, values: Sequence = ()) -> list[tuple]:
        """Return the rows of a reading statement; each part of the agent keeps its own beside what it is for."""
        return self._read.execute(statement, values).fetchall()

    def last_event_id(self) -> int:
        """Return the highest row id held, 0 for none."""
        return self._read.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]

    def highest(self, terminal: str) -> tuple[int, int]:
        """Return the highest (epoch, seq) ever held of a terminal, (0, 0) for none."""
        row = self._read.execute("SELECT epoch, seq FROM terminals WHERE terminal = ?", (terminal,)).fetchone()
        return row or (0, 0)

    def recovery(self, terminal: str, epoch: int) -> tuple[int, int] | None:
        """Return the range of sequence numbers that is still to be fetched again, None for none."""
        query = "SELECT first, last FROM recoveries WHERE terminal = ? AND epoch = ?"
        return self._read.execute(query, (terminal, epoch)).fetchone()

    def copies(self, terminal: str, epoch: int, seq: int) -> list[bytes]:
        """Return the bytes held under one identity; more than one is a conflict."""
        rows = self._read.execute(
            "SELECT evidence FROM events WHERE terminal = ? AND epoch = ? AND seq = ? ORDER BY copy",
            (terminal, epoch, seq),
        )
        return [row[0] for row in rows]

    def waiting(self, after_id: int, up_to_id: int, limit: int) -> list[EventRow]:
        """Return events without receipt, oldest first."""
        rows = self._read.execute(
            _SELECT_EVENTS + "WHERE e.state = 0 AND e.id > ? AND e.id <= ? ORDER BY e.id LIMIT ?",
            (after_id, up_to_id, limit),
        )
        return [EventRow._make(row) for row in rows]

    def waiting_by_id(self, ids: Iterable[int]) -> list[EventRow]:
        """Return those of `ids` that still have no receipt, oldest first."""
        rows = self._read.execute(
            _SELECT_EVENTS + "WHERE e.state = 0 AND e.id IN (SELECT value FROM json_each(?)) ORDER BY e.id",
            (_json_ids(ids),),
        )
        return [EventRow._make(row) for row in rows]

    def waiting_event(self, terminal: str, epoch: int, seq: int, copy: int) -> tuple[int, bytes] | None:
        """Return row id and evidence of an event that still has no receipt."""
        return self._read.execute(
            "SELECT id, evidence FROM events WHERE terminal = ? AND epoch = ? AND seq = ? AND copy = ? AND state = 0",
            (terminal, epoch, seq, copy),
        ).fetchone()

    def counts(self) -> dict[str, int]:
        """Return COUNTS: waiting, refused, all rows, and the totals since the store was made."""
        one = self._read.execute(
            "SELECT (SELECT count(*) FROM events WHERE state = 0), (SELECT count(*) FROM events WHERE state = 2),"
            " (SELECT count(*) FROM events)"
        ).fetchone()
        totals = dict(self._read.execute("SELECT name, value FROM counters"))
        return dict(zip(COUNTS, (*one, totals["stored"], totals["receipted"]), strict=True))

    def refused(self, limit: int) -> list[tuple[str, int, int, int, str]]:
        """Return the shelf: terminal, epoch, seq, copy and code of what the city refused, newest first."""
        return self._read.execute(
            "SELECT terminal, epoch, seq, copy, code FROM events WHERE state = ? ORDER BY id DESC LIMIT ?",
            (REFUSED, limit),
        ).fetchall()

    def invite(self, invite: bytes) -> InviteRow | None:
        """Return one invite."""
        return self._one_invite("WHERE invite = ?", (invite,))

    def invite_by_key(self, window: str, client_key: str) -> InviteRow | None:
        """Return the invite that a client made under its own key."""
        return self._one_invite("WHERE window = ? AND client_key = ?", (window, client_key))

    def recent_invites(self, window: str, limit: int) -> list[InviteRow]:
        """Return the newest invites of a window, oldest first."""
        rows = self._read.execute(
            f"SELECT {_INVITE_COLUMNS} FROM invites WHERE window = ? ORDER BY created_utc_ms DESC LIMIT ?",
            (window, limit),
        ).fetchall()
        return [InviteRow._make(row) for row in reversed(rows)]

    def window(self, window: str) -> WindowRow:
        """Return what a window was told last."""
        row = self._read.execute("SELECT window, clerk, paused FROM windows WHERE window = ?", (window,)).fetchone()
        return WindowRow._make(row) if row else WindowRow(window, None, 0)

    def _one_invite(self, where: str, values: tuple) -> InviteRow | None:
        row = self._read.execute(f"SELECT {_INVITE_COLUMNS} FROM invites {where}", values).fetchone()
        return InviteRow._make(row) if row else None


def connect(path: Path) -> sqlite3.Connection:
    """Open a database whose commits survive a power cut; raises sqlite3.Error."""
    # One connection is handed from the opening thread to the writer's thread; only one of them uses it at a time.
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = 1",
        "checkpoint_fullfsync = 1",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        f"journal_size_limit = {LOG_LIMIT_BYTES}",
        "cache_size = -2000",
        # What is deleted is overwritten: names and portraits of clerks too.
        "secure_delete = 1",
    ):
        conn.execute(f"PRAGMA {pragma}").fetchall()
    return conn


def store_error(error: sqlite3.Error) -> StoreFullError | StoreFaultError:
    """Return what an error of the engine means for a batch."""
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return StoreFullError(str(error)) if full else StoreFaultError(str(error))


def _highest(events: Sequence[EventRow]) -> dict[tuple[str, int], int]:
    highest: dict[tuple[str, int], int] = {}
    for row in events:
        key = (row.terminal, row.epoch)
        if row.seq > highest.get(key, -1):
            highest[key] = row.seq
    return highest


def _json_ids(ids: Iterable[int]) -> str:
    return "[" + ",".join(map(str, ids)) + "]"
