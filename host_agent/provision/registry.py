"""The city's key registry: which terminals there are, and the secret that each shares with the city.

One SQLite file (rollback journal, so that one file is the whole of it), readable by its owner only. A row is
(terminal, epoch): a terminal that is provisioned anew gets a higher epoch and a new row, and the old row stays, since
events of the old epoch may still arrive.
Stored: table `terminals` (terminal, epoch, secret as 64 hex digits, centre, window, board, reveal_level,
added_utc_ms, lost_utc_ms: since when the terminal is gone, 0 if it is not), primary key (terminal, epoch); table
`stations` (fingerprint, name, through: the number up to which all records of that station are here).
"""

import os
import re
import sqlite3
from pathlib import Path

import attrs
from sqlite_utils import Database, Migrations

from host_agent.store_file import file_number

SECRET_BYTES = 32
LEGACY_BOARD = "ff68"  # an old rater behind an agent, see host_agent/legacy
EPOCH_MAX = 0xFFFF  # the epoch is a u16 in the nonce (evidence.md)

# A terminal id is the COSE kid and a level of an MQTT topic: printable ASCII, no separator, no wildcard.
_TERMINAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}")
_SECRET = re.compile(r"[0-9a-fA-F]{64}")
PLACE_FORM = re.compile(r"[^/+#\x00-\x1f]{1,64}")

_FORMS = {
    "terminal": "1 to 20 letters, digits, dots, dashes and underscores",
    "secret": f"{2 * SECRET_BYTES} hex digits",
    "centre": "a text without / + #",
    "window": "a text without / + #",
    "board": "a text without / + #",
}

_migrations = Migrations("registry")


class RegistryError(Exception):
    """Say what is wrong with a registry file or an entry offered to it."""


@attrs.frozen
class Entry:
    """One provisioned (terminal, epoch); `secret` is never printed."""

    terminal: str
    epoch: int
    secret: bytes = attrs.field(repr=False)
    centre: str
    window: str
    board: str
    reveal_level: bool = False
    added_utc_ms: int = 0
    lost_utc_ms: int = 0

    @property
    def unsealed(self) -> bool:
        """Say whether the events are sealed by an agent for hardware that cannot seal."""
        return self.board == LEGACY_BOARD


@_migrations()
def terminals_table(db: Database) -> None:
    """Create the one table of the registry."""
    db.table("terminals").create(
        {
            "terminal": str,
            "epoch": int,
            "secret": str,
            "centre": str,
            "window": str,
            "board": str,
            "reveal_level": int,
            "added_utc_ms": int,
        },
        pk=("terminal", "epoch"),
        not_null={"terminal", "epoch", "secret", "centre", "window", "board", "reveal_level", "added_utc_ms"},
        strict=True,
    )


@_migrations()
def stations_table(db: Database) -> None:
    """Create the table of stations, and say of terminals since when they are gone."""
    db.table("terminals").add_column("lost_utc_ms", int, not_null_default=0)
    columns = {"fingerprint": str, "name": str, "through": int}
    db.table("stations").create(columns, pk="fingerprint", not_null=set(columns), strict=True)


class Registry:
    """Look terminals up by (terminal, epoch); used from one thread at a time."""

    def __init__(self, path: Path, create: bool = False) -> None:
        """Open the registry at `path`; raises RegistryError when it is absent, unreadable or no registry."""
        self.path = path
        if not create and not path.is_file():
            raise RegistryError("there is no registry file")
        if create:
            _create_private(path)
        self._entries: dict[tuple[str, int], Entry] = {}
        self._terminals: set[str] = set()
        self._open(create)
        self.refresh()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def refresh(self) -> bool:
        """Read again if the file was changed or replaced; return whether it was; raises RegistryError."""
        if _file_number(self.path) != self._file:
            self._db.close()
            self._open(create=False)
        try:
            version = self._db.conn.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return False
            self._read()
        except (sqlite3.Error, ValueError) as error:
            raise RegistryError(str(error)) from error
        self._version = version
        return True

    def get(self, terminal: str, epoch: int) -> Entry | None:
        """Return the entry of (terminal, epoch), or None."""
        return self._entries.get((terminal, epoch))

    def knows(self, terminal: str) -> bool:
        """Say whether any epoch of this terminal is registered."""
        return terminal in self._terminals

    def entries(self) -> list[Entry]:
        """Return all entries, ordered by terminal and epoch."""
        entries = self._entries  # a refresh on another thread replaces it whole
        return [entries[key] for key in sorted(entries)]

    def add(self, entries: list[Entry]) -> list[str]:
        """Store all `entries` or none; return for each "added", "unchanged" or "moved" (same secret, other place).

        Raises RegistryError when a (terminal, epoch) is already there with another secret: replacing it would make
        every event sealed with the first one unreadable.
        """
        try:
            with self._db.atomic():
                return [self._add(entry) for entry in entries]
        except sqlite3.Error as error:
            raise RegistryError(str(error)) from error
        finally:
            self._read()

    def through(self, station: str) -> int | None:
        """Return up to which number the records of a station are here, None of one that was never trusted."""
        row = self._db.conn.execute("SELECT through FROM stations WHERE fingerprint = ?", (station,)).fetchone()
        return None if row is None else row[0]

    def merge(self, station: str, name: str, last: int, entries: list[Entry], lost: list[tuple[str, int, int]]) -> list:
        """Store what one export of a trusted station brings, all or nothing; return outcomes as `add` does.

        `lost` has terminal, epoch and since when. Raises RegistryError.
        """
        try:
            with self._db.atomic():
                outcomes = [self._add(entry) for entry in entries]
                for terminal, epoch, utc_ms in lost:
                    self._lose(terminal, epoch, utc_ms)
                self._db.conn.execute(
                    "INSERT INTO stations(fingerprint, name, through) VALUES (?,?,?) ON CONFLICT DO UPDATE SET"
                    " name = excluded.name, through = max(through, excluded.through)",
                    (station, name, last),
                )
                return outcomes
        except sqlite3.Error as error:
            raise RegistryError(str(error)) from error
        finally:
            self._read()

    def distrust(self, station: str) -> bool:
        """Forget that a station is trusted; what it brought stays. Return whether it was; raises RegistryError."""
        try:
            with self._db.atomic():
                done = self._db.conn.execute("DELETE FROM stations WHERE fingerprint = ?", (station,))
                return done.rowcount > 0
        except sqlite3.Error as error:
            raise RegistryError(str(error)) from error

    def _lose(self, terminal: str, epoch: int, utc_ms: int) -> None:
        if self.get(terminal, epoch) is None:
            raise RegistryError(f"terminal {terminal} epoch {epoch} is told to be lost, and was never registered")
        self._db.conn.execute(
            "UPDATE terminals SET lost_utc_ms = ? WHERE terminal = ? AND epoch = ? AND lost_utc_ms = 0",
            (utc_ms, terminal, epoch),
        )

    def _open(self, create: bool) -> None:
        try:
            # The receiver's worker thread uses what the main thread opened; never two at once.
            connection = sqlite3.connect(self.path, check_same_thread=False, timeout=10)
            self._db = Database(connection)
            connection.execute("PRAGMA synchronous=FULL")
            if create:
                _migrations.apply(self._db)
            if not self._db["terminals"].exists():
                raise RegistryError("it holds no table of terminals")
        except sqlite3.Error as error:
            raise RegistryError(str(error)) from error
        self._file = _file_number(self.path)
        self._version: int | None = None

    def _add(self, entry: Entry) -> str:
        known = self.get(entry.terminal, entry.epoch)
        outcome = "added"
        if known is not None:
            if known.secret != entry.secret:
                raise RegistryError(f"terminal {entry.terminal} epoch {entry.epoch} is registered with another secret")
            entry = attrs.evolve(entry, added_utc_ms=known.added_utc_ms, lost_utc_ms=known.lost_utc_ms)
            if entry == known:
                return "unchanged"
            outcome = "moved"
        row = attrs.asdict(entry) | {"secret": entry.secret.hex(), "reveal_level": int(entry.reveal_level)}
        self._db.table("terminals").upsert(row, pk=("terminal", "epoch"))
        self._entries[(entry.terminal, entry.epoch)] = entry
        return outcome

    def _read(self) -> None:
        present = self._db.table("terminals").columns_dict
        names = [field.name for field in attrs.fields(Entry) if field.name in present]  # an older file has fewer
        rows = self._db.conn.execute(f"SELECT {', '.join(names)} FROM terminals")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        entries = [Entry(**{**row, "secret": bytes.fromhex(row["secret"])}) for row in found]
        self._entries = {(entry.terminal, entry.epoch): entry for entry in entries}
        self._terminals = {entry.terminal for entry in entries}


def entry_from(provision: object, added_utc_ms: int) -> Entry:
    """Check a provisioning record (the object of a provision.json) and return its entry.

    Raises RegistryError naming every field that is wrong.
    """
    if not isinstance(provision, dict):
        raise RegistryError("it is no JSON object")
    wrong: list[str] = []
    terminal = _text(provision, "terminal", _TERMINAL, wrong)
    centre = _text(provision, "centre", PLACE_FORM, wrong)
    window = _text(provision, "window", PLACE_FORM, wrong)
    board = _text(provision, "board", PLACE_FORM, wrong)
    secret = _text(provision, "secret", _SECRET, wrong)
    epoch = provision.get("epoch")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 1 <= epoch <= EPOCH_MAX:
        wrong.append(f"epoch (an integer 1..{EPOCH_MAX})")
        epoch = 0
    reveal = provision.get("reveal_level", False)
    if not isinstance(reveal, bool):
        wrong.append("reveal_level (true or false)")
    if wrong:
        raise RegistryError("missing or wrong: " + ", ".join(wrong))
    return Entry(terminal, epoch, bytes.fromhex(secret), centre, window, board, reveal, added_utc_ms)


def _text(provision: dict, key: str, form: re.Pattern[str], wrong: list[str]) -> str:
    value = provision.get(key)
    if not isinstance(value, str) or not form.fullmatch(value):
        wrong.append(f"{key} ({_FORMS[key]})")
        return ""
    return value


def _file_number(path: Path) -> tuple[int, int]:
    try:
        return file_number(path)
    except OSError as error:
        raise RegistryError(error.strerror or str(error)) from error


def _create_private(path: Path) -> None:
    """Make the file with mode 0600 before SQLite writes a secret into it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise RegistryError(str(error)) from error
