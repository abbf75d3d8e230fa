"""Builds the single statements that a batch carries beside its events."""

from host_agent.store_rows import Change, InviteRow, WindowRow
from host_agent.store_schema import REFUSED, WAITING


def insert_invite(row: InviteRow) -> Change:
    """Return the change that keeps a new invite."""
    places = ",".join("?" * len(row))
    return f"INSERT INTO invites({', '.join(InviteRow._fields)}) VALUES ({places})", tuple(row)


def set_invite_state(invite: bytes, state: str, reason: str | None, only_from: tuple[str, ...]) -> Change:
    """Return the change that moves an invite on, if it stands at one of `only_from`."""
    places = ",".join("?" * len(only_from))
    return (
        f"UPDATE invites SET state = ?, reason = ? WHERE invite = ? AND state IN ({places})",
        (state, reason, invite, *only_from),
    )


def put_window(row: WindowRow) -> Change:
    """Return the change that keeps what a window was told."""
    return "INSERT OR REPLACE INTO windows(window, clerk, paused) VALUES (?,?,?)", tuple(row)


def put_recovery(terminal: str, epoch: int, first: int, last: int) -> Change:
    """Return the change that keeps a range to be fetched again."""
    statement = "INSERT OR REPLACE INTO recoveries(terminal, epoch, first, last) VALUES (?,?,?,?)"
    return statement, (terminal, epoch, first, last)


def end_recovery(terminal: str) -> Change:
    """Return the change that forgets it."""
    return "DELETE FROM recoveries WHERE terminal = ?", (terminal,)


def shelve(event_id: int, code: str, utc_ms: int) -> Change:
    """Return the change that puts an event the city refused on the shelf."""
    return (
        "UPDATE events SET state = ?, code = ?, settled_utc_ms = ? WHERE id = ? AND state = ?",
        (REFUSED, code, utc_ms, event_id, WAITING),
    )
