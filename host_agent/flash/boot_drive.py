"""Finds boards in boot mode, which show themselves as a small drive with INFO_UF2.TXT, and puts an image on one.

A board takes the last block and starts at once: its drive then vanishes while the copy is still being closed, which is
how success looks; that the image runs is known only by the port that appears.
"""

import errno
import glob
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import attrs

from host_agent.errors import UserError
from host_agent.flash import chips
from host_agent.flash.chips import Chip
from host_agent.flash.uf2 import Uf2

INFO = "INFO_UF2.TXT"
IMAGE = "yiping.uf2"
_BOARD_ID = re.compile(r"^Board-ID:\s*(\S+)", re.M)
_INFO_LIMIT_BYTES = 4096
PIECE_BYTES = 64 * 1024
_HOLD_BOOTSEL = "hold BOOTSEL on the board while plugging in its cable"

# How a system tells that the drive went away after its last block: the board has started. EBADF is Windows' way.
_GONE = (errno.EIO, errno.ENODEV, errno.ENOENT, errno.ENXIO, errno.EBADF)


@attrs.frozen
class BootDrive:
    """The drive of a board in boot mode; `chip` is None for one that none of our boards has."""

    path: Path
    chip: Chip | None
    named: str  # what the drive calls itself

    def is_there(self) -> bool:
        """Say whether the board is in boot mode still."""
        return (self.path / INFO).exists()


def find(pattern: str | None = None) -> list[BootDrive]:
    """Return the boards in boot mode; `pattern` names folders to look at in place of the system's drives."""
    folders = sorted(glob.glob(pattern)) if pattern is not None else _system_drives()
    found = []
    for folder in map(Path, folders):
        named = _board_id(folder / INFO)
        if named is not None:
            found.append(BootDrive(folder, chips.by_drive(named), named))
    return found


def require_one(pattern: str | None) -> list[BootDrive]:
    """Return the boards in boot mode, at least one. Raises UserError."""
    drives = find(pattern)
    if not drives:
        cure = f"{_HOLD_BOOTSEL}; a drive named RPI-RP2 or RP2350 must appear (use a cable with data wires)"
        raise UserError("no board in boot mode", pattern or "drives of this PC", cure)
    return drives


def require_fitting(drive: BootDrive, board: str | None) -> None:
    """Raise UserError when a board in boot mode has a chip that `board` may not have."""
    allowed = chips.BOARDS[board] if board else chips.CHIPS
    if drive.chip not in allowed:
        names = " or ".join(chip.name for chip in allowed)
        what = f"the board in boot mode has the chip {drive.named}, needed is {names}"
        raise UserError(what, str(drive.path), "unplug it and take a board of the right kind")


def put(drive: BootDrive, image: Uf2, done: Callable[[int, int], None] = lambda _sent, _all: None) -> None:
    """Copy the image onto the drive; `done` hears bytes sent and all.

    :raises UserError: the image is for another chip, or the drive went away before all was sent.
    """
    if drive.chip is not image.chip:
        named = drive.chip.name if drive.chip else drive.named
        what = f"the image is for {image.chip.name}, the board has {named}"
        image_name = drive.chip.image if drive.chip else "its chip"
        raise UserError(what, str(drive.path), f"give the image for {image_name} with --uf2")
    sent = 0
    try:
        with (drive.path / IMAGE).open("wb", buffering=0) as file:
            while sent < len(image.data):
                if not drive.is_there():
                    raise OSError(errno.ENODEV, "the board went away")
                sent += file.write(image.data[sent : sent + PIECE_BYTES])
                os.fsync(file.fileno())  # else the PC's cache takes all, and a cable pulled meanwhile goes unnoticed
                done(sent, len(image.data))
    except OSError as error:
        if sent < len(image.data) or error.errno not in _GONE:
            reason = error.strerror or str(error)
            what = f"the drive took {sent} of {len(image.data)} bytes: {reason}"
            raise UserError(what, str(drive.path), f"{_HOLD_BOOTSEL}, and try again") from None


def _board_id(info: Path) -> str | None:
    try:
        with info.open("rb") as file:
            text = file.read(_INFO_LIMIT_BYTES).decode("ascii", "replace")
    except OSError:
        return None
    found = _BOARD_ID.search(text)
    return found[1] if found else None


def _system_drives() -> list[str]:
    if sys.platform == "win32":
        return [f"{letter}:\\" for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"]
    if sys.platform == "darwin":
        return sorted(glob.glob("/Volumes/*"))
    return _mounts(Path("/proc/self/mounts"))


def _mounts(table: Path) -> list[str]:
    """Return where FAT drives are mounted, from a table as proc(5) describes it."""
    try:
        lines = table.read_text(errors="replace").splitlines()
    except OSError:
        return []
    rows = [line.split(" ") for line in lines]
    return [
        re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), row[1])
        for row in rows
        if len(row) > 2 and row[2] in ("vfat", "msdos", "fuseblk")
    ]
