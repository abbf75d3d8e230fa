"""The notice that a window's terminal shows while nobody serves there: remembered here, told at each connection."""

import sqlite3
from typing import Any

from host_agent.store import Store
from host_agent.store_rows import Change
from host_agent.writer import Writer
from protocol import messages


class WindowNotice:
    """Own one window's notice; belongs to the event loop."""

    def __init__(self, window: Any, store: Store, writer: Writer) -> None:
        """Read back what was to be shown; `window` is the Window."""
        self.window = window
        self.writer = writer
        self._told: dict[str, Any] | None = None  # the HELLO_REPLY of the connection that was told
        try:
            rows = store.query("SELECT text FROM notices WHERE window = ?", (window.section.id,))
        except sqlite3.Error:
            rows = []
        self.text: str | None = rows[0][0] if rows else None  # None: never had one

    def tell(self) -> None:
        """Tell a terminal that has connected since; one that never had a notice hears nothing."""
        if self.window.connected and self.window.hello is not self._told:
            self._told = self.window.hello
            if self.text is not None:
                self.window.request(messages.NOTICE, {"text": self.text})


async def keep(notices: list[WindowNotice], text: str) -> None:
    """Make a notice durable at all these windows or at none; "" takes it away.

    :raises StoreFullError, StoreFaultError: it is not.
    """
    if notices:
        await notices[0].writer.write(*(_put(one.window.section.id, text) for one in notices))
        for one in notices:
            one.text = text


def _put(window: str, text: str) -> Change:
    return "INSERT OR REPLACE INTO notices(window, text) VALUES (?,?)", (window, text)
