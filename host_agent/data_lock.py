"""Keeps a second agent out of the same data folder: two writers of one store would send everything twice."""

import os
from pathlib import Path
from typing import IO

from host_agent.errors import UserError

FILE_NAME = "agent.lock"


def take(folder: Path) -> IO[str]:
    """Lock the folder until the returned file is closed or the process ends.

    :raises UserError: another agent has it, or the folder cannot be written.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot use the data folder: {reason}", str(folder), "check agent.data_dir and its rights"
        ) from None
    try:
        _lock(file)
    except OSError:
        file.close()
        raise UserError(
            "another agent already uses this data folder",
            str(folder),
            "stop it, or give this one its own agent.data_dir",
        ) from None
    return file


def _lock(file: IO[str]) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
