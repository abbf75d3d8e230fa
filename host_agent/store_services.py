"""The statements about services, the visit under way at a window, and the numbers given in cases."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from host_agent.store_rows import Change

# A case may be taken up again long after its records are gone.
NUMBERS_KEPT_MS = 3 * 366 * 86_400_000


class Reader(Protocol):
    """Name what reads the store."""

    def query(self, statement: str, values: Sequence = ()) -> list[tuple]:
        """Return the rows of a statement."""
        ...


def put_service(number: int, visit: int, window: str, channel: str, invite: bytes | None, now_ms: int) -> Change:
    """Return the change that keeps what is counted of a service's record."""
    return (
        "INSERT INTO services(id, visit, window, channel, invite, recorded_utc_ms) VALUES (?,?,?,?,?,?)",
        (number, visit, window, channel, invite, now_ms),
    )


def put_visit(window: str, visit: str | None, identity: bytes | None) -> Change:
    """Return the change that keeps the visit under way (JSON), or that there is none."""
    if visit is None:
        return "DELETE FROM visits WHERE window = ?", (window,)
    return "INSERT OR REPLACE INTO visits(window, visit, identity) VALUES (?,?,?)", (window, visit, identity)


def put_number(project_no: str, number: int, now_ms: int) -> Change:
    """Return the change that keeps a number as given in a case."""
    return (
        "INSERT INTO service_numbers(project, last, used_utc_ms) VALUES (?,?,?) ON CONFLICT(project) DO UPDATE SET"
        " last = max(last, excluded.last), used_utc_ms = excluded.used_utc_ms",
        (_digest(project_no), number, now_ms),
    )


def purge(before_utc_ms: int) -> list[Change]:
    """Return the changes that forget what is counted no more, and the numbers of cases that are long closed."""
    return [
        ("DELETE FROM services WHERE recorded_utc_ms < ?", (before_utc_ms,)),
        ("DELETE FROM service_numbers WHERE used_utc_ms < ?", (before_utc_ms - NUMBERS_KEPT_MS,)),
    ]


def last_number(store: Reader, project_no: str) -> int:
    """Return the highest number given in a case at this agent, 0 for none."""
    rows = store.query("SELECT last FROM service_numbers WHERE project = ?", (_digest(project_no),))
    return rows[0][0] if rows else 0


def visit(store: Reader, window: str) -> tuple[str, bytes | None] | None:
    """Return the visit that is under way at a window."""
    rows = store.query("SELECT visit, identity FROM visits WHERE window = ?", (window,))
    return rows[0] if rows else None


def counts(store: Reader, window: str, since_ms: int) -> tuple[int, int]:
    """Return how many services were recorded since a time, and how many of them ended without an invite."""
    return store.query(
        "SELECT count(DISTINCT visit), count(*) FILTER (WHERE invite IS NULL) FROM services"
        " WHERE window = ? AND recorded_utc_ms >= ?",
        (window, since_ms),
    )[0]


def _digest(project_no: str) -> bytes:
    """Return what names a case where only its numbers are remembered, for years: nothing to be read from a disk."""
    return sha256(project_no.encode()).digest()[:16]
