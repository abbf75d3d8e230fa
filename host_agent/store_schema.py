"""Lays out the agent's database and moves an older one to the present shape.

Stored layout (SQLite, WAL, STRICT tables), one file `agent.db` in the data folder:

    events     one row an event, for ever the same bytes; state 0 waiting, 1 receipted, 2 refused.
               (terminal, epoch, seq) is the event's identity; copy > 1 only where other bytes came under the same one.
    terminals  the highest (epoch, seq) held of each terminal; survives the purge, HELLO tells it.
    invites    each invite with its service snapshot, committed before INVITE leaves; state as the API names it.
    windows    what a window was told (clerk, paused), for the restart of either side.
    recoveries what a terminal had acknowledged before this store was made, and is asked for again (RESEND).
    counters   totals since the store was made.
    own_records  this store's own name, "~…", and the last number given under it: what the agent itself tells the city
               stands in `events` with that name as its terminal, epoch 0 and that number as seq.
    services   what is counted of each record of a service; `id` is its number. `visit` is the id of the visit's first
               record; no `invite`: it ended without one.
    visits     the service that is under way at a window.
    service_numbers  the last number given in a case, which is named by the front of its number's SHA-256 only.
    shifts     since when a window's clerk is the one who logged in, and the last order (shift.py).
    staff      clerks as imported; `staff_cards` their rendered cards, one a board, behind as many zeros as a page has
               (store_staff.py says why); `moving` is empty but inside a removal.
    notices    what a window shows while nobody serves there.
    removals   numbers of removed clerks, until a terminal has confirmed that it holds nothing of them.
    updates    how far the update of a terminal's firmware is (update/records.py).
"""

import secrets

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

WAITING, RECEIPTED, REFUSED = 0, 1, 2

migrations = Migrations("host_agent.store")


@migrations(name="0001_first_layout")
def _first_layout(db: Database) -> None:
    for statement in _FIRST_LAYOUT:
        db.conn.execute(statement)


@migrations(name="0002_staff")
def _staff(db: Database) -> None:
    for statement in _STAFF:
        db.conn.execute(statement)


_STAFF = (
    """CREATE TABLE staff(
        number TEXT PRIMARY KEY, name TEXT NOT NULL, post TEXT NOT NULL, stars INTEGER) STRICT, WITHOUT ROWID""",
    """CREATE TABLE staff_cards(
        id INTEGER PRIMARY KEY, number TEXT NOT NULL, board TEXT NOT NULL, sha256 BLOB NOT NULL, card BLOB NOT NULL,
        UNIQUE(number, board)) STRICT""",
    "CREATE TABLE moving(a ANY, b ANY, c ANY, d ANY) STRICT",
    "CREATE TABLE removals(terminal TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY(terminal, number)) STRICT",
)


@migrations(name="0003_notices")
def _notices(db: Database) -> None:
    db.conn.execute(
        "CREATE TABLE notices(window TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID",
    )


@migrations(name="0004_shifts")
def _shifts(db: Database) -> None:
    db.conn.execute(
        "CREATE TABLE shifts(window TEXT PRIMARY KEY, since_utc_ms INTEGER NOT NULL, used_utc_ms INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )


@migrations(name="0005_services")
def _services(db: Database) -> None:
    for statement in _SERVICES:
        db.conn.execute(statement)
    # A name that no terminal can have and that no other store has, not even the one before on the same PC.
    db.conn.execute("INSERT INTO own_records(name, last) VALUES (?, 0)", ("~" + secrets.token_hex(8),))


@migrations(name="0006_updates")
def _updates(db: Database) -> None:
    db.conn.execute(
        "CREATE TABLE updates(terminal TEXT PRIMARY KEY, manifest TEXT NOT NULL, version TEXT NOT NULL,"
        " state TEXT NOT NULL, why TEXT, tries INTEGER NOT NULL, since_utc_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID"
    )


_SERVICES = (
    """CREATE TABLE services(
        id INTEGER PRIMARY KEY, visit INTEGER NOT NULL, window TEXT NOT NULL, channel TEXT NOT NULL, invite BLOB,
        recorded_utc_ms INTEGER NOT NULL) STRICT""",
    "CREATE INDEX services_recorded ON services(window, recorded_utc_ms)",
    "CREATE TABLE visits(window TEXT PRIMARY KEY, visit TEXT NOT NULL, identity BLOB) STRICT, WITHOUT ROWID",
    """CREATE TABLE service_numbers(
        project BLOB PRIMARY KEY, last INTEGER NOT NULL, used_utc_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    "CREATE INDEX service_numbers_used ON service_numbers(used_utc_ms)",
    "ALTER TABLE invites ADD COLUMN asked BLOB",
    "CREATE TABLE own_records(name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID",
)
_FIRST_LAYOUT = (
    """CREATE TABLE events(
        id INTEGER PRIMARY KEY,
        terminal TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, copy INTEGER NOT NULL,
        window TEXT NOT NULL, kind INTEGER, invite BLOB, evidence BLOB NOT NULL,
        stored_utc_ms INTEGER NOT NULL, delay_ms INTEGER, clock_offset_ms INTEGER,
        state INTEGER NOT NULL, code TEXT, settled_utc_ms INTEGER,
        UNIQUE(terminal, epoch, seq, copy)) STRICT""",
    "CREATE INDEX events_waiting ON events(id) WHERE state = 0",
    "CREATE INDEX events_refused ON events(id) WHERE state = 2",
    """CREATE TABLE terminals(
        terminal TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE invites(
        invite BLOB PRIMARY KEY, window TEXT NOT NULL, terminal TEXT NOT NULL, client_key TEXT,
        clerk TEXT NOT NULL, project_no TEXT, service_no TEXT, origin INTEGER NOT NULL,
        created_utc_ms INTEGER NOT NULL, timeout_ms INTEGER NOT NULL, preimage BLOB NOT NULL,
        state TEXT NOT NULL, reason TEXT) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX invites_client_key ON invites(window, client_key) WHERE client_key IS NOT NULL",
    "CREATE INDEX invites_created ON invites(window, created_utc_ms)",
    """CREATE TABLE windows(
        window TEXT PRIMARY KEY, clerk TEXT, paused INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE recoveries(
        terminal TEXT PRIMARY KEY, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL)
        STRICT, WITHOUT ROWID""",
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "INSERT INTO counters(name, value) VALUES ('stored', 0), ('receipted', 0), ('probe', 0)",
)
