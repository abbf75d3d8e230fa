"""What a person can do about an error of SQLite, by its primary result code (https://sqlite.org/rescode.html)."""

import sqlite3

_HELD = "end the program that holds it"
_CURES = {
    sqlite3.SQLITE_FULL: "free some room",
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_READONLY: "give this user the right to write it and its folder",
    sqlite3.SQLITE_CANTOPEN: "give this user the right to write it and its folder",
    sqlite3.SQLITE_CORRUPT: "keep it for the engineers and put a copy of an earlier day in its place",
    sqlite3.SQLITE_NOTADB: "keep it for the engineers and put a copy of an earlier day in its place",
    sqlite3.SQLITE_CONSTRAINT: "this is a fault of the program: report it",
}
_CHECK = "check its disk"


def cure(error: sqlite3.Error) -> str:
    """Return what to do."""
    return _CURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _CHECK)
