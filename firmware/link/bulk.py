"""Load what takes content from the agent when some comes; it leaves the memory with the last reference to it."""

from link import unload

_LOADED = ("protocol.link_bulk_terminal", "store.incoming")


class Bulk:
    """Make receivers for the link; `is_busy` says whether a citizen is in front of the screen."""

    def __init__(self, shelf: object, is_busy: object) -> None:
        self._shelf = shelf
        self._is_busy = is_busy

    def receiver(self) -> object | None:
        """Return what takes content, None while loading it would hold up a citizen."""
        if self._is_busy():
            return None
        from protocol.link_bulk_terminal import BulkReceiver
        from store.incoming import Incoming

        found = BulkReceiver(Incoming(self._shelf, self._is_busy))
        unload.forget(_LOADED)
        return found
