"""What a run noted beside its file operations, and the failure of a promise."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Broken(Exception):
    """A promise does not hold; the text says which."""


class Mark(NamedTuple):
    """One thing that happened when `at` operations had been asked for."""

    at: int
    what: str
    value: Any = None


def require(holds: object, what: str) -> None:
    """Raise Broken with `what` unless it holds."""
    if not holds:
        raise Broken(what)


@contextlib.contextmanager
def opened(path: Path, promised: bool, table: str = "counters") -> Iterator[sqlite3.Connection | None]:
    """Open a store's file and see that SQLite finds it sound; None while nothing is `promised` and no table is there.

    :raises Broken: it is damaged, or something was promised and it or its tables are gone.
    """
    require(path.exists() or not promised, "the store's file is gone")
    conn = sqlite3.connect(path)
    try:
        found = conn.execute("PRAGMA integrity_check").fetchone()[0]
        require(found == "ok", f"integrity_check: {found}")
        has_tables = conn.execute("SELECT count(*) FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        require(has_tables or not promised, "the store's tables are gone")
        yield conn if has_tables else None
    finally:
        conn.close()
