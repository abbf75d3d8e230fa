"""Frames on the serial line: `00 COBS( type u8, session u8, id u8, body, CRC-32 little-endian ) 00`.

The reader never raises: whatever fails is dropped and counted, and it is in sync at the next 0x00. It holds at most
one frame, whatever arrives.
"""

from binascii import crc32

from protocol import cobs
from protocol.errors import FrameError

MAX_BODY = 1024  # bytes
HEADER = 3
OVERHEAD = HEADER + 4  # header and CRC
MAX_RAW = OVERHEAD + MAX_BODY
MAX_ENCODED = MAX_RAW + MAX_RAW // cobs.MAX_RUN + 1  # worst case of COBS


def encode(type_: int, session: int, id_: int, body: bytes | bytearray | memoryview) -> bytes:
    """Return the frame with both its delimiters; FrameError if `body` is over MAX_BODY bytes."""
    if len(body) > MAX_BODY:
        raise FrameError(f"body of {len(body)} bytes, at most {MAX_BODY} fit")
    raw = bytearray((type_, session, id_))
    raw += body
    raw += crc32(raw).to_bytes(4, "little")
    return b"\x00" + cobs.encode(raw) + b"\x00"


class Reader:
    """Take a byte stream apart into frames, in any split, and count what had to be dropped."""

    def __init__(self) -> None:
        self._part = bytearray()  # the frame that is arriving, without its delimiter
        self._dropped = 0  # bytes of a run that is too long to be a frame
        self.damaged = 0  # runs of bytes that were no frame
        self.counters = {"frames": 0, "bad_crc": 0, "bad_length": 0, "bad_cobs": 0, "skipped_bytes": 0}

    def feed(self, data: bytes | bytearray | memoryview) -> list:
        """Return the frames completed by `data`, each as (type, session, id, body)."""
        frames = []
        data = bytes(data)
        start, size = 0, len(data)
        while start < size:
            end = data.find(b"\x00", start)
            if end < 0:
                self._hold(data[start:])
                break
            if self._part or self._dropped or end - start > MAX_ENCODED:
                self._hold(data[start:end])
                found = self._finish()
            else:  # as a rule a frame comes whole
                found = self._open(data[start:end]) if end > start else None
            if found:
                frames.append(found)
            start = end + 1
        return frames

    def reset(self) -> None:
        """Forget a half frame, for a stream that was opened anew; its bytes count as skipped."""
        self.counters["skipped_bytes"] += len(self._part) + self._dropped
        self._part = bytearray()
        self._dropped = 0

    def _hold(self, piece: bytes) -> None:
        if self._dropped or len(self._part) + len(piece) > MAX_ENCODED:
            self._dropped += len(self._part) + len(piece)
            self._part = bytearray()
        else:
            self._part += piece

    def _finish(self) -> tuple | None:
        part, dropped = self._part, self._dropped
        self._part, self._dropped = bytearray(), 0
        if dropped:
            return self._drop("bad_length", dropped)
        return self._open(part) if part else None

    def _open(self, part: bytes | bytearray) -> tuple | None:
        try:
            raw = cobs.decode(part)
        except FrameError:
            return self._drop("bad_cobs", len(part))
        body_end = len(raw) - 4
        if not HEADER <= body_end <= HEADER + MAX_BODY:
            return self._drop("bad_length", len(part))
        if crc32(raw[:body_end]) != int.from_bytes(raw[body_end:], "little"):
            return self._drop("bad_crc", len(part))
        self.counters["frames"] += 1
        return raw[0], raw[1], raw[2], raw[HEADER:body_end]

    def _drop(self, counter: str, size: int) -> None:
        self.damaged += 1
        self.counters[counter] += 1
        self.counters["skipped_bytes"] += size
