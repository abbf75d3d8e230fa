"""The newest self-test of each terminal: when it came, and which parts failed."""

import sqlite3

from host_agent.self_test import parts
from protocol import evidence

_COUNT = 12  # plaintext key: the mask of the parts that failed


def note(conn: sqlite3.Connection, clear: evidence.Clear, fields: dict, received_utc_ms: int) -> None:
    """Keep a self-test event's result, unless a newer one is known."""
    conn.execute(
        "INSERT INTO self_tests(terminal, epoch, seq, failed, received_utc_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT(terminal, epoch) DO UPDATE SET seq = excluded.seq, failed = excluded.failed,"
        " received_utc_ms = excluded.received_utc_ms WHERE excluded.seq > seq",
        (clear.terminal, clear.epoch, clear.seq, fields.get(_COUNT, 0), received_utc_ms),
    )


def newest(conn: sqlite3.Connection) -> dict[tuple[str, int], dict]:
    """Return (terminal, epoch) → when the newest test came, and the codes of the parts that failed."""
    rows = conn.execute("SELECT terminal, epoch, failed, received_utc_ms FROM self_tests")
    return {
        (terminal, epoch): {"received_utc_ms": at_ms, "failed": [part.code for part in parts.failed(mask)]}
        for terminal, epoch, mask, at_ms in rows
    }
