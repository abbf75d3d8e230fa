"""Gives a ledger one owner: two runs on one would give a window to two boards.

Held by the operating system beside the ledger, so that a process that is killed leaves nothing held.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from host_agent import data_lock, folders
from host_agent.errors import UserError

_LIMIT_BYTES = 400
_TEXT_AT = 1  # the first byte is what Windows locks, for readers too


@contextlib.contextmanager
def owning(ledger: Path) -> Iterator[None]:
    """Own a ledger for a block.

    :raises UserError: another run has it; the file beside it cannot be written.
    """
    path = ledger.with_name(f"{ledger.name}.lock")
    try:
        folders.make(path.parent)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        cure = "check the folder of --ledger and its rights"
        raise UserError(f"cannot use the ledger: {error.strerror or error}", str(path), cure) from None
    with file:
        try:
            data_lock.lock(file)
        except OSError:
            file.seek(_TEXT_AT)
            holder = file.read(_LIMIT_BYTES).decode(errors="replace").strip() or "another run"
            cure = "wait until it ends, or end it with Ctrl-C; plug your boards in there, or name another --ledger"
            raise UserError(f"this ledger is in use by {holder}", str(ledger), cure) from None
        file.truncate(0)
        since = datetime.now(UTC).astimezone().isoformat(" ", "seconds")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        file.write(f" process {os.getpid()} since {since}: {command}".encode(errors="replace")[:_LIMIT_BYTES])
        yield
