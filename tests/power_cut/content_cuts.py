"""Cut the power at every write and erase of the internal flash while content arrives. Runs under MicroPython, on its
own littlefs; prints what was found, see test_content.py.
"""

import os
from hashlib import sha256

import vfs

from protocol import content, reasons
from store.content import Content
from store.incoming import Incoming
from tests.power_cut.littlefs_flash import BLOCK, Flash

BLOCKS = 32
PLACE = "/ram"
OLD = bytes([i * 7 % 251 for i in range(5000)])
NEW = bytes([i * 11 % 251 for i in range(9000)])
TABLE = b"table" * 30


def mounted(image: bytearray, cut: int) -> Flash:
    """Put a flash at PLACE."""
    flash = Flash(image, cut)
    vfs.mount(vfs.VfsLfs2(flash), PLACE)
    return flash


def shelf() -> Content:
    return Content(PLACE + "/content", {"assets": {}, "tagver": None})


def store(data: bytes, name: str = "3017", kind: int = content.STAFF_CARD) -> int:
    """Take a file as it comes over the line; return the reason of its end."""
    taking = Incoming(shelf(), lambda: False)
    reason, start = taking.open(kind, name, len(data), sha256(data).digest())
    while reason == reasons.OK and start < len(data):
        reason = taking.write(data[start : start + 512])
        start += 512
    return taking.close() if reason == reasons.OK else reason


def card() -> bytes:
    """Return the card that the screen would show, b"" without one."""
    found = shelf().card("3017")
    if found is None:
        return b""
    with open(found[0], "rb") as file:
        file.seek(found[1])
        data = file.read()
    assert sha256(data).digest() == found[2], "a card under a hash that is not its own"
    return data


def cut_each(base: bytearray, data: bytes) -> None:
    """Cut a push of `data` at each operation; print how often the old, the new card and a part was found."""
    before, after, parts, cut = 0, 0, 0, 0
    expected = None
    while True:
        cut += 1
        image = bytearray(base)
        flash = mounted(image, cut)
        if expected is None:
            expected = card()
        try:
            store(data)
            vfs.umount(PLACE)
        except OSError:
            vfs.umount(PLACE)
        done = flash.operations < cut
        mounted(image, 1 << 30)
        found = card()
        assert found == data or (found == expected and not done), f"cut {cut}: {len(found)} bytes of a card"
        before += found == expected
        after += found == data
        parts += "part" in os.listdir(PLACE + "/content")
        assert shelf().identity["tagver"] == sha256(TABLE).digest()[:4]
        assert store(data) == reasons.OK and card() == data
        vfs.umount(PLACE)
        if done:
            break
    print(f"cuts {cut - 1} old {before} new {after} parts {parts}")


def main() -> None:
    """Cut a replacement, a first card, and a removal."""
    base = bytearray(b"\xff" * (BLOCK * BLOCKS))
    vfs.VfsLfs2.mkfs(Flash(base, 1 << 30))
    mounted(base, 1 << 30)
    assert store(TABLE, content.TAG_TABLE_NAME, content.TAG_TABLE) == reasons.OK
    vfs.umount(PLACE)
    cut_each(base, OLD)
    mounted(base, 1 << 30)
    assert store(OLD) == reasons.OK
    vfs.umount(PLACE)
    cut_each(base, NEW)
    cut_each(base, b"")


main()
