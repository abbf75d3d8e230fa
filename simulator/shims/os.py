"""The chip's `os` module (RP2 port). On a virtual clock `urandom` is seeded, so that a run can be repeated."""

import random
from collections import namedtuple

import _bus
import uos
from uos import (
    VfsFat, VfsLfs2, chdir, getcwd, ilistdir, listdir, mkdir, mount, remove, rename, rmdir, stat, statvfs, umount,
    unlink,
)  # fmt: skip

_Uname = namedtuple("uname_result", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """Return the names of the port and of the board."""
    return _Uname("rp2", "rp2", "1.29.0", "v1.29.0", "Raspberry Pi Pico2 with RP2350")


def urandom(n: int) -> bytes:
    """Return n random bytes."""
    if not _bus.virtual:
        return uos.urandom(n)
    return bytes([random.getrandbits(8) for _ in range(n)])


def sync() -> None:
    """Do nothing: every close writes through."""
