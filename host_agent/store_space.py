"""Keeps a file of dead weight in the data folder, so that a full disk leaves room to settle what is already stored.

Promise: while the disk is full nothing new is taken, yet receipts can still be written down and the log can shrink;
once there is room again the reserve is laid down first and only then events are taken.
"""

import errno
import os
import shutil
from pathlib import Path

from host_agent.errors import StoreFaultError

RESERVE_BYTES = 4 * 1024 * 1024
# Room beyond the reserve before events are taken again: some hundred events, so that full and not full do not flutter.
HEADROOM_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """Own the reserve file; all methods block on the disk and belong to the writer's thread."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES, headroom_bytes: int = HEADROOM_BYTES) -> None:
        """Keep the path; nothing is written yet."""
        self._path = path
        self._size_bytes = size_bytes
        self._headroom_bytes = headroom_bytes

    @property
    def held(self) -> bool:
        """Say whether the whole reserve lies on the disk."""
        try:
            return self._path.stat().st_size >= self._size_bytes
        except OSError:
            return False

    def lay_down(self) -> bool:
        """Write the reserve unless it is there; return False when the disk has no room for it and the headroom.

        :raises StoreFaultError: the folder takes no file for another reason than room.
        """
        if self.held:
            return True
        try:
            if shutil.disk_usage(self._path.parent).free < self._size_bytes + self._headroom_bytes:
                return False
            with self._path.open("wb") as file:
                for _ in range(0, self._size_bytes, _CHUNK_BYTES):
                    # Noise, not zeros: a compressing file system would give zeros no room.
                    file.write(os.urandom(min(_CHUNK_BYTES, self._size_bytes)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.give_back()
            if error.errno in _NO_ROOM:
                return False
            raise StoreFaultError(error.strerror or str(error)) from error
        return True

    def give_back(self) -> None:
        """Delete the reserve; a failure is none, the room is then simply missing."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return
