"""The three small tables beside the events: records to hand on, messages on the shelf, alarms for people.

All methods belong to the worker's thread; what changes rows is called inside `store.batch()`.
"""

import sqlite3

from host_agent.receiver.checks import WAITING_CODES, Alarm

# The agent keeps what was refused as unknown and tries it again, so the shelf may be bounded without losing anything.
SHELF_WAITING_ROWS = 50_000
SHELF_REFUSED_ROWS = 5_000
ALARM_ROWS = 20_000  # the oldest are dropped beyond it: a flood must not fill the disk


class Outbox:
    """Records that the municipal system has not taken yet, oldest first."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Use the store's connection."""
        self._conn = conn

    def put(self, record: str) -> None:
        """Queue one record (JSON text)."""
        self._conn.execute("INSERT INTO outbox(record) VALUES (?)", (record,))

    def oldest(self, limit: int) -> list[tuple[int, str]]:
        """Return up to `limit` (number, record) that wait and are not parked."""
        return self._conn.execute(
            "SELECT n, record FROM outbox WHERE parked IS NULL ORDER BY n LIMIT ?", (limit,)
        ).fetchall()

    def remove(self, numbers: list[int]) -> None:
        """Delete records that the other side has durably."""
        self._conn.executemany("DELETE FROM outbox WHERE n = ?", [(n,) for n in numbers])

    def park(self, number: int, why: str) -> None:
        """Put a record aside that the other side refuses, so that it does not hold up the rest."""
        self._conn.execute("UPDATE outbox SET parked = ? WHERE n = ?", (why, number))

    def unpark(self) -> int:
        """Queue all parked records again; return how many."""
        return self._conn.execute("UPDATE outbox SET parked = NULL WHERE parked IS NOT NULL").rowcount

    def counts(self) -> tuple[int, int]:
        """Return how many records wait, and how many of them are parked."""
        return self._conn.execute(
            "SELECT (SELECT COUNT(*) FROM outbox), (SELECT COUNT(*) FROM outbox WHERE parked IS NOT NULL)"
        ).fetchone()


class Shelf:
    """Messages that could not be opened, each kept once however often it comes."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Use the store's connection."""
        self._conn = conn

    def put(
        self,
        digest: bytes,
        code: str,
        detail: str,
        place: tuple[str, int, int] | None,
        topic: str,
        payload: bytes,
        now_ms: int,
    ) -> None:
        """Keep a message as it came; `place` is the (terminal, epoch, seq) that it claims."""
        terminal, epoch, seq = place or (None, None, None)
        self._conn.execute(
            "INSERT INTO shelf(digest, code, detail, terminal, epoch, seq, topic, payload, first_utc_ms, last_utc_ms,"
            " times)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 1) ON CONFLICT(digest) DO UPDATE SET"
            " code = ?2, detail = ?3, topic = ?7, payload = ?8, last_utc_ms = ?9, times = times + 1",
            (digest, code, detail, terminal, epoch, seq, topic, payload, now_ms),
        )

    def trim(self) -> None:
        """Drop the longest unseen beyond the bounds; the agent still has what may become readable."""
        marks = ", ".join("?" * len(WAITING_CODES))
        for condition, most in (
            (f"code IN ({marks})", SHELF_WAITING_ROWS),
            (f"code NOT IN ({marks})", SHELF_REFUSED_ROWS),
        ):
            count = self._conn.execute(f"SELECT COUNT(*) FROM shelf WHERE {condition}", WAITING_CODES).fetchone()[0]
            if count > most:
                self._conn.execute(
                    f"DELETE FROM shelf WHERE digest IN (SELECT digest FROM shelf WHERE {condition}"
                    " ORDER BY last_utc_ms LIMIT ?)",
                    (*WAITING_CODES, count - most),
                )

    def waiting(self, terminal: str, epoch: int, limit: int) -> list[tuple[bytes, str, bytes]]:
        """Return (digest, topic, payload) of messages that wait for this key."""
        marks = ", ".join("?" * len(WAITING_CODES))
        return self._conn.execute(
            f"SELECT digest, topic, payload FROM shelf WHERE code IN ({marks}) AND terminal = ? AND epoch = ?"
            " ORDER BY seq LIMIT ?",
            (*WAITING_CODES, terminal, epoch, limit),
        ).fetchall()

    def waiting_places(self) -> list[tuple[str, int]]:
        """Return the (terminal, epoch) that messages wait for."""
        marks = ", ".join("?" * len(WAITING_CODES))
        return self._conn.execute(
            f"SELECT DISTINCT terminal, epoch FROM shelf WHERE code IN ({marks})", WAITING_CODES
        ).fetchall()

    def remove(self, digests: list[bytes]) -> None:
        """Take messages down that were opened."""
        self._conn.executemany("DELETE FROM shelf WHERE digest = ?", [(digest,) for digest in digests])

    def counts(self) -> dict[str, int]:
        """Return how many messages lie here, by code."""
        return dict(self._conn.execute("SELECT code, COUNT(*) FROM shelf GROUP BY code"))


class Alarms:
    """What a person should know, once per code, place and detail."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Use the store's connection."""
        self._conn = conn

    def put(self, alarm: Alarm, terminal: str, epoch: int, seq: int, now_ms: int) -> None:
        """Note an alarm, or that it came again."""
        self._conn.execute(
            "INSERT INTO alarms(code, terminal, epoch, seq, detail, first_utc_ms, last_utc_ms, times)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1) ON CONFLICT DO UPDATE SET last_utc_ms = ?6, times = times + 1",
            (alarm.code, terminal, epoch, seq, alarm.detail, now_ms),
        )

    def trim(self) -> None:
        """Drop the oldest beyond the bound."""
        count = self._conn.execute("SELECT COUNT(*) FROM alarms").fetchone()[0]
        if count > ALARM_ROWS:
            self._conn.execute(
                "DELETE FROM alarms WHERE (code, terminal, epoch, seq, detail) IN"
                " (SELECT code, terminal, epoch, seq, detail FROM alarms ORDER BY last_utc_ms LIMIT ?)",
                (count - ALARM_ROWS,),
            )

    def newest(self, limit: int) -> list[dict]:
        """Return the newest alarms, newest first."""
        names = ("code", "terminal", "epoch", "seq", "detail", "first_utc_ms", "last_utc_ms", "times")
        rows = self._conn.execute(
            f"SELECT {', '.join(names)} FROM alarms ORDER BY last_utc_ms DESC, seq DESC LIMIT ?", (limit,)
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def counts(self, since_utc_ms: int = 0) -> dict[str, int]:
        """Return how many alarms were seen since a time, by code."""
        return dict(
            self._conn.execute(
                "SELECT code, COUNT(*) FROM alarms WHERE last_utc_ms >= ? GROUP BY code", (since_utc_ms,)
            )
        )
