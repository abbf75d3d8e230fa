"""Read what people should see from the receiver's database: terminals with gaps, conflicts, chain and silence.

All functions read only and belong to the worker's thread.
"""

import sqlite3

from host_agent.provision.registry import Registry
from host_agent.receiver import self_tests
from host_agent.receiver.silence import Hours, heard_ms, silent_ms
from protocol import rating, reasons

GAP_ROWS = 50  # gaps listed of one terminal; `missing` counts all of them
# What comes out of order is there within seconds; only an older gap is worth a word.
GAP_PATIENCE_MS = 120_000

_GAPS = """SELECT a, b FROM (
  SELECT COALESCE(LAG(last) OVER (ORDER BY first), 0) + 1 AS a, first - 1 AS b FROM spans
  WHERE terminal = ? AND epoch = ?) WHERE a <= b"""


def gaps_of(conn: sqlite3.Connection, terminal: str, epoch: int, limit: int = GAP_ROWS) -> list[tuple[int, int]]:
    """Return the ranges of sequence numbers that are missing below the highest one."""
    return conn.execute(f"{_GAPS} ORDER BY a LIMIT ?", (terminal, epoch, limit)).fetchall()


def terminals(conn: sqlite3.Connection, registry: Registry, hours: Hours, now_ms: int) -> list[dict]:
    """Return one row for each registered (terminal, epoch)."""
    newest_epoch: dict[str, int] = {}
    for entry in registry.entries():
        newest_epoch[entry.terminal] = max(entry.epoch, newest_epoch.get(entry.terminal, 0))
    rows = _heads(conn)
    copies = _count_by_place(conn, "copy > 1")
    broken = _count_by_place(conn, "chain = 2")
    tests = self_tests.newest(conn)
    out = []
    for entry in registry.entries():
        key = (entry.terminal, entry.epoch)
        row = {
            "terminal": entry.terminal,
            "epoch": entry.epoch,
            "current": entry.epoch == newest_epoch[entry.terminal],
            "centre": entry.centre,
            "window": entry.window,
            "board": entry.board,
            "reveal_level": entry.reveal_level,
            "conflicts": copies.get(key, 0),
            "chain_broken": broken.get(key, 0),
            "self_test": tests.get(key),
        }
        row |= rows.get(key) or _never_heard()
        row |= _missing(conn, *key, now_ms)
        row["silent_min"] = None
        row["lost_utc_ms"] = entry.lost_utc_ms or None
        if row["current"] and not row["ended"] and not entry.lost_utc_ms:
            # One that was never heard of counts from when it was registered.
            silent = silent_ms(now_ms, row["heard_utc_ms"] or entry.added_utc_ms, hours)
            row["silent_min"] = None if silent is None else silent // 60_000
        out.append(row)
    _note_unended(out)
    return out


def _note_unended(rows: list[dict]) -> None:
    """Say of each epoch whether it just stopped: a later one is heard, no last event came, nobody told of a loss."""
    heard: dict[str, int] = {}
    for row in rows:
        if row["events"]:
            heard[row["terminal"]] = max(row["epoch"], heard.get(row["terminal"], 0))
    for row in rows:
        over = row["ended"] or row["lost_utc_ms"] is not None
        row["unended"] = bool(row["events"]) and not over and row["epoch"] < heard[row["terminal"]]


def counters(conn: sqlite3.Connection) -> dict[str, int]:
    """Return the totals since the database was made."""
    return dict(conn.execute("SELECT name, value FROM counters"))


def _heads(conn: sqlite3.Connection) -> dict[tuple[str, int], dict]:
    rows = conn.execute(
        "SELECT terminal, epoch, events, late, newest_seq, newest_utc_ms, newest_received_ms, mark_utc_ms, ended_seq,"
        " boot, firmware FROM terminals"
    )
    return {
        (row[0], row[1]): {
            "events": row[2],
            "late": row[3],
            "last_seq": row[4],
            "heard_utc_ms": heard_ms(row[5], row[6]),
            "received_utc_ms": row[6],
            "mark_utc_ms": row[7],
            "ended": row[8] is not None,
            "boot": row[9],
            "firmware": row[10],
        }
        for row in rows
    }


def _never_heard() -> dict:
    names = ("heard_utc_ms", "received_utc_ms", "mark_utc_ms", "boot", "firmware")
    return {"events": 0, "late": 0, "last_seq": 0, "ended": False} | dict.fromkeys(names)


def _count_by_place(conn: sqlite3.Connection, condition: str) -> dict[tuple[str, int], int]:
    rows = conn.execute(f"SELECT terminal, epoch, COUNT(*) FROM events WHERE {condition} GROUP BY terminal, epoch")
    return {(terminal, epoch): count for terminal, epoch, count in rows}


def _missing(conn: sqlite3.Connection, terminal: str, epoch: int, now_ms: int) -> dict:
    """Return the gaps, how many numbers are missing, and how many of them neither time nor the terminal explains."""
    gaps = gaps_of(conn, terminal, epoch)
    missing, count = conn.execute(
        f"SELECT COALESCE(SUM(b - a + 1), 0), COUNT(*) FROM ({_GAPS})", (terminal, epoch)
    ).fetchone()
    explained = [gap for gap in gaps if _explains(conn, terminal, epoch, gap)]
    fresh = [
        gap
        for gap in gaps
        if gap not in explained and _known_since(conn, terminal, epoch, gap) > now_ms - GAP_PATIENCE_MS
    ]
    excused = sum(b - a + 1 for a, b in {*explained, *fresh})
    return {
        "missing": missing,
        "gap_count": count,
        "gaps": [list(gap) for gap in gaps],
        "gaps_explained": [list(gap) for gap in explained],
        "unexplained": missing - excused,
    }


def _explains(conn: sqlite3.Connection, terminal: str, epoch: int, gap: tuple[int, int]) -> bool:
    """Say whether a fault sealed in the boot after the gap tells that memory was lost (numbers resume beyond it)."""
    return (
        conn.execute(
            "SELECT 1 FROM events f, events n WHERE n.terminal = ?1 AND n.epoch = ?2 AND n.seq = ?3 AND f.terminal = ?1"
            " AND f.epoch = ?2 AND f.seq BETWEEN ?3 AND ?3 + 8 AND f.boot = n.boot AND f.kind = ?4 AND f.why = ?5"
            " LIMIT 1",
            (terminal, epoch, gap[1] + 1, rating.FAULT, reasons.WHY_SECTOR_UNREADABLE),
        ).fetchone()
        is not None
    )


def _known_since(conn: sqlite3.Connection, terminal: str, epoch: int, gap: tuple[int, int]) -> int:
    return conn.execute(
        "SELECT MIN(received_utc_ms) FROM events WHERE terminal = ? AND epoch = ? AND seq = ?",
        (terminal, epoch, gap[1] + 1),
    ).fetchone()[0]
