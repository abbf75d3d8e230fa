"""The statements about clerks, their cards, and the removals that terminals have not confirmed yet.

Promise: what a removal deletes is in no file after it. SQLite overwrites what it deletes (secure_delete), but where it
moves rows from one page to another it leaves the old copy standing. So a removal writes the small tables that hold
names anew, and a card stands behind a page of zeros: all of it is then in pages of its own, which are never moved.
"""

import json
from collections.abc import Iterable
from hashlib import sha256

from host_agent.content.staff import Clerk, Staff
from host_agent.store import Store
from host_agent.store_rows import Change

# Of a window's newest invites, so many are looked at for the clerks who serve there.
_INVITES_LOOKED_AT = 300
_COLUMNS = "number, name, post, stars"
_PAGE_BYTES = 4096
_WITH_NAMES = {"staff": ("number", "name", "post", "stars"), "windows": ("window", "clerk", "paused")}


def put(staff: Staff) -> list[Change]:
    """Return the changes that keep a clerk in place of what was known; a removal that waits is no longer wanted."""
    clerk = staff.clerk
    return [
        (
            "INSERT INTO staff(number, name, post, stars) VALUES (?,?,?,?) ON CONFLICT(number) DO UPDATE SET"
            " name = excluded.name, post = excluded.post, stars = excluded.stars",
            (clerk.number, clerk.name, clerk.post, clerk.stars),
        ),
        ("DELETE FROM staff_cards WHERE number = ?", (clerk.number,)),
        *(
            (
                "INSERT INTO staff_cards(number, board, sha256, card) VALUES (?,?,?,?)",
                (clerk.number, board, sha256(card).digest(), bytes(_PAGE_BYTES) + card),
            )
            for board, card in sorted(staff.cards.items())
        ),
        ("DELETE FROM removals WHERE number = ?", (clerk.number,)),
    ]


def remove(numbers: Iterable[str], terminals: Iterable[str]) -> list[Change]:
    """Return the changes that forget clerks here, and note which terminals have to; to be written with `forget`.

    A window where a clerk is logged in remembers the number alone: it is bound into the invites already made.
    """
    terminals = list(terminals)
    changes: list[Change] = []
    for number in numbers:
        bare = json.dumps({"number": number})
        changes += [
            ("DELETE FROM staff WHERE number = ?", (number,)),
            ("DELETE FROM staff_cards WHERE number = ?", (number,)),
            ("UPDATE windows SET clerk = ? WHERE json_extract(clerk, '$.number') = ?", (bare, number)),
            *(("INSERT OR IGNORE INTO removals(terminal, number) VALUES (?,?)", (name, number)) for name in terminals),
        ]
    return changes + _written_anew()


def _written_anew() -> list[Change]:
    """Return the changes that move all rows with names out of their tables, wiping these, and back in."""
    changes = []
    for table, columns in _WITH_NAMES.items():
        names, places = ", ".join(columns), ", ".join("abcd"[: len(columns)])
        changes += [
            (f"INSERT INTO moving({places}) SELECT {names} FROM {table}", ()),
            (f"DELETE FROM {table}", ()),
            (f"INSERT INTO {table}({names}) SELECT {places} FROM moving ORDER BY rowid", ()),
            ("DELETE FROM moving", ()),
        ]
    return changes


def confirm(terminal: str, number: str) -> Change:
    """Return the change that notes that a terminal holds nothing of a clerk any more."""
    return "DELETE FROM removals WHERE terminal = ? AND number = ?", (terminal, number)


def forget_terminal(terminal: str) -> Change:
    """Return the change that gives up waiting for a terminal that will not come back."""
    return "DELETE FROM removals WHERE terminal = ?", (terminal,)


def clerk(store: Store, number: str) -> Clerk | None:
    """Return one clerk."""
    rows = store.query(f"SELECT {_COLUMNS} FROM staff WHERE number = ?", (number,))
    return Clerk(*rows[0]) if rows else None


def clerks(store: Store) -> list[Clerk]:
    """Return all clerks by number."""
    return [Clerk(*row) for row in store.query(f"SELECT {_COLUMNS} FROM staff ORDER BY number")]


def card(store: Store, number: str, board: str) -> bytes | None:
    """Return a clerk's card for a board."""
    rows = store.query("SELECT card FROM staff_cards WHERE number = ? AND board = ?", (number, board))
    return rows[0][0][_PAGE_BYTES:] if rows else None


def hashes(store: Store) -> dict[tuple[str, str], bytes]:
    """Return the SHA-256 of every card by number and board."""
    rows = store.query("SELECT number, board, sha256 FROM staff_cards ORDER BY number, board")
    return {(number, board): digest for number, board, digest in rows}


def removals(store: Store) -> dict[str, list[str]]:
    """Return, by terminal, the numbers that it has not confirmed yet."""
    found: dict[str, list[str]] = {}
    for terminal, number in store.query("SELECT terminal, number FROM removals ORDER BY terminal, number"):
        found.setdefault(terminal, []).append(number)
    return found


def recent_clerks(store: Store, window: str, limit: int) -> list[str]:
    """Return the numbers of the clerks who invited at a window of late, newest first."""
    rows = store.query(
        "SELECT clerk FROM invites WHERE window = ? ORDER BY created_utc_ms DESC LIMIT ?", (window, _INVITES_LOOKED_AT)
    )
    return list(dict.fromkeys(number for (number,) in rows))[:limit]
