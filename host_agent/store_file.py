"""Keeps a database's file from other eyes, and tells whether its path still leads to the file that is open.

SQLite goes on writing into a file that was removed or moved away, and calls that durable; nobody would find it again.
"""

import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)


class StoreFile:
    """Remember which file a path led to when it was opened."""

    def __init__(self, path: Path) -> None:
        """Look at the file.

        :raises OSError: there is none.
        """
        self._path = path
        self._number = file_number(path)

    def trouble(self) -> str | None:
        """Return what happened to the file, None when it is in its place; one system call."""
        try:
            number = file_number(self._path)
        except OSError:
            return "its file is gone"
        return None if number == self._number else "its file was replaced"


def file_number(path: Path) -> tuple[int, int]:
    """Return what tells one file from another that took its name.

    :raises OSError: there is none.
    """
    found = path.stat()
    return found.st_dev, found.st_ino


def make_private(path: Path) -> None:
    """Let nobody but this user read a database, which need not exist yet; SQLite makes its log with the same rights.

    :raises OSError: it cannot be made.
    """
    if os.name == "nt":
        return  # the folder's own rights count
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        try:
            if name.exists() and name.stat().st_mode & 0o077:
                name.chmod(0o600)
        except PermissionError:
            _log.warning("%s is another user's: see yourself that nobody else can read it", name)
