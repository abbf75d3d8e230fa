"""Joins the library of content with every window: who has to look again when something has changed."""

from host_agent.changes import Changes
from host_agent.content.library import Library
from host_agent.content.push import WindowContent
from host_agent.window import Window


class Contents:
    """Own the content of all windows; belongs to the event loop."""

    def __init__(self, library: Library, windows: dict[str, Window], changes: Changes) -> None:
        """Give each window its content, and look at it whenever something about the window changes."""
        self.library = library
        self._windows = windows
        for window_id, window in windows.items():
            window.content = WindowContent(window, library, lambda name=window_id: changes.changed(name))
        changes.listen(self._look)

    def staff_changed(self) -> None:
        """Read the staff anew and bring every terminal to hold it."""
        self.library.refresh()
        for window_id in self._windows:
            self._look(window_id)

    def _look(self, window_id: str) -> None:
        content = self._windows[window_id].content if window_id in self._windows else None
        if content is not None:
            content.consider()
