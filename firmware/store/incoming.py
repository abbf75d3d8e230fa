"""Write the content file that is arriving. In memory only while one does, see link/bulk.py.

The part is flushed each FLUSH_BYTES, so that a power cut costs no more than that. It is read back and hashed as a whole
before it takes its name, in one go: 0.1 s for a card, while nobody waits for the terminal.
"""

import os
from hashlib import sha256

from protocol import content, reasons
from store.content import HASH_BYTES

FLUSH_BYTES = 4096  # a sector of the flash
RESERVE_BYTES = 32_768  # that stay free: settings are written anew, and the file system needs room to move

_READ_BYTES = 512
_PART = "part"
# kind: (most files, most bytes of one)
_LIMITS = {
    content.STAFF_CARD: (content.CARDS_MAX, content.CARD_BYTES_MAX),
    content.TAG_TABLE: (1, content.TAG_TABLE_BYTES_MAX),
}


class Incoming:
    """One file after the other; `content` is a Content, `is_busy` says whether a citizen is in front of the screen."""

    def __init__(self, shelf: object, is_busy: object) -> None:
        self.is_busy = is_busy
        self._shelf = shelf
        self._part = shelf.folder + "/" + _PART
        self._path = ""
        self._size = 0
        self._digest = b""
        self._file = None
        self._unflushed = 0

    def open(self, kind: int, name: str, size: int, digest: bytes) -> tuple:
        """Begin, or go on; return (reason, offset from which data is wanted)."""
        self.end()
        if kind not in _LIMITS:
            return reasons.UNSUPPORTED, 0
        most, most_bytes = _LIMITS[kind]
        if not name or size > most_bytes:
            return reasons.OUT_OF_RANGE, 0
        self._path, self._size, self._digest = self._shelf.path(kind, name), size, digest
        others = [other for other in self._shelf.names(kind) if other != name]
        if size and len(others) >= most:
            return reasons.FULL, 0
        if not size or self._is_sound(self._path):
            return reasons.OK, size
        try:
            return self._open_part()
        except OSError:
            self.end()
            return reasons.FAULT, 0

    def write(self, data: bytes) -> int:
        """Append data; return a reason."""
        try:
            self._file.write(data)
            self._unflushed += len(data)
            if self._unflushed >= FLUSH_BYTES:
                self._file.flush()
                self._unflushed = 0
        except OSError:
            self.end()
            return reasons.FAULT
        return reasons.OK

    def close(self) -> int:
        """Check the file and give it its name, or remove it if it has no bytes; return a reason."""
        fresh = self._file is not None
        self.end()
        try:
            if not self._size:
                self._drop_part()
                if self._shelf.digest(self._path) is None:
                    return reasons.OK
                os.remove(self._path)
            elif not fresh:
                return reasons.OK  # it stood there already
            elif not self._is_sound(self._part):
                os.remove(self._part)
                return reasons.BAD_HASH
            else:
                os.rename(self._part, self._path)
        except OSError:
            return reasons.FAULT
        self._shelf.changed()
        return reasons.OK

    def end(self) -> None:
        """Let go of the part; what is stored of it stays."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                pass  # what is missing of it is sent again

    def _drop_part(self) -> None:
        """Forget what never became a file: it may be of the one that is removed."""
        try:
            os.remove(self._part)
        except OSError:
            pass  # there is none

    def _open_part(self) -> tuple:
        """Return (reason, offset): the part of the same file is continued, any other is dropped."""
        stored = -1
        if self._shelf.digest(self._part) == self._digest:
            stored = os.stat(self._part)[6] - HASH_BYTES
        if not 0 <= stored <= self._size:
            self._begin_part()
            stored = 0
        room = os.statvfs(self._shelf.folder)
        if room[1] * room[4] < self._size - stored + RESERVE_BYTES:
            os.remove(self._part)
            return reasons.FULL, 0
        self._file = open(self._part, "ab")  # noqa: SIM115, closed in `end`
        self._unflushed = 0
        return reasons.OK, stored

    def _begin_part(self) -> None:
        """Write the hash into a new part."""
        try:
            os.mkdir(self._shelf.folder)
        except OSError:
            pass  # it is there
        with open(self._part, "wb") as file:
            file.write(self._digest)

    def _is_sound(self, path: str) -> bool:
        """Return whether a file is what was announced, read back from the flash."""
        if self._shelf.digest(path) != self._digest:
            return False
        buffer = memoryview(bytearray(_READ_BYTES))
        found, size = sha256(), 0
        with open(path, "rb") as file:
            file.seek(HASH_BYTES)
            count = file.readinto(buffer)
            while count:
                found.update(buffer[:count])
                size += count
                count = file.readinto(buffer)
        return size == self._size and found.digest() == self._digest
