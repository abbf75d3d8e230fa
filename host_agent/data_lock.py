"""Keeps a second agent out of a data folder: two writers of one store would send everything twice."""

import os
from pathlib import Path
from typing import IO, Any

from host_agent import folders
from host_agent.errors import UserError


class InUseError(UserError):
    """Say that a running program has the folder."""


def take(folder: Path, who: str = "agent") -> IO[str]:
    """Lock the folder until the returned file is closed or the process ends.

    :raises UserError: (InUseError) another program of the kind `who` has it; the folder cannot be written.
    """
    path = folder / f"{who}.lock"
    try:
        folders.make(folder)
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot use the data folder: {reason}", str(folder), f"check {who}.data_dir and its rights"
        ) from None
    try:
        lock(file)
    except OSError:
        file.close()
        raise InUseError(
            f"another {who} already uses this data folder",
            str(folder),
            f"stop it, or give this one its own {who}.data_dir",
        ) from None
    return file


def lock(file: IO[Any]) -> None:
    """Lock an open file until it is closed or the process ends; raises OSError when another one has it."""
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
