"""Lays out the receiver's database and moves an older one to the present shape.

Stored layout (SQLite, WAL, STRICT tables), one file `receiver.db` in the data folder:

    events     one row a version of an event: its bytes for ever as sealed, and how it is judged at present (chain
               0 pending 1 ok 2 broken). (terminal, epoch, seq) is the identity; copy > 1 where other bytes bear it too.
               No level in clear: what the event says stays in `evidence`.
    terminals  for each (terminal, epoch): how many events, the newest one and its time, the last mark.
    spans      the sequence numbers held, as ranges first..last: what is between them is missing.
    services   one row a version of a service record, by its id: what it says but the identity, which is only handed on;
               `bound` 1 where the invite was made for just this service, null where there was no invite.
    self_tests of each (terminal, epoch) the newest self-test: when it came, and the mask of the parts that failed.
    outbox     records not yet handed on, as JSON; `parked` tells why the other side refused one.
    shelf      messages that could not be opened: kept and, where the registry may gain the key, tried again.
    alarms     what a person should know, once per code, place and detail, with how often and when last.
    counters   totals since the database was made.
"""

from sqlite_utils import Database, Migrations

migrations = Migrations("host_agent.receiver")

_FIRST_LAYOUT = (
    """CREATE TABLE events(
        row INTEGER PRIMARY KEY,
        terminal TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, copy INTEGER NOT NULL,
        boot INTEGER NOT NULL, kind INTEGER NOT NULL, invite BLOB, evidence BLOB NOT NULL, prev BLOB,
        why INTEGER, preimage BLOB, bound INTEGER,
        stored_utc_ms INTEGER, received_utc_ms INTEGER NOT NULL, delay_ms INTEGER,
        chain INTEGER NOT NULL, revision INTEGER NOT NULL, hand_on INTEGER NOT NULL,
        UNIQUE(terminal, epoch, seq, copy)) STRICT""",
    "CREATE INDEX events_invite ON events(invite) WHERE invite IS NOT NULL",
    "CREATE INDEX events_copies ON events(terminal, epoch) WHERE copy > 1",
    "CREATE INDEX events_broken ON events(terminal, epoch) WHERE chain = 2",
    """CREATE TABLE terminals(
        terminal TEXT NOT NULL, epoch INTEGER NOT NULL, events INTEGER NOT NULL, late INTEGER NOT NULL,
        newest_seq INTEGER NOT NULL, newest_utc_ms INTEGER, newest_received_ms INTEGER NOT NULL,
        mark_utc_ms INTEGER, ended_seq INTEGER, boot INTEGER NOT NULL, firmware TEXT,
        PRIMARY KEY(terminal, epoch)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE spans(
        terminal TEXT NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY(terminal, epoch, first)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE outbox(n INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL, parked TEXT) STRICT",
    "CREATE INDEX outbox_parked ON outbox(n) WHERE parked IS NOT NULL",
    """CREATE TABLE shelf(
        digest BLOB PRIMARY KEY, code TEXT NOT NULL, detail TEXT NOT NULL, terminal TEXT, epoch INTEGER, seq INTEGER,
        topic TEXT NOT NULL, payload BLOB NOT NULL, first_utc_ms INTEGER NOT NULL, last_utc_ms INTEGER NOT NULL,
        times INTEGER NOT NULL) STRICT""",
    "CREATE INDEX shelf_code ON shelf(code, last_utc_ms)",
    """CREATE TABLE alarms(
        code TEXT NOT NULL, terminal TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, detail TEXT NOT NULL,
        first_utc_ms INTEGER NOT NULL, last_utc_ms INTEGER NOT NULL, times INTEGER NOT NULL,
        PRIMARY KEY(code, terminal, epoch, seq, detail)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX alarms_last ON alarms(last_utc_ms)",
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
)


@migrations(name="0001_first_layout")
def _first_layout(db: Database) -> None:
    for statement in _FIRST_LAYOUT:
        db.conn.execute(statement)


@migrations(name="0002_services")
def _services(db: Database) -> None:
    db.conn.execute(
        """CREATE TABLE services(
        row INTEGER PRIMARY KEY, id TEXT NOT NULL, copy INTEGER NOT NULL, digest BLOB NOT NULL,
        centre TEXT NOT NULL, agent TEXT NOT NULL, window TEXT NOT NULL, invite BLOB, bound INTEGER,
        said TEXT NOT NULL, stored_utc_ms INTEGER, received_utc_ms INTEGER NOT NULL, UNIQUE(id, copy)) STRICT"""
    )
    db.conn.execute("CREATE INDEX services_invite ON services(invite) WHERE invite IS NOT NULL")


@migrations(name="0003_self_tests")
def _self_tests(db: Database) -> None:
    db.conn.execute(
        """CREATE TABLE self_tests(
        terminal TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, failed INTEGER NOT NULL,
        received_utc_ms INTEGER NOT NULL, PRIMARY KEY(terminal, epoch)) STRICT, WITHOUT ROWID"""
    )
