"""Brings one window's terminal to hold what it should: by hash, one file at a time, only while nobody waits for it.

    resting ──something is missing──▶ pushing ──held──▶ resting
       ▲                                 │
       └── an invite opens, link lost ───┘   what was sent already is not sent again: the terminal says where to go on
Promise: a card whose clerk this agent does not know is taken off the terminal; nothing is kept beyond a connection.
"""

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol

from host_agent.content import tag_table
from host_agent.content.library import Library
from host_agent.store_rows import OPEN, PENDING
from protocol import content, reasons
from protocol.content import CARDS_MAX, STAFF_CARD, TAG_TABLE, TAG_TABLE_NAME

RESTING = ("idle", "no_clerk", "serving", "paused")
# A file that a terminal refuses is tried again; then not before the next connection.
TRIES = 3
RETRY_S = 10.0

_log = logging.getLogger(__name__)
Key = tuple[int, str]  # kind and name
Item = tuple[int, str, bytes]  # kind, name, data; empty data removes the file


class PushWindow(Protocol):
    """What this needs of a window."""

    section: Any
    invites: Any
    hello: dict[str, Any] | None
    shown: str | None
    clerk: dict[str, Any] | None

    @property
    def connected(self) -> bool:
        """Say whether its terminal answers."""
        ...

    def push(self, kind: int, name: str, data: bytes) -> "asyncio.Future[int] | None":
        """Begin to send a file; cancelling the future stops it."""
        ...


class WindowContent:
    """Own what is pushed to one terminal; belongs to the event loop."""

    def __init__(self, window: PushWindow, library: Library, changed: Callable[[], None]) -> None:
        """Keep the parts; `changed` hears when the view has."""
        self._window = window
        self._library = library
        self._changed = changed
        self._hello: dict[str, Any] | None = None
        self._held: dict[Key, str] = {}
        self._tries: dict[Item, int] = {}
        self._pushing: asyncio.Future[int] | None = None
        self._item: Item | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._recent: list[str] = []
        self._recent_for: tuple[Any, Any] | None = None

    def filled(self, clerk: dict[str, Any]) -> dict[str, Any]:
        """Return a clerk with name, post and stars as imported, where only the number was given."""
        known = self._library.clerk(clerk["number"]) if clerk.keys() == {"number"} else None
        return clerk if known is None else known.message()

    def view(self) -> dict[str, Any]:
        """Return what the terminal holds and what it lacks, for the status."""
        able = self._able()
        return {
            "held": [_shown(key) for key in sorted(self._held)] if able else [],
            "pending": [_shown(item[:2]) for item in self._missing()] if able else [],
            "removing": self._library.removals.get(self._window.section.terminal, []),
            "refused": sorted(_shown(item[:2]) for item, tries in self._tries.items() if tries >= TRIES),
        }

    @property
    def pushing(self) -> bool:
        """Say whether a file is on the way to the terminal."""
        return self._pushing is not None

    @property
    def wants(self) -> bool:
        """Say whether a file would be sent now if the line were free."""
        met = self._hello is not None and self._hello is self._window.hello
        if not met or not self._able() or not self._rests() or self._timer is not None:
            return False
        return any(self._tries.get(item, 0) < TRIES for item in self._missing())

    def consider(self) -> None:
        """Begin, go on or stop; to be called whenever something may have changed."""
        if not self._window.connected:
            return
        if self._window.hello is not self._hello:
            self._begin()
        self._confirm()
        if not self._able():
            return
        if not self._rests():
            self.stop()
        elif self._pushing is None:
            self._next()

    def stop(self) -> None:
        """Stop pushing at once; the terminal keeps what it has of the file."""
        if self._pushing is not None:
            self._pushing.cancel()

    # --- what there is and what there should be

    def _able(self) -> bool:
        return self._hello is not None and content.CAP_BULK in self._hello["caps"]

    def _rests(self) -> bool:
        invite = self._window.invites.current
        return self._window.shown in RESTING and (invite is None or invite.state not in (PENDING, OPEN))

    def _begin(self) -> None:
        """Take what a terminal that has just connected says that it holds."""
        self._hello = hello = self._window.hello or {}
        self._held = {key: digest for name, digest in hello["assets"].items() if (key := _key(name)) is not None}
        self._tries = {}

    def _confirm(self) -> None:
        """Note the removals at a terminal that takes no content: it never held any."""
        if self._able():
            return
        terminal = self._window.section.terminal
        for number in list(self._library.removals.get(terminal, ())):
            self._library.confirm(terminal, number)

    def _missing(self) -> list[Item]:
        """Return what is to be done, the next first; data of cards to be sent is left out."""
        board = self._hello["board"] if self._hello else ""
        cards = [name for kind, name in self._held if kind == STAFF_CARD]
        # Of a removed clerk the terminal may have a part that it does not tell of: it is asked to forget that, too.
        unknown = [name for name in cards if self._library.card_hash(name, board) is None]
        removed = self._library.removals.get(self._window.section.terminal, [])
        todo: list[Item] = [(STAFF_CARD, name, b"") for name in dict.fromkeys([*removed, *unknown])]
        wanted = self._wanted(board)
        spare = [name for name in cards if name not in wanted and self._library.card_hash(name, board) is not None]
        room = CARDS_MAX - len(cards) + len(unknown)
        for name, digest in wanted.items():
            if self._held.get((STAFF_CARD, name)) == _short(digest):
                continue
            if name not in cards:
                if room <= 0 and spare:
                    todo.append((STAFF_CARD, spare.pop(), b""))
                    room += 1
                room -= 1
            todo.append((STAFF_CARD, name, digest))
        table = self._library.tag_table
        if self._hello and self._hello["tagver"] != tag_table.version(table):
            if self._held.get((TAG_TABLE, TAG_TABLE_NAME)) != _short(sha256(table).digest()):
                todo.append((TAG_TABLE, TAG_TABLE_NAME, sha256(table).digest()))
        return todo

    def _wanted(self, board: str) -> dict[str, bytes]:
        """Return the hash of each card that should be held: the present clerk's first, then those of late."""
        number = (self._window.clerk or {}).get("number")
        if self._recent_for != (self._hello, number):
            self._recent = self._library.recent_clerks(self._window.section.id, CARDS_MAX)
            self._recent_for = (self._hello, number)
        names = [number, *(name for name in self._recent if name != number)][:CARDS_MAX]
        return {name: digest for name in names if name and (digest := self._library.card_hash(name, board)) is not None}

    # --- pushing

    def _next(self) -> None:
        """Push the first thing that was not refused."""
        todo = [item for item in self._missing() if self._tries.get(item, 0) < TRIES]
        if not todo or self._timer is not None:
            return
        kind, name, digest = item = todo[0]
        data = self._data(kind, name) if digest else b""
        if data is None or (digest and sha256(data).digest() != digest):
            self._library.refresh()  # replaced since its hash was read
            return
        future = self._window.push(kind, name, data)
        if future is None:
            return
        self._pushing, self._item = future, item
        future.add_done_callback(self._done)

    def _data(self, kind: int, name: str) -> bytes | None:
        board = self._hello["board"] if self._hello else ""
        return self._library.tag_table if kind == TAG_TABLE else self._library.card(name, board)

    def _done(self, future: "asyncio.Future[int]") -> None:
        item, self._pushing, self._item = self._item, None, None
        if not future.cancelled() and future.exception() is None and item is not None:
            self._answered(item, future.result())
        # Not from inside the connection's own work, and after it has told of its end.
        asyncio.get_running_loop().call_soon(self.consider)
        self._changed()

    def _answered(self, item: Item, reason: int) -> None:
        kind, name, digest = item
        if reason != reasons.OK:
            self._tries[item] = self._tries.get(item, 0) + 1
            _log.warning("window %s: the terminal refuses content: reason %d", self._window.section.id, reason)
            self._timer = asyncio.get_running_loop().call_later(RETRY_S, self._again)
        elif digest:
            self._held[kind, name] = _short(digest)
        else:
            self._held.pop((kind, name), None)
            self._library.confirm(self._window.section.terminal, name)

    def _again(self) -> None:
        self._timer = None
        self.consider()


def _key(name: str) -> Key | None:
    """Return kind and name of an entry of HELLO_REPLY's assets, None for another thing than content."""
    kind, slash, rest = name.partition("/")
    return (int(kind), rest) if slash and kind.isdecimal() and rest else None


def _short(digest: bytes) -> str:
    return digest.hex()[: content.HASH_DIGITS]


def _shown(key: tuple) -> str:
    kind, name = key
    return name if kind == TAG_TABLE else f"card {name}"
