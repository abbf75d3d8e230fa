"""Makes folders, and names in them, that survive a power cut: POSIX promises a name only when its folder was synced.

SQLite does so for the files that it makes; this is for the folder around them and for files that are not SQLite's.
"""

import errno
import os
from pathlib import Path

# Some file systems sync no folder, or not for us; SQLite takes no notice either (os_unix.c, unixSync).
_NOT_TO_BE_HAD = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM)


def make(folder: Path) -> None:
    """Make a folder and those above it, durably; raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder durable; nothing on Windows, where no folder can be synced; raises OSError."""
    if os.name == "nt":
        return
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NOT_TO_BE_HAD:
            raise


def write_private(path: Path, data: bytes) -> None:
    """Put a file that only its owner may read in the path's place, whole and durable or not at all; raises OSError."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)  # one that a broken write left may have any mode
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync(path.parent)
