"""Take what arrives where it belongs: content for the screens, or a new firmware. Loaded when some comes."""

from link import unload
from protocol import content


class Taking:
    """The store of a BulkReceiver; of the two that there are, only the one in use is in memory."""

    def __init__(self, shelf: object, is_busy: object) -> None:
        self.is_busy = is_busy
        self._shelf = shelf
        self._store = None
        self._firmware = None

    def open(self, kind: int, name: str, size: int, digest: bytes) -> tuple:
        """Begin, or go on; return (reason, offset from which data is wanted)."""
        firmware = kind in (content.FIRMWARE_MANIFEST, content.FIRMWARE_FILE)
        if firmware is not self._firmware:
            self.end()
            self._store, self._firmware = self._loaded(firmware), firmware
        return self._store.open(kind, name, size, digest)

    def write(self, data: bytes) -> int:
        """Append data; return a reason."""
        return self._store.write(data)

    def close(self) -> int:
        """Check what came; return a reason, BUSY while that goes on."""
        return self._store.close()

    def end(self) -> None:
        """Let go of what is not complete."""
        if self._store is not None:
            self._store.end()

    def _loaded(self, firmware: bool) -> object:
        if firmware:
            from update.receive import Receive as Store
        else:
            from store.incoming import Incoming as Store
        unload.forget(("update", "store.incoming", "slots"))
        return Store(self._shelf, self.is_busy)
