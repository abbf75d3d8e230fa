"""The chip's `os` module (RP2 port). On a virtual clock `urandom` is seeded, so that a run can be repeated."""

import random
from collections import namedtuple

import _bus
import _identity
import uos
from micropython import const
from uos import (
    VfsFat, VfsLfs2, chdir, getcwd, ilistdir, listdir, mkdir, mount, remove, rename, rmdir, stat, umount, unlink,
)  # fmt: skip

_FLASH_ROOM = const(0x3B)
_BLOCK = const(4096)

if uos.getenv("SIM_FLASH"):
    from uos import statvfs
else:

    def statvfs(path):
        """Return the room of the board's flash; the files themselves lie in a folder of the host, which has more."""
        _bus.call(_FLASH_ROOM)
        total = int.from_bytes(_bus.reply[:4], "little")
        free = int.from_bytes(_bus.reply[4:], "little")
        return (_BLOCK, _BLOCK, total, free, free, 0, 0, 0, 0, 255)


_Uname = namedtuple("uname_result", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """Return the names of the port and of the board."""
    version = "v%s on %s (GNU 14.2.0 MinSizeRel)" % (_identity.RELEASE, _identity.DATE)
    return _Uname("rp2", "rp2", _identity.RELEASE, version, _identity.MACHINE)


def urandom(n: int) -> bytes:
    """Return n random bytes."""
    if not _bus.virtual:
        return uos.urandom(n)
    return bytes([random.getrandbits(8) for _ in range(n)])


def sync() -> None:
    """Do nothing: every close writes through."""
