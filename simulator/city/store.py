"""What the city keeps: each event once by its id, and for each invite the rating that follows from its events.

Delivery to the city is at least once, so uniqueness is the city's: the same id again is counted, not stored. A record
with a higher `revision` replaces what was said of that id before (its chain or conflict state became known later).
A rating is the `rated` event of an invite with the highest sequence (domain.md); it is settled when a later event of
the terminal belongs to something else and nothing between is missing, or 10 minutes after its time.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from simulator.city import services

SERVICE = "service"
RATED = 1
OUTCOME_LAST = 5  # kinds 1..5 end an invite (evidence.md)
SETTLE_MS = 600_000
LEVELS = (5, 4, 3, 2, 1)

_migrations = Migrations("city")


class RecordRefused(Exception):
    """Say which record of a batch is not one, and why; nothing of the batch is stored."""


@_migrations()
def events_table(db: Database) -> None:
    """Create the table of events and the view that makes ratings of them."""
    db.conn.execute(
        """CREATE TABLE events (
             n INTEGER PRIMARY KEY AUTOINCREMENT,
             id TEXT NOT NULL UNIQUE,
             terminal TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
             kind_code INTEGER NOT NULL, invite TEXT, level INTEGER, utc_ms INTEGER,
             chain TEXT NOT NULL, status TEXT NOT NULL,
             revision INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1,
             record TEXT NOT NULL
           ) STRICT"""
    )
    db.conn.execute("CREATE INDEX events_place ON events (terminal, epoch, seq, kind_code, invite)")
    db.conn.execute(
        "CREATE INDEX events_invite ON events (invite, kind_code, epoch, seq, level) WHERE invite IS NOT NULL"
    )
    db.conn.execute(
        """CREATE VIEW ratings AS
           SELECT invite, terminal, epoch, seq, level, utc_ms, status, chain, n FROM events e
           WHERE kind_code = 1 AND invite IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM events later WHERE later.invite = e.invite AND later.kind_code = 1
               AND (later.epoch, later.seq, later.n) > (e.epoch, e.seq, e.n))"""
    )


@_migrations()
def services_table(db: Database) -> None:
    """Create the table of services."""
    for statement in services.LAYOUT:
        db.conn.execute(statement)


class CityStore:
    """Keep and show events; used from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the database at `path`; raises sqlite3.Error."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
        connection.row_factory = sqlite3.Row
        self._conn = connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        self._db = Database(connection)
        _migrations.apply(self._db)
        self.services = services.CityServices(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def take(self, records: object) -> dict[str, Any]:
        """Store a batch in one transaction; return counts, what is new or replaced, and the invites of new services.

        Raises RecordRefused (nothing stored) and sqlite3.Error.
        """
        if not isinstance(records, list):
            raise RecordRefused("the body is no JSON array")
        for index, record in enumerate(records):
            wrong = _wrong(record)
            if wrong:
                raise RecordRefused(f"record {index}: {wrong}")
        stored = duplicates = updated = 0
        changed: list[int] = []
        joined: list[str | None] = []
        with self._db.atomic():
            for record in records:
                if record.get("record") == SERVICE:
                    new = self.services.take(record)
                    stored, duplicates = stored + new, duplicates + (not new)
                    joined += [record["invite"]] if new else []
                    continue
                known = self._conn.execute("SELECT n, revision FROM events WHERE id = ?", (record["id"],)).fetchone()
                if known is None:
                    changed.append(self._insert(record))
                    stored += 1
                elif record.get("revision", 1) > known["revision"]:
                    self._replace(known["n"], record)
                    changed.append(known["n"])
                    updated += 1
                else:
                    self._conn.execute("UPDATE events SET times = times + 1 WHERE n = ?", (known["n"],))
                    duplicates += 1
        return {"stored": stored, "duplicates": duplicates, "updated": updated, "changed": changed, "joined": joined}

    def after(self, n: int, limit: int) -> list[dict]:
        """Return up to `limit` records that arrived after number `n`, oldest first, each with its number as `n`."""
        rows = self._conn.execute("SELECT n, times, record FROM events WHERE n > ? ORDER BY n LIMIT ?", (n, limit))
        return [_item(row) for row in rows]

    def devices(self, limit: int) -> list[dict]:
        """Return the newest `limit` records that are no outcome of an invite, newest first."""
        rows = self._conn.execute(
            "SELECT n, times, record FROM events WHERE kind_code > ? ORDER BY n DESC LIMIT ?", (OUTCOME_LAST, limit)
        )
        return [_item(row) for row in rows]

    def items(self, numbers: list[int]) -> list[dict]:
        """Return the records with these numbers."""
        marks = ",".join("?" * len(numbers))
        rows = self._conn.execute(f"SELECT n, times, record FROM events WHERE n IN ({marks}) ORDER BY n", numbers)
        return [_item(row) for row in rows]

    def invite(self, invite: str, now_ms: int) -> dict | None:
        """Return what became of one invite, or None when none of its events arrived.

        `service` is what it was about, null while that is not told.
        `state` is the outcome's kind; `history` its rated events in order; `settled` says whether the rating can
        still change: "open", "settled", or "incomplete" (an event right after it is missing). `disputed` is true when
        events contradict each other: a conflict, two outcomes, or two terminals.
        """
        rows = self._conn.execute(
            "SELECT n, times, record FROM events WHERE invite = ? ORDER BY epoch, seq, n", (invite,)
        ).fetchall()
        items = [_item(row) for row in rows]
        outcomes = [item for item in items if 1 <= item["kind_code"] <= OUTCOME_LAST]
        if not outcomes:
            return None
        rated = [item for item in outcomes if item["kind_code"] == RATED]
        last = (rated or outcomes)[-1]
        others = {item["kind_code"] for item in outcomes}
        return {
            "invite": invite,
            "state": last["kind"],
            "kind_code": last["kind_code"],
            "level": last.get("level"),
            "event": last,
            "history": rated,
            "settled": self._settled(last, now_ms),
            "service": self.services.of_invite(invite),
            "disputed": (
                any(item["status"] == "conflict" for item in outcomes)
                or len(others) > 1
                or len({item["terminal"] for item in outcomes}) > 1
            ),
        }

    def invites_beside(self, items: list[dict]) -> list[str]:
        """Return the invites of these records and of the ones right before them, whose rating they may settle."""
        found: dict[str, None] = {}
        for item in items:
            rows = self._conn.execute(
                "SELECT invite FROM events WHERE terminal = ? AND epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq",
                (item["terminal"], item["epoch"], item["seq"] - 1, item["seq"]),
            )
            found.update((row["invite"], None) for row in rows if row["invite"] is not None)
        return list(found)

    def invites(self, limit: int, now_ms: int) -> list[dict]:
        """Return the `limit` invites that were heard of last, newest first."""
        rows = self._conn.execute(
            """SELECT invite, MAX(n) AS newest FROM (
                 SELECT invite, n FROM events WHERE invite IS NOT NULL AND kind_code <= ? ORDER BY n DESC LIMIT ?)
               GROUP BY invite ORDER BY newest DESC LIMIT ?""",
            (OUTCOME_LAST, limit * 8, limit),
        ).fetchall()
        views = (self.invite(row["invite"], now_ms) for row in rows)
        return [view for view in views if view is not None]

    def summary(self) -> dict:
        """Count what arrived: events, ratings by level, outcomes without level, and what is missing or contradicts."""
        one = self._conn.execute(
            """SELECT COUNT(*) AS events, COALESCE(SUM(times - 1), 0) AS duplicates,
                 COUNT(DISTINCT terminal) AS terminals, COALESCE(MAX(n), 0) AS next,
                 COALESCE(SUM(status = 'conflict'), 0) AS conflicts, COALESCE(SUM(chain = 'broken'), 0) AS broken
               FROM events"""
        ).fetchone()
        levels = {str(level): 0 for level in LEVELS}
        for row in self._conn.execute("SELECT level, COUNT(*) AS c FROM ratings GROUP BY level"):
            levels[str(row["level"])] = row["c"]
        unrated = self._conn.execute(
            """SELECT json_extract(record, '$.kind') AS kind, COUNT(DISTINCT invite) AS c FROM events
               WHERE kind_code BETWEEN 2 AND ? GROUP BY kind_code""",
            (OUTCOME_LAST,),
        )
        missing = self._conn.execute(
            """SELECT COALESCE(SUM(top - held), 0) FROM (
                 SELECT MAX(seq) AS top, COUNT(DISTINCT seq) AS held FROM events GROUP BY terminal, epoch)"""
        ).fetchone()[0]
        return dict(one) | {
            "ratings": sum(levels.values()),
            "by_level": levels,
            "unrated": {row["kind"]: row["c"] for row in unrated},
            "gaps": missing,
            "windows": self.services.windows(),
        }

    def _settled(self, last: dict, now_ms: int) -> str:
        following = self._conn.execute(
            """SELECT seq, invite FROM events WHERE terminal = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT 1""",
            (last["terminal"], last["epoch"], last["seq"]),
        ).fetchone()
        if following is not None:
            return "settled" if following["seq"] == last["seq"] + 1 else "incomplete"
        time_ms = last.get("utc_ms") or last.get("received_utc_ms")
        return "settled" if time_ms is not None and now_ms - time_ms > SETTLE_MS else "open"

    def _insert(self, record: dict) -> int:
        cursor = self._conn.execute(
            """INSERT INTO events (id, terminal, epoch, seq, kind_code, invite, level, utc_ms, chain, status, revision,
                 record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                record["id"],
                record["terminal"],
                record["epoch"],
                record["seq"],
                record["kind_code"],
                record.get("invite"),
                record.get("level"),
                record.get("utc_ms"),
                *_said(record),
            ),
        )
        return cursor.lastrowid or 0

    def _replace(self, n: int, record: dict) -> None:
        self._conn.execute(
            "UPDATE events SET chain = ?, status = ?, revision = ?, record = ? WHERE n = ?", (*_said(record), n)
        )


def _said(record: dict) -> tuple[str, str, int, str]:
    """Return what may be said anew of a record: chain, status, revision, and the whole text."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return record.get("chain", "pending"), record.get("status", "stored"), record.get("revision", 1), text


def _item(row: sqlite3.Row) -> dict:
    return json.loads(row["record"]) | {"n": row["n"], "times": row["times"]}


def _wrong(record: object) -> str | None:
    """Return what is wrong with one record, or None; an unknown level is refused, never guessed."""
    if not isinstance(record, dict):
        return "no JSON object"
    if record.get("record") == SERVICE:
        return services.wrong(record)
    for key in ("id", "terminal", "kind"):
        value = record.get(key)
        if not isinstance(value, str) or not 1 <= len(value) <= 80:
            return f"{key} must be a text of 1 to 80 characters"
    for key in ("epoch", "seq", "kind_code"):
        if type(record.get(key)) is not int or record[key] < 0:
            return f"{key} must be an integer"
    for key in ("level", "business_level", "service_level"):
        level = record.get(key)
        if level is not None and (type(level) is not int or level not in LEVELS):
            return f"{key} must be 1 to 5 or null"
    if (record.get("level") is not None) != (record["kind_code"] == RATED):
        return "a level belongs to a rated event, and to no other"
    if type(record.get("revision", 1)) is not int:
        return "revision must be an integer"
    for key in ("invite", "chain", "status"):
        if not isinstance(record.get(key), str | None):
            return f"{key} must be a text"
    return None
