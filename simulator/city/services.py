"""What the city keeps of services: each record once by its id, joined with the ratings, whichever came first.

Services are counted by visit, for one that was invited again has several records. An invite that a terminal made itself
has no record: it stays unlinked here, for people to match by window and time.
"""

import json
import sqlite3

from sqlite_utils import Database

ORIGIN_TERMINAL = 3
WINDOW_ROWS = 500
CHANNELS = ("window", "kiosk", "paper")

LAYOUT = (
    """CREATE TABLE services (
         n INTEGER PRIMARY KEY AUTOINCREMENT,
         id TEXT NOT NULL UNIQUE, visit TEXT NOT NULL, window TEXT NOT NULL, invite TEXT, status TEXT NOT NULL,
         times INTEGER NOT NULL DEFAULT 1, record TEXT NOT NULL
       ) STRICT""",
    "CREATE INDEX services_invite ON services (invite) WHERE invite IS NOT NULL",
    "CREATE INDEX services_window ON services (window, visit, invite)",
)


class CityServices:
    """Keep and show services; used inside the store's transaction and from its thread."""

    def __init__(self, db: Database) -> None:
        """Use the city's database."""
        self._conn: sqlite3.Connection = db.conn

    def take(self, record: dict) -> bool:
        """Store a record unless it is there; return whether it is new."""
        known = self._conn.execute("UPDATE services SET times = times + 1 WHERE id = ?", (record["id"],)).rowcount
        if known:
            return False
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self._conn.execute(
            "INSERT INTO services (id, visit, window, invite, status, record) VALUES (?, ?, ?, ?, ?, ?)",
            (record["id"], record["visit"], record["window"], record["invite"], record["status"], text),
        )
        return True

    def of_invite(self, invite: str) -> dict | None:
        """Return the service that an invite was for, without the sealed identity; None while it is unlinked."""
        row = self._conn.execute(
            "SELECT record FROM services WHERE invite = ? AND status = 'stored' ORDER BY n LIMIT 1", (invite,)
        ).fetchone()
        if row is None:
            return None
        return {key: value for key, value in json.loads(row["record"]).items() if key != "identity"}

    def windows(self) -> list[dict]:
        """Return each window's services, how many of them ended without an invite, and outcomes of no service."""
        rows = self._conn.execute(
            """SELECT window, SUM(services) AS services, SUM(without_invite) AS without_invite,
                 SUM(unlinked) AS unlinked FROM (
                 SELECT window, COUNT(DISTINCT visit) AS services, SUM(invite IS NULL) AS without_invite, 0 AS unlinked
                 FROM services WHERE status = 'stored' GROUP BY window
                 UNION ALL
                 SELECT json_extract(record, '$.window'), 0, 0, COUNT(DISTINCT invite) FROM events e
                 WHERE kind_code <= 5 AND invite IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM services s WHERE s.invite = e.invite)
                 GROUP BY 1)
               GROUP BY window ORDER BY window LIMIT ?""",
            (WINDOW_ROWS,),
        )
        return [dict(row) for row in rows]


def wrong(record: dict) -> str | None:
    """Return what is wrong with a service's record, or None."""
    for key in ("id", "visit", "window", "status"):
        value = record.get(key)
        if not isinstance(value, str) or not 1 <= len(value) <= 80:
            return f"{key} must be a text of 1 to 80 characters"
    for key in ("invite", "clerk", "project_no", "identity"):
        if not isinstance(record.get(key), str | None):
            return f"{key} must be a text or null"
    number = record.get("service_no")
    if number is not None and (type(number) is not int or number < 0):
        return "service_no must be a number or null"
    if record.get("channel") not in CHANNELS:
        return f"channel must be one of {', '.join(CHANNELS)}"
    if not isinstance(record.get("case"), dict):
        return "case must be an object"
    return None
