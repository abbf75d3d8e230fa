"""The receiver's store: one connection that writes, owned by one thread; nothing is receipted before it is here.

Promise: when the `with store.batch():` block ends, everything written in it is on the disk (WAL, synchronous=FULL) and
survives a power cut; when it raises StoreError, none of it is, and the log's room is given back so that a disk that was
full works again without a restart.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from host_agent import folders, sqlite_cures
from host_agent.errors import AgentError, UserError
from host_agent.receiver import self_tests
from host_agent.receiver.checks import BROKEN, OK, PENDING, Place, Surroundings, Verdict
from host_agent.receiver.handed_on import Carried
from host_agent.receiver.notes import Alarms, Outbox, Shelf
from host_agent.receiver.schema import migrations
from host_agent.receiver.service_records import ServiceRecords
from host_agent.store import connect
from host_agent.store_file import StoreFile
from protocol import evidence, rating

FILE_NAME = "receiver.db"
CHAIN_CODES = {PENDING: 0, OK: 1, BROKEN: 2}
CHAIN_NAMES = {code: name for name, code in CHAIN_CODES.items()}
_VIEW_WAIT_MS = 500
LATE_MS = 3_600_000  # an event that needed longer from the press to the city is counted as late

_OUTCOMES = f"({', '.join(str(kind) for kind in rating.OUTCOMES)})"
_T, _PREV, _WHY, _FIRMWARE = 1, 5, 14, 17


class StoreError(AgentError):
    """Say that nothing of the batch is durable: it must not be receipted, and is to be tried again."""


class View:
    """Read for the status over a connection of its own: who asks waits neither for a commit nor for a lock."""

    def __init__(self, path: Path) -> None:
        """Open what a Store has made; raises sqlite3.Error."""
        self.conn = connect(path)
        for pragma in ("query_only = 1", f"busy_timeout = {_VIEW_WAIT_MS}"):
            self.conn.execute(f"PRAGMA {pragma}").fetchall()
        self.outbox = Outbox(self.conn)
        self.shelf = Shelf(self.conn)
        self.alarms = Alarms(self.conn)

    def close(self) -> None:
        """Close the connection."""
        self.conn.close()


class Store:
    """Own the database; every method belongs to the worker's thread."""

    def __init__(self, folder: Path) -> None:
        """Open or make the database in `folder`; raises UserError when the folder or the file cannot be used."""
        self.path = folder / FILE_NAME
        try:
            folders.make(folder)
            conn = connect(self.path)
            self._db = Database(conn)
            migrations.apply(self._db)
            self._file = StoreFile(self.path)
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"cannot open the receiver's database: {error}", str(self.path), "check the folder, its rights and room"
            ) from None
        self.conn = conn
        self.outbox = Outbox(conn)
        self.shelf = Shelf(conn)
        self.alarms = Alarms(conn)
        self.services = ServiceRecords(conn)

    def close(self) -> None:
        """Close the database; the log is folded into it."""
        self._db.close()

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Make all that is written inside durable together; raises StoreError when it is not."""
        try:
            with self._db.atomic():
                yield
                # The last thing before COMMIT: into a file that is gone nothing is durable.
                trouble = self._file.trouble()
                if trouble is not None:
                    cure = "bring it back, or restart the receiver to begin a new one"
                    raise StoreError(f"{trouble} ({self.path}): {cure}")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            raise StoreError(explain(error, self.path)) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read inside; raises StoreError when the database cannot be read."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(explain(error, self.path)) from error

    # --- what is there

    def same(self, terminal: str, epoch: int, seq: int, event: bytes) -> sqlite3.Row | tuple | None:
        """Return (row, copy, bound, versions) of the event with exactly these bytes, or None."""
        return self.conn.execute(
            "SELECT row, copy, bound, (SELECT COUNT(*) FROM events WHERE terminal = ?1 AND epoch = ?2 AND seq = ?3)"
            " FROM events WHERE terminal = ?1 AND epoch = ?2 AND seq = ?3 AND evidence = ?4",
            (terminal, epoch, seq, event),
        ).fetchone()

    def around(self, clear: evidence.Clear) -> Surroundings:
        """Return what is stored beside the place of an event, and about its invite."""
        beside: dict[int, list[Place]] = {-1: [], 0: [], 1: []}
        for row, seq, boot, event, prev, chain in self.conn.execute(
            "SELECT row, seq, boot, evidence, prev, chain FROM events"
            " WHERE terminal = ? AND epoch = ? AND seq BETWEEN ? AND ?",
            (clear.terminal, clear.epoch, clear.seq - 1, clear.seq + 1),
        ):
            beside[seq - clear.seq].append(Place(row, seq, boot, event, prev, CHAIN_NAMES[chain]))
        ended = self.conn.execute(
            "SELECT ended_seq, newest_seq FROM terminals WHERE terminal = ? AND epoch = ?",
            (clear.terminal, clear.epoch),
        ).fetchone() or (None, 0)
        outcomes, reopened = self._of_invite(clear)
        return Surroundings(
            tuple(beside[0]), tuple(beside[-1]), tuple(beside[1]), ended[0], outcomes, reopened, ended[1]
        )

    def _of_invite(self, clear: evidence.Clear) -> tuple[tuple[tuple[str, int], ...], bool]:
        if clear.invite is None:
            return (), False
        rows = self.conn.execute(
            f"SELECT terminal, epoch, seq, kind FROM events WHERE invite = ? AND kind IN {_OUTCOMES}", (clear.invite,)
        ).fetchall()
        mine = [row[2] for row in rows if (row[0], row[1]) == (clear.terminal, clear.epoch)]
        outcomes = tuple((row[0], row[3]) for row in rows)
        if not mine:
            return outcomes, False
        between = self.conn.execute(
            "SELECT 1 FROM events WHERE terminal = ? AND epoch = ? AND seq > ? AND seq < ? AND invite <> ? LIMIT 1",
            (clear.terminal, clear.epoch, min(*mine, clear.seq), max(*mine, clear.seq), clear.invite),
        ).fetchone()
        return outcomes, between is not None

    def event(self, row: int) -> tuple:
        """Return (evidence, preimage, stored, received, delay, chain, copy, bound, hand_on, versions) of one event."""
        found = self.conn.execute(
            "SELECT evidence, preimage, stored_utc_ms, received_utc_ms, delay_ms, chain, copy, bound, hand_on,"
            " (SELECT COUNT(*) FROM events b WHERE b.terminal = a.terminal AND b.epoch = a.epoch AND b.seq = a.seq)"
            " FROM events a WHERE row = ?",
            (row,),
        ).fetchone()
        return (*found[:5], CHAIN_NAMES[found[5]], *found[6:])

    # --- inside a batch

    def add_event(
        self,
        clear: evidence.Clear,
        fields: dict,
        event: bytes,
        preimage: bytes | None,
        verdict: Verdict,
        carried: Carried,
    ) -> int:
        """Keep an event and what follows for its terminal; return its copy number."""
        copy = 1 if verdict.status != "conflict" else self._next_copy(clear)
        bound = None if verdict.bound is None else int(verdict.bound)
        self.conn.execute(
            "INSERT INTO events(terminal, epoch, seq, copy, boot, kind, invite, evidence, prev, why, preimage, bound,"
            " stored_utc_ms, received_utc_ms, delay_ms, chain, revision, hand_on)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
            (
                clear.terminal, clear.epoch, clear.seq, copy, clear.boot, clear.kind, clear.invite, event,
                fields.get(_PREV), fields.get(_WHY), preimage, bound, carried.stored_utc_ms, carried.received_utc_ms,
                carried.delay_ms, CHAIN_CODES[verdict.chain], int(verdict.hand_on),
            ),
        )  # fmt: skip
        self._note_terminal(clear, fields, carried)
        self._extend_spans(clear.terminal, clear.epoch, clear.seq)
        for row, chain in verdict.followers:
            self.conn.execute("UPDATE events SET chain = ? WHERE row = ?", (CHAIN_CODES[chain], row))
        return copy

    def revise(self, row: int) -> int:
        """Count a new revision of an event's record and return it."""
        return self.conn.execute(
            "UPDATE events SET revision = revision + 1 WHERE row = ? RETURNING revision", (row,)
        ).fetchone()[0]

    def bind(self, row: int, preimage: bytes) -> None:
        """Keep the preimage that came later and proved right."""
        self.conn.execute("UPDATE events SET preimage = ?, bound = 1 WHERE row = ?", (preimage, row))

    def count(self, name: str, by: int = 1) -> None:
        """Add to a total."""
        self.conn.execute(
            "INSERT INTO counters(name, value) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = value + ?2",
            (name, by),
        )

    def _next_copy(self, clear: evidence.Clear) -> int:
        return self.conn.execute(
            "SELECT MAX(copy) + 1 FROM events WHERE terminal = ? AND epoch = ? AND seq = ?",
            (clear.terminal, clear.epoch, clear.seq),
        ).fetchone()[0]

    def _note_terminal(self, clear: evidence.Clear, fields: dict, carried: Carried) -> None:
        time_ms, received = fields.get(_T), carried.received_utc_ms
        late = time_ms is not None and received - time_ms > LATE_MS
        if clear.kind == rating.SELF_TEST:
            self_tests.note(self.conn, clear, fields, received)
        self.conn.execute(
            "INSERT INTO terminals(terminal, epoch, events, late, newest_seq, newest_utc_ms, newest_received_ms,"
            " mark_utc_ms, ended_seq, boot, firmware) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT(terminal, epoch) DO UPDATE SET events = events + 1, late = late + excluded.late,"
            " newest_utc_ms = CASE WHEN excluded.newest_seq > newest_seq THEN excluded.newest_utc_ms"
            "   ELSE newest_utc_ms END,"
            " newest_received_ms = CASE WHEN excluded.newest_seq > newest_seq THEN excluded.newest_received_ms"
            "   ELSE newest_received_ms END,"
            " newest_seq = max(newest_seq, excluded.newest_seq), boot = max(boot, excluded.boot),"
            " mark_utc_ms = coalesce(max(mark_utc_ms, excluded.mark_utc_ms), mark_utc_ms, excluded.mark_utc_ms),"
            " ended_seq = coalesce(min(ended_seq, excluded.ended_seq), ended_seq, excluded.ended_seq),"
            " firmware = coalesce(excluded.firmware, firmware)",
            (
                clear.terminal, clear.epoch, int(late), clear.seq, time_ms, received,
                time_ms if clear.kind == rating.MARK else None,
                clear.seq if clear.kind == rating.LAST_OF_EPOCH else None, clear.boot, fields.get(_FIRMWARE),
            ),
        )  # fmt: skip

    def _extend_spans(self, terminal: str, epoch: int, seq: int) -> None:
        """Take one number into the ranges held, joining the ranges that it touches."""
        key = (terminal, epoch)
        left = self.conn.execute(
            "SELECT first, last FROM spans WHERE terminal = ? AND epoch = ? AND first <= ? ORDER BY first DESC LIMIT 1",
            (*key, seq),
        ).fetchone()
        if left and seq <= left[1]:
            return
        right = self.conn.execute(
            "SELECT last FROM spans WHERE terminal = ? AND epoch = ? AND first = ?", (*key, seq + 1)
        ).fetchone()
        last = right[0] if right else seq
        if right:
            self.conn.execute("DELETE FROM spans WHERE terminal = ? AND epoch = ? AND first = ?", (*key, seq + 1))
        if left and left[1] == seq - 1:
            self.conn.execute(
                "UPDATE spans SET last = ? WHERE terminal = ? AND epoch = ? AND first = ?", (last, *key, left[0])
            )
        else:
            self.conn.execute("INSERT INTO spans(terminal, epoch, first, last) VALUES (?, ?, ?, ?)", (*key, seq, last))


def explain(error: sqlite3.Error, path: Path) -> str:
    """Return what is wrong with the database at `path` and what to do about it."""
    return f"{error} ({path}): {sqlite_cures.cure(error)}"
