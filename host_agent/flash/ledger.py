"""The ledger of a flashing station: which board stands for which window, and every stage that it went through.

Promise: a stage is in the file before it begins, and its result before the next one begins; whatever ends the program,
the file says what was done, what was not, and what was under way (a stage without an end).
Stored (SQLite, WAL, synchronous=FULL, STRICT):
    runs    one row a run: when, with which bundle
    boards  one row a board, named by its chip's unique id: its window, terminal, bundle, state, and whether the queue
            that was on it has been taken off since it last was done
    stages  one row a stage: of which run and board, at which port, when, and how it ended
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
from sqlite_utils import Database, Migrations

from host_agent import folders, sqlite_cures, store
from host_agent.errors import UserError
from host_agent.flash.fleet_table import FleetRow
from host_agent.store_file import make_private

DEFAULT_FILE = Path("flash.db")
# Of a board; REPLACED: another board has taken its window since.
WORKING, FAILED, DONE, REPLACED = "working", "failed", "done", "replaced"
# Of a stage; none: the program ended in its midst.
OK, STAGE_FAILED, STOPPED = "ok", "failed", "stopped"

migrations = Migrations("host_agent.flash.ledger")

_FIRST_LAYOUT = (
    """CREATE TABLE runs(
        id INTEGER PRIMARY KEY, began_utc_ms INTEGER NOT NULL, ended_utc_ms INTEGER, version TEXT NOT NULL) STRICT""",
    """CREATE TABLE boards(
        uid TEXT PRIMARY KEY, chip TEXT NOT NULL, centre TEXT NOT NULL, window TEXT NOT NULL, board TEXT NOT NULL,
        terminal TEXT, epoch INTEGER, version TEXT, state TEXT NOT NULL, drained INTEGER NOT NULL DEFAULT 0,
        changed_utc_ms INTEGER NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX one_board_a_window ON boards(centre, window) WHERE state != 'replaced'",
    """CREATE TABLE stages(
        id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id), port TEXT NOT NULL, uid TEXT,
        stage TEXT NOT NULL, began_utc_ms INTEGER NOT NULL, ended_utc_ms INTEGER, result TEXT, detail TEXT) STRICT""",
    "CREATE INDEX stages_of_board ON stages(uid, id)",
)


@migrations(name="0001_first_layout")
def _first_layout(db: Database) -> None:
    for statement in _FIRST_LAYOUT:
        db.conn.execute(statement)


@attrs.frozen
class Board:
    """What the ledger knows of a board."""

    uid: str
    chip: str
    centre: str
    window: str
    board: str
    terminal: str | None
    epoch: int | None
    version: str | None
    state: str
    drained: bool = attrs.field(converter=bool)


@attrs.frozen
class StageRecord:
    """One stage of a board; `result` is None when the program ended in its midst."""

    id: int
    run: int
    port: str
    uid: str | None
    stage: str
    began_utc_ms: int
    ended_utc_ms: int | None
    result: str | None
    detail: str | None


_BOARD_COLUMNS = ", ".join(field.name for field in attrs.fields(Board))
_STAGE_COLUMNS = ", ".join(field.name for field in attrs.fields(StageRecord))


def copy(path: Path, to: Path) -> None:
    """Copy a ledger as it is now, though a run may write it.

    :raises UserError: it cannot be read.
    """
    try:
        with contextlib.closing(sqlite3.connect(path)) as old, contextlib.closing(sqlite3.connect(to)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        cure = "name the ledger with --ledger; it must be a file of yiping flash"
        raise UserError(f"cannot read the ledger: {error}", str(path), cure) from None


class Ledger:
    """Own the file; every method may be called from any thread."""

    def __init__(self, path: Path, utc_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """Open or make the file.

        :raises UserError: it cannot be used.
        """
        self.path = path
        self._utc_ms = utc_ms
        self._lock = threading.RLock()
        try:
            folders.make(path.parent)
            make_private(path)
            self._db = Database(store.connect(path))
            migrations.apply(self._db)
        except (OSError, sqlite3.Error) as error:
            cure = "check the folder, its rights and room"
            raise UserError(f"cannot open the ledger: {error}", str(path), cure) from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # --- runs and stages

    def begin_run(self, version: str) -> int:
        """Note that a run begins; return its number."""
        return self._write("INSERT INTO runs(began_utc_ms, version) VALUES (?, ?)", self._utc_ms(), version)

    def end_run(self, run: int) -> None:
        """Note that a run ended by itself."""
        self._write("UPDATE runs SET ended_utc_ms = ? WHERE id = ?", self._utc_ms(), run)

    def begin(self, run: int, port: str, uid: str | None, stage: str) -> int:
        """Note that a stage begins; return its number. `uid` is None before the board was identified."""
        statement = "INSERT INTO stages(run, port, uid, stage, began_utc_ms) VALUES (?, ?, ?, ?, ?)"
        return self._write(statement, run, port, uid, stage, self._utc_ms())

    def end(self, stage: int, result: str, detail: str, uid: str | None = None) -> None:
        """Note how a stage ended, and whose it was once that is known."""
        statement = "UPDATE stages SET ended_utc_ms = ?, result = ?, detail = ?, uid = coalesce(uid, ?) WHERE id = ?"
        self._write(statement, self._utc_ms(), result, detail, uid, stage)

    def identified(self, run: int, port: str, first: int, uid: str) -> None:
        """Put a board's name to the stages of a run at a port, from number `first`, that have none yet."""
        statement = "UPDATE stages SET uid = ? WHERE run = ? AND port = ? AND id >= ? AND uid IS NULL"
        self._write(statement, uid, run, port, first)

    def stages(self, uid: str | None = None, run: int | None = None) -> list[StageRecord]:
        """Return stages in their order, of one board or run only where given."""
        conditions = {"uid = ?": uid, "run = ?": run}
        chosen = {text: value for text, value in conditions.items() if value is not None}
        where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
        rows = self._read(f"SELECT {_STAGE_COLUMNS} FROM stages{where} ORDER BY id", *chosen.values())
        return [StageRecord(*row) for row in rows]

    # --- boards

    def board(self, uid: str) -> Board | None:
        """Return a board, None for one that was never seen."""
        return next(iter(self._boards("WHERE uid = ?", uid)), None)

    def boards(self) -> list[Board]:
        """Return all boards that have a window."""
        return self._boards("WHERE state != ? ORDER BY centre, window", REPLACED)

    def at(self, place: tuple[str, str]) -> Board | None:
        """Return the board of a window."""
        return next(iter(self._boards("WHERE centre = ? AND window = ? AND state != ?", *place, REPLACED)), None)

    def given_up(self, place: tuple[str, str]) -> set[str]:
        """Return the terminals of the boards that had a window before another board took it."""
        boards = self._boards("WHERE centre = ? AND window = ? AND state = ?", *place, REPLACED)
        return {board.terminal for board in boards if board.terminal is not None}

    def of_terminal(self, terminal: str) -> Board | None:
        """Return the board that was made this terminal last."""
        found = self._boards("WHERE terminal = ? AND state != ? ORDER BY changed_utc_ms", terminal, REPLACED)
        return found[-1] if found else None

    def assign(self, uid: str, chip: str, row: FleetRow) -> None:
        """Give a window's row to a board; the one that had it before is out of it."""
        with self._lock, self._told(), self._db.atomic():
            self._write(
                "UPDATE boards SET state = ? WHERE centre = ? AND window = ? AND uid != ? AND state != ?",
                REPLACED, *row.place, uid, REPLACED,
            )  # fmt: skip
            self._write(
                "INSERT INTO boards(uid, chip, centre, window, board, state, changed_utc_ms) VALUES (?,?,?,?,?,?,?)"
                " ON CONFLICT(uid) DO UPDATE SET centre = excluded.centre, window = excluded.window,"
                " board = excluded.board, state = excluded.state, changed_utc_ms = excluded.changed_utc_ms",
                uid, chip, *row.place, row.board, WORKING, self._utc_ms(),
            )  # fmt: skip

    def note(self, uid: str, **values: Any) -> None:
        """Change what is known of a board; the names are those of `Board`."""
        unknown = values.keys() - {field.name for field in attrs.fields(Board)}
        if unknown:
            raise ValueError(f"a board has no {', '.join(sorted(unknown))}")
        changes = ", ".join(f"{name} = ?" for name in values)
        statement = f"UPDATE boards SET {changes}, changed_utc_ms = ? WHERE uid = ?"
        self._write(statement, *values.values(), self._utc_ms(), uid)

    def _boards(self, condition: str, *values: Any) -> list[Board]:
        rows = self._read(f"SELECT {_BOARD_COLUMNS} FROM boards {condition}", *values)
        return [Board(*row) for row in rows]

    def _read(self, statement: str, *values: Any) -> list[tuple]:
        with self._lock, self._told():
            return self._db.conn.execute(statement, values).fetchall()

    def _write(self, statement: str, *values: Any) -> int:
        """Carry out a statement durably; return the number of the row that it made."""
        with self._lock, self._told():
            return int(self._db.conn.execute(statement, values).lastrowid or 0)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell an error of SQLite in the block as a UserError."""
        try:
            yield
        except sqlite3.Error as error:
            cure = f"{sqlite_cures.cure(error)}, then run the same command again: it goes on where it was"
            raise UserError(f"the ledger cannot be used: {error}", str(self.path), cure) from None
