"""Joins the library of content with every window: who has to look again when something has changed."""

from pathlib import Path

from host_agent.changes import Changes
from host_agent.content.library import Library
from host_agent.content.notice import WindowNotice
from host_agent.content.push import WindowContent
from host_agent.store import Store
from host_agent.window import Window
from host_agent.writer import Writer


class Contents:
    """Own the content of all windows; belongs to the event loop."""

    def __init__(
        self, store: Store, writer: Writer, table: Path | None, windows: dict[str, Window], changes: Changes
    ) -> None:
        """Give each window its content, and look at it whenever something about the window changes."""
        self.library = library = Library(store, writer, table)
        self._windows = windows
        for window_id, window in windows.items():
            window.content = WindowContent(window, library, lambda name=window_id: changes.changed(name))
            window.notice = WindowNotice(window, store, writer)
        changes.listen(self._look)

    def staff_changed(self) -> None:
        """Read the staff anew and bring every terminal to hold it."""
        self.library.refresh()
        for window_id in self._windows:
            self._look(window_id)

    def _look(self, window_id: str) -> None:
        window = self._windows.get(window_id)
        if window is not None and window.content is not None and window.notice is not None:
            window.notice.tell()
            _share_the_line(window, window.content)


def _share_the_line(window: Window, content: WindowContent) -> None:
    """Let content go before firmware: a clerk's card is wanted now; one of the two is under way at a time."""
    update = window.update
    if update is None or not update.pushing:
        content.consider()
    elif content.wants:
        update.stop()  # whose end has this look again
    if update is not None and not content.pushing:
        update.consider()
