"""What content this agent has for its terminals: the clerks' cards, the tag table, and what is still to be removed.

A copy in memory of hashes and numbers, read anew when the store has changed; cards are read only to be pushed.
"""

import logging
import sqlite3
from pathlib import Path

from host_agent import store_staff
from host_agent.content import tag_table
from host_agent.content.staff import Clerk
from host_agent.store import Store
from host_agent.writer import Writer

_log = logging.getLogger(__name__)


class Library:
    """Answer what a terminal should hold; belongs to the event loop."""

    def __init__(self, store: Store, writer: Writer, table: Path | None) -> None:
        """Read what there is; raises OSError when the tag table, which was checked, has gone meanwhile."""
        self._store = store
        self._writer = writer
        self.tag_table = tag_table.builtin() if table is None else table.read_bytes()
        self._hashes: dict[tuple[str, str], bytes] = {}
        self._removals: dict[str, list[str]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read hashes and removals anew; a store that cannot be read leaves what was known."""
        try:
            self._hashes, self._removals = store_staff.hashes(self._store), store_staff.removals(self._store)
        except sqlite3.Error as error:
            _log.error("the staff cannot be read: %s", error)

    def card_hash(self, number: str, board: str) -> bytes | None:
        """Return the SHA-256 of a clerk's card."""
        return self._hashes.get((number, board))

    def card(self, number: str, board: str) -> bytes | None:
        """Return a clerk's card."""
        try:
            return store_staff.card(self._store, number, board)
        except sqlite3.Error as error:
            _log.error("a staff card cannot be read: %s", error)
            return None

    def clerk(self, number: str) -> Clerk | None:
        """Return a clerk."""
        try:
            return store_staff.clerk(self._store, number)
        except sqlite3.Error as error:
            _log.error("the staff cannot be read: %s", error)
            return None

    def recent_clerks(self, window: str, limit: int) -> list[str]:
        """Return who invited at a window of late, newest first."""
        try:
            return store_staff.recent_clerks(self._store, window, limit)
        except sqlite3.Error as error:
            _log.error("the invites cannot be read: %s", error)
            return []

    @property
    def removals(self) -> dict[str, list[str]]:
        """Return, by terminal, the numbers of removed clerks that it has not confirmed."""
        return self._removals

    def confirm(self, terminal: str, number: str) -> None:
        """Note that a terminal holds nothing of a removed clerk."""
        waiting = self._removals.get(terminal, [])
        if number in waiting:
            waiting.remove(number)
            if not waiting:
                del self._removals[terminal]
            self._writer.note(store_staff.confirm(terminal, number))
