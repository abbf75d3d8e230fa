"""Tells whether a database's path still leads to the file that is open.

SQLite goes on writing into a file that was removed or moved away, and calls that durable; nobody would find it again.
"""

from pathlib import Path


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
