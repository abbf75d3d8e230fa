"""What the agent must remember of a terminal's update across its own restart; one row a terminal.

Stored layout (agent.db): `updates` terminal → manifest (hex), version, state (asked switching done failed), why,
tries, when. Asked: UPDATE left, its answer is unknown. A failed row keeps the terminal from the same bundle until it
is retried.
"""

import attrs

from host_agent.store import Store
from host_agent.store_rows import Change

ASKED, SWITCHING, DONE, FAILED = "asked", "switching", "done", "failed"
_COLUMNS = "terminal, manifest, version, state, why, tries, since_utc_ms"


@attrs.frozen
class Record:
    """Hold how far the update of one terminal was when it was noted."""

    terminal: str
    manifest: str
    version: str
    state: str
    why: str | None
    tries: int
    since_utc_ms: int


def all_of(store: Store) -> dict[str, Record]:
    """Return what is remembered, by terminal; raises sqlite3.Error."""
    return {row[0]: Record(*row) for row in store.query(f"SELECT {_COLUMNS} FROM updates")}


def put(record: Record) -> Change:
    """Return the change that remembers it in place of what was."""
    return f"INSERT OR REPLACE INTO updates({_COLUMNS}) VALUES (?,?,?,?,?,?,?)", attrs.astuple(record)


def forget(terminal: str) -> Change:
    """Return the change that forgets it."""
    return "DELETE FROM updates WHERE terminal = ?", (terminal,)
