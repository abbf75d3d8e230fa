"""Load what takes content and firmware from the agent when some comes; it leaves the memory with its last reference."""

from asyncio import create_task

from link import unload

_LOADED = ("protocol.link_bulk_terminal", "link.taking", "update", "slots")


class Bulk:
    """Make receivers for the link, and switch to a firmware that one received; `reset` starts the terminal anew."""

    def __init__(self, shelf: object, desk: object, reset: object) -> None:
        self._shelf = shelf
        self._desk = desk
        self._reset = reset

    def receiver(self) -> object | None:
        """Return what takes content, None while loading it would hold up a citizen."""
        is_busy = self._desk.is_engaged
        if is_busy():
            return None
        from link.taking import Taking
        from protocol.link_bulk_terminal import BulkReceiver

        found = BulkReceiver(Taking(self._shelf, is_busy))
        unload.forget(_LOADED)
        return found

    def switch(self, request: int, digest: bytes) -> None:
        """Answer an UPDATE, and switch if it can be."""
        from update.switch import run

        create_task(run(self._desk, request, self._shelf.identity["board"], digest, self._reset))
        unload.forget(_LOADED)
