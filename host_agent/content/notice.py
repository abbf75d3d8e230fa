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
        self._window = window
        self._writer = writer
        self._told: dict[str, Any] | None = None  # the HELLO_REPLY of the connection that was told
        try:
            rows = store.query("SELECT text FROM notices WHERE window = ?", (window.section.id,))
        except sqlite3.Error:
            rows = []
        self.text: str | None = rows[0][0] if rows else None  # None: never had one

    async def keep(self, text: str) -> None:
        """Make a notice durable; "" takes it away.

        :raises StoreFullError, StoreFaultError: it is not.
        """
        await self._writer.write(_put(self._window.section.id, text))
        self.text = text

    def tell(self) -> None:
        """Tell a terminal that has connected since; one that never had a notice hears nothing."""
        if self._window.connected and self._window.hello is not self._told:
            self._told = self._window.hello
            if self.text is not None:
                self._window.request(messages.NOTICE, {"text": self.text})


def _put(window: str, text: str) -> Change:
    return "INSERT OR REPLACE INTO notices(window, text) VALUES (?,?)", (window, text)
