"""The chip's internal flash (RP2 port): a littlefs on an image file of the host, mounted as the port's _boot.py does.

Blocks of 4096 bytes, programmed in pieces of 256. Writes go to the file at once; no power cut inside one is modelled.
"""

import uos
from micropython import const

BLOCK = const(4096)
PROGRAM = const(256)
_BLOCK_COUNT = const(4)
_BLOCK_SIZE = const(5)
_ERASE = const(6)


class Flash:
    """A block device with the extended interface. Allocates nothing: the collector may close a file."""

    def __init__(self, path: str, count: int) -> None:
        self._file = uos.VfsPosix("/").open(path, "rb+")
        self._count = count
        self._blank = b"\xff" * BLOCK

    def readblocks(self, n: int, buf, off: int = 0) -> int:
        """Fill `buf` from a block."""
        self._file.seek(n * BLOCK + off)
        self._file.readinto(buf)
        return 0

    def writeblocks(self, n: int, buf, off: int = 0) -> int:
        """Program `buf` into a block."""
        self._file.seek(n * BLOCK + off)
        self._file.write(buf)
        return 0

    def ioctl(self, op: int, arg: int) -> int:
        """Answer for size, and erase."""
        if op == _BLOCK_COUNT:
            return self._count
        if op == _BLOCK_SIZE:
            return BLOCK
        if op == _ERASE:
            self._file.seek(arg * BLOCK)
            self._file.write(self._blank)
        return 0


def mount(path: str) -> None:
    """Mount the file system of an image as root in place of the host's; a damaged or blank one is formatted."""
    size = uos.stat(path)[6]
    flash = Flash(path, size // BLOCK)
    try:
        found = uos.VfsLfs2(flash, progsize=PROGRAM)
    except OSError:
        uos.VfsLfs2.mkfs(flash, progsize=PROGRAM)
        found = uos.VfsLfs2(flash, progsize=PROGRAM)
    uos.umount("/")
    uos.mount(found, "/")
