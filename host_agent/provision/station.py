"""What a provisioning station keeps: one SQLite file with which terminals it made, and no secret of any of them.

A terminal's secret is sealed to the city's public key before anything is written, and forgotten with the settings that
go to the terminal: a stolen station opens no event. The key that signs exports is encrypted with a passphrase that the
station does not keep.
Stored (WAL, synchronous=FULL, STRICT, mode 0600):
    station    one row: name, the city's public key, the signing key pair, next number, the codes' address and key file
    terminals  one row a (terminal, epoch): where it stands, state, last sequence once its epoch has ended
    records    what the city must learn, in order: open part, sealed part, SHA-256 of its proof, `held` 1 once the city
               has shown that it opened it
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
from sqlite_utils import Database, Migrations

from host_agent import folders, public_key, qr_codes, qr_token, sqlite_cures, store
from host_agent.errors import UserError
from host_agent.provision import identity, sealed
from host_agent.public_key import PublicKey
from host_agent.store_file import make_private

DEFAULT_FILE = Path("station.db")
# Of a (terminal, epoch), in their order. Settings that were made may or may not have reached the terminal.
MADE, WRITTEN, ENDED, LOST = "made", "written", "ended", "lost"
PROVISIONED = "provisioned"  # beside LOST, what a record tells

migrations = Migrations("host_agent.provision.station")

_FIRST_LAYOUT = (
    """CREATE TABLE station(
        one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, city_key BLOB NOT NULL,
        public_key BLOB NOT NULL, signing_key BLOB NOT NULL, next_number INTEGER NOT NULL,
        qr_base_url TEXT, qr_key_file TEXT) STRICT""",
    """CREATE TABLE terminals(
        terminal TEXT NOT NULL, epoch INTEGER NOT NULL, centre TEXT NOT NULL, window TEXT NOT NULL,
        board TEXT NOT NULL, link TEXT NOT NULL, reveal_level INTEGER NOT NULL, state TEXT NOT NULL,
        made_utc_ms INTEGER NOT NULL, ended_utc_ms INTEGER, last_seq INTEGER,
        PRIMARY KEY(terminal, epoch)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE records(
        n INTEGER PRIMARY KEY, public TEXT NOT NULL, sealed BLOB NOT NULL, proof BLOB NOT NULL,
        held INTEGER NOT NULL DEFAULT 0) STRICT""",
)


@migrations(name="0001_first_layout")
def _first_layout(db: Database) -> None:
    for statement in _FIRST_LAYOUT:
        db.conn.execute(statement)


@attrs.frozen
class Place:
    """One epoch of a terminal, as the station knows it."""

    terminal: str
    epoch: int
    centre: str
    window: str
    board: str
    link: str
    reveal_level: bool
    state: str = MADE
    made_utc_ms: int = 0
    ended_utc_ms: int | None = None
    last_seq: int | None = None


_FIRST_NOT_HELD = (
    "SELECT coalesce((SELECT min(n) FROM records WHERE held = 0), (SELECT coalesce(max(n), 0) + 1 FROM records))"
)
_PLACE_COLUMNS = ", ".join(field.name for field in attrs.fields(Place))


class Station:
    """Own the file; used from one thread at a time."""

    def __init__(self, path: Path, utc_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """Open the file that `init` made.

        :raises UserError: it is not there, or is no station's.
        """
        cure = "name the file with --station; `yiping station init` makes it"
        if not path.is_file():
            raise UserError("there is no such station", str(path), cure)
        self.path = path
        self.utc_ms = utc_ms
        try:
            make_private(path)
            self._db = Database(store.connect(path))
            migrations.apply(self._db)
            row = self._db.conn.execute(
                "SELECT name, city_key, public_key, signing_key, qr_base_url, qr_key_file FROM station"
            ).fetchone()
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"cannot open the station: {error}", str(path), cure) from None
        if row is None:
            raise UserError("this file is no station's", str(path), cure)
        self.name, city_key, self.public_key, self.signing_key, self._qr_base_url, self._qr_key_file = row
        self.city: PublicKey = public_key.parse(city_key)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens in the block durable together at its end, or nothing of it; a block in a block joins it.

        Another program's changes are waited for when it begins, so what is read in it stays true until its end.
        :raises UserError: it cannot be written.
        """
        conn = self._db.conn
        if conn.in_transaction:
            yield
            return
        try:
            conn.execute("BEGIN IMMEDIATE")
            with conn:  # commits, or rolls back
                yield
        except sqlite3.Error as error:
            what = f"the station cannot be changed: {error}"
            raise UserError(what, str(self.path), f"{sqlite_cures.cure(error)}, then repeat the command") from None

    def codes(self, centre: str) -> qr_codes.Codes | None:
        """Return what makes the addresses of a centre's windows, None where the station was given none.

        :raises UserError: the key of the codes cannot be read.
        """
        if self._qr_base_url is None or self._qr_key_file is None:
            return None
        try:
            return qr_codes.Codes(self._qr_base_url, qr_token.read_key(Path(self._qr_key_file)), centre)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            cure = "put the key of the codes there (yiping qr keygen)"
            raise UserError(f"cannot read the key of the codes: {reason}", str(self._qr_key_file), cure) from None

    # --- which terminals there are

    def next_terminal(self) -> str:
        """Return the id of a new terminal; it is never given out again."""
        with self.transaction():
            number = self._db.conn.execute("SELECT next_number FROM station").fetchone()[0]
            self._db.conn.execute("UPDATE station SET next_number = ?", (number + 1,))
        return identity.terminal_id(number)

    def epochs(self, terminal: str) -> list[Place]:
        """Return the epochs of a terminal, the newest last."""
        return self._places("WHERE terminal = ? ORDER BY epoch", (terminal,))

    def newest(self, terminal: str) -> Place | None:
        """Return a terminal's newest epoch, None when this station never made one."""
        epochs = self.epochs(terminal)
        return epochs[-1] if epochs else None

    def at(self, centre: str, window: str) -> list[Place]:
        """Return the newest epochs that stand at a window and have not ended."""
        return [place for place in self.places() if (place.centre, place.window) == (centre, window) and _lives(place)]

    def places(self) -> list[Place]:
        """Return the newest epoch of each terminal."""
        newest = "WHERE epoch = (SELECT max(epoch) FROM terminals t WHERE t.terminal = terminals.terminal)"
        return self._places(f"{newest} ORDER BY terminal", ())

    def _places(self, condition: str, values: tuple) -> list[Place]:
        return [_place(row) for row in self._read(f"SELECT {_PLACE_COLUMNS} FROM terminals {condition}", values)]

    def _read(self, statement: str, values: tuple = ()) -> list[tuple]:
        try:
            return self._db.conn.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise UserError(f"the station cannot be read: {error}", str(self.path), sqlite_cures.cure(error)) from None

    # --- what the city must learn

    def first_not_held(self) -> int:
        """Return the number of the first record that the city has not shown to have opened."""
        return self._read(_FIRST_NOT_HELD)[0][0]

    def records(self, first: int) -> list[tuple[int, str, bytes]]:
        """Return number, open part and sealed part of the records from `first` on."""
        return self._read("SELECT n, public, sealed FROM records WHERE n >= ? ORDER BY n", (first,))

    def opened(self, proofs: list[tuple[int, bytes]]) -> int:
        """Note which records the city has; return how many of the proofs are none."""
        wrong = 0
        with self.transaction():
            for n, proof in proofs:
                done = self._db.conn.execute(
                    "UPDATE records SET held = 1 WHERE n = ? AND proof = ?", (n, sha256(proof).digest())
                )
                wrong += done.rowcount == 0
        return wrong

    # --- what happens to them

    def add(self, place: Place, secret: bytes) -> None:
        """Make an epoch durable together with the sealed record that tells the city; the secret itself is not kept."""
        public = {
            "what": PROVISIONED, "terminal": place.terminal, "epoch": place.epoch, "centre": place.centre,
            "window": place.window, "board": place.board, "reveal_level": place.reveal_level,
            "utc_ms": place.made_utc_ms,
        }  # fmt: skip
        with self.transaction():
            self._db.table("terminals").insert(attrs.asdict(place))
            number = identity.number_of(place.terminal, str(self.path))
            self._db.conn.execute("UPDATE station SET next_number = max(next_number, ?)", (number + 1,))
            self._record(public, secret)

    def written(self, terminal: str, epoch: int) -> None:
        """Note that the terminal has its settings: from now on its epoch must be ended before the next one.

        :raises UserError: the station never made them.
        """
        self._set(terminal, epoch, "state = ?", (WRITTEN,), (MADE, WRITTEN))

    def ended(self, terminal: str, epoch: int, last_seq: int) -> None:
        """Note that the terminal sealed its last event of an epoch and that all its events are kept elsewhere.

        :raises UserError: the station never made that epoch.
        """
        values = (ENDED, self.utc_ms(), last_seq)
        self._set(terminal, epoch, "state = ?, ended_utc_ms = ?, last_seq = ?", values, (MADE, WRITTEN, ENDED, LOST))

    def lost(self, terminal: str, epoch: int) -> None:
        """Note that a terminal is gone, and tell the city.

        :raises UserError: the station never made that epoch.
        """
        now_ms = self.utc_ms()
        public = {"what": LOST, "terminal": terminal, "epoch": epoch, "utc_ms": now_ms}
        with self.transaction():
            self._set(terminal, epoch, "state = ?, ended_utc_ms = ?", (LOST, now_ms), (MADE, WRITTEN))
            self._record(public, None)

    def _set(self, terminal: str, epoch: int, what: str, values: tuple, from_states: tuple[str, ...]) -> None:
        marks = ",".join("?" * len(from_states))
        statement = f"UPDATE terminals SET {what} WHERE terminal = ? AND epoch = ? AND state IN ({marks})"
        with self.transaction():
            changed = self._db.conn.execute(statement, (*values, terminal, epoch, *from_states)).rowcount
        if not changed:
            known = {place.epoch: place.state for place in self.epochs(terminal)}
            what = f"epoch {epoch} is {known[epoch]}" if epoch in known else f"this station made no epoch {epoch}"
            cure = "look with `yiping station list`, and use the station that provisioned it"
            raise UserError(f"{what} of terminal {terminal}", str(self.path), cure)

    def _record(self, public: dict[str, Any], secret: bytes | None) -> None:
        n = self._db.conn.execute("SELECT coalesce(max(n), 0) + 1 FROM records").fetchone()[0]
        public = {"n": n} | public
        box, proof = sealed.seal(self.city, public, secret)
        text = sealed.public_bytes(public).decode()
        self._db.conn.execute("INSERT INTO records(n, public, sealed, proof) VALUES (?,?,?,?)", (n, text, box, proof))


def init(
    path: Path, name: str, city_key: bytes, keys: tuple[bytes, bytes], first: int, qr: tuple[str, Path] | None
) -> None:
    """Make a station's file; `keys` is the public and the encrypted private signing key, `first` the first number.

    :raises UserError: there is one already, or it cannot be written.
    """
    if path.exists():
        raise UserError("there is a station already", str(path), "name another file with --station")
    part = path.with_name(f"{path.name}.part")  # takes its name when it is whole
    try:
        folders.make(path.parent)
        for old in (part, *(part.with_name(part.name + suffix) for suffix in ("-wal", "-shm"))):
            old.unlink(missing_ok=True)
        make_private(part)
        db = Database(store.connect(part))
        migrations.apply(db)
        base_url, key_file = qr if qr else (None, None)
        row = {
            "one": 1, "name": name, "city_key": city_key, "public_key": keys[0], "signing_key": keys[1],
            "next_number": first, "qr_base_url": base_url,
            "qr_key_file": None if key_file is None else str(key_file.absolute()),
        }  # fmt: skip
        db.table("station").insert(row)
        db.close()
        os.replace(part, path)
        folders.sync(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise UserError(f"cannot make the station: {error}", str(path), "check the folder and its rights") from None


def _place(row: tuple) -> Place:
    given: list[Any] = list(row)
    given[6] = bool(given[6])
    return Place(*given)


def _lives(place: Place) -> bool:
    return place.state in (MADE, WRITTEN)
