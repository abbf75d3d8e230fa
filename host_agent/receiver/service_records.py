"""Keeps service records, each once, and joins them with the events of their invites; inside the store's batch.

Either may come first: a record that comes later has the events of its invite handed on again, with it beside them.
"""

import json
import sqlite3
from hashlib import sha256
from typing import Any

import attrs

from host_agent.receiver import checks
from host_agent.receiver.service_message import ServiceRecord

# What a rating is handed on with; the rest is in the record of the service itself.
_BESIDE = ("visit", "channel", "uploader", "project_no", "service_no", "real_name", "case")


@attrs.frozen
class Kept:
    """What became of a record: the receipt's status and code, what to hand on, and which events to hand on again."""

    status: str
    code: str | None = None
    out: dict[str, Any] | None = None
    events: tuple[int, ...] = ()


class ServiceRecords:
    """Own the table; every method belongs to the worker's thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Use the store's connection."""
        self._conn = conn

    def keep(self, centre: str, agent: str, record: ServiceRecord, content: bytes, now_ms: int) -> Kept:
        """Keep a record unless its bytes are here."""
        digest = sha256(content).digest()
        held = dict(self._conn.execute("SELECT digest, copy FROM services WHERE id = ?", (record.id,)))
        if digest in held:
            return Kept(checks.DUPLICATE, checks.CONFLICT if len(held) > 1 else None)
        copy = len(held) + 1
        said = {name: value for name, value in record.data.items() if name not in ("identity", "invite_preimage")}
        bound = None if record.bound is None else int(record.bound)
        self._conn.execute(
            "INSERT INTO services(id, copy, digest, centre, agent, window, invite, bound, said, stored_utc_ms,"
            " received_utc_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                record.id, copy, digest, centre, agent, record.window, record.invite, bound,
                json.dumps(said, ensure_ascii=False), record.stored_utc_ms, now_ms,
            ),
        )  # fmt: skip
        status = checks.STORED if copy == 1 else checks.CONFLICT
        out = {
            "record": "service",
            "id": record.id if copy == 1 else f"{record.id}.{copy}",
            "revision": 1,
            "centre": centre,
            "agent": agent,
            **said,
            "identity": record.data["identity"],
            "invite_bound": record.bound,
            "stored_utc_ms": record.stored_utc_ms,
            "received_utc_ms": now_ms,
            "status": status,
        }
        return Kept(status, None, out, self._events(record, copy))

    def beside(self, invite: bytes | None) -> dict[str, Any] | None:
        """Return what an invite was about, as its service's record proves, or None."""
        if invite is None:
            return None
        row = self._conn.execute(
            "SELECT id, said FROM services WHERE invite = ? AND bound = 1 AND copy = 1 ORDER BY row LIMIT 1", (invite,)
        ).fetchone()
        if row is None:
            return None
        said = json.loads(row[1])
        return {"id": row[0], **{name: said[name] for name in _BESIDE}}

    def _events(self, record: ServiceRecord, copy: int) -> tuple[int, ...]:
        if record.invite is None or not record.bound or copy != 1:
            return ()
        rows = self._conn.execute("SELECT row FROM events WHERE invite = ? ORDER BY row", (record.invite,))
        return tuple(row for (row,) in rows)
