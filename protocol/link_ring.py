"""The last 100 frames that went over a link, in one buffer made at the start (1 KB)."""

from struct import pack_into, unpack_from

FRAMES = 100
IN = "in"
OUT = "out"

_FORMAT = "<IBBBBH"  # ms modulo 2**32, outgoing, type, session, id, body length
_SIZE = 10


class FrameRing:
    """Remember frames by their headers; nothing is allocated a frame."""

    def __init__(self) -> None:
        self._data = bytearray(FRAMES * _SIZE)
        self._count = 0

    def add(self, now_ms: int, outgoing: bool, type_: int, session: int, id_: int, length: int) -> None:
        """Put a frame in the place of the oldest one."""
        at = self._count % FRAMES * _SIZE
        pack_into(_FORMAT, self._data, at, now_ms & 0xFFFFFFFF, outgoing, type_, session, id_, length)
        self._count += 1

    def frames(self) -> list:
        """Return (ms modulo 2**32, "in" or "out", type, session, id, body length), oldest first."""
        found = []
        for number in range(max(0, self._count - FRAMES), self._count):
            ms, outgoing, type_, session, id_, length = unpack_from(_FORMAT, self._data, number % FRAMES * _SIZE)
            found.append((ms, OUT if outgoing else IN, type_, session, id_, length))
        return found
