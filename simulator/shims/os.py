"""The chip's `os` module (RP2 port). On a virtual clock `urandom` is seeded, so that a run can be repeated."""

import random
from collections import namedtuple

import _bus
import _identity
import uos
from uos import (
    VfsFat, VfsLfs2, chdir, getcwd, ilistdir, listdir, mkdir, mount, remove, rename, rmdir, stat, statvfs, umount,
    unlink,
)  # fmt: skip

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
