"""Tells whoever listens that something about a window may have changed; what it is now, they read from the window."""

from collections.abc import Callable

Listener = Callable[[str], None]


class Changes:
    """Own the listeners; belongs to the event loop. A listener only takes a note: it never blocks and never raises."""

    def __init__(self) -> None:
        """Start with nobody listening."""
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the window's id from now on; call what is returned to end it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def changed(self, window: str) -> None:
        """Note that a window's view may have changed."""
        for listener in tuple(self._listeners):
            listener(window)
