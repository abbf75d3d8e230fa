"""Frames of the FF68 bus of old five-key raters (RS-485, 9600 8N1). Sans-IO.

    FF 68 LEN LEN 68 ADDR FUNC DATA… CS 16      LEN counts ADDR, FUNC and DATA; CS = their sum mod 256
The leading FF is missing in the short acknowledgement of some hosts: 68 02 02 68 81 01 82 16.

Promise: only a whole frame with both lengths equal and a right checksum is a frame; a read may hold any part of one or
several; rubbish is skipped and counted, and memory is bounded.
"""

import attrs

START = 0x68
LEAD = 0xFF
END = 0x16
# Rater to host on many sites: window address + 0x80; others use the bare address.
FROM_RATER = 0x80
# Host to rater: begin an evaluation, show stars. Rater to host: the grade pressed.
FUNCTION_HOST = 0x01
FUNCTION_STARS = 0x02
FUNCTION_GRADE = 0x11
DATA_BEGIN = 0x0B

MIN_LEN = 2  # address and function
MAX_LEN = 32  # the longest that any listed message has is 3; a false length must not swallow what follows
# At 9600 baud a byte takes 1.04 ms; a pause this long ends a frame that was cut off.
GAP_MS = 200


@attrs.frozen(repr=False)
class Frame:
    """Hold one frame's address, function and data."""

    address: int
    function: int
    data: bytes = b""

    @property
    def grade(self) -> int | None:
        """Return the grade that a rater's frame tells, None of any other frame."""
        return self.data[0] if self.function == FUNCTION_GRADE and len(self.data) == 1 else None

    def __repr__(self) -> str:
        """Return the parts in hex, without the data: it may be a grade."""
        return f"Frame(address={self.address:#04x}, function={self.function:#04x}, {len(self.data)} bytes)"


def encode(frame: Frame, lead: bool = True) -> bytes:
    """Return the bytes of a frame; `lead` puts FF before it.

    :raises ValueError: the data is too long, or a number is no byte.
    """
    body = bytes((frame.address, frame.function)) + frame.data
    if len(body) > MAX_LEN:
        raise ValueError(f"{len(frame.data)} bytes of data are more than a frame holds")
    head = bytes((START, len(body), len(body), START))
    return (b"\xff" if lead else b"") + head + body + bytes((sum(body) & 0xFF, END))


class Reader:
    """Find frames in a stream of bytes; `now_ms` is monotonic."""

    def __init__(self) -> None:
        """Start between frames."""
        self._held = bytearray()
        self._last_ms = 0
        self.frames = 0
        self.bad_checksum = 0
        self.skipped_bytes = 0

    @property
    def holds(self) -> bool:
        """Say whether a frame may stand half in."""
        return bool(self._held)

    def feed(self, data: bytes, now_ms: int) -> list[Frame]:
        """Take what was read; return the frames that are whole now."""
        held = self._held
        if held and now_ms - self._last_ms > GAP_MS:
            self._drop(len(held))
        self._last_ms = now_ms
        held += data
        found = []
        while True:
            start = held.find(START)
            self._drop(len(held) if start < 0 else start)
            length = _length(held)
            if length is None or (length and len(held) < length + 6):
                return found
            if not length:
                self._drop(1)
            elif held[length + 4] != sum(held[4 : length + 4]) & 0xFF or held[length + 5] != END:
                self.bad_checksum += 1
                self._drop(1)
            else:
                found.append(Frame(held[4], held[5], bytes(held[6 : length + 4])))
                del held[: length + 6]
                self.frames += 1

    def _drop(self, count: int) -> None:
        """Drop bytes and count them, but for an FF at their end: it leads the next frame."""
        if count:
            self.skipped_bytes += count - (self._held[count - 1] == LEAD)
            del self._held[:count]


def _length(held: bytearray) -> int | None:
    """Return LEN of the head that begins here, 0 if none does, None if more bytes are needed to tell."""
    if len(held) < 2:
        return None
    length = held[1]
    if not MIN_LEN <= length <= MAX_LEN or held[2:3] not in (b"", bytes((length,))):
        return 0
    if held[3:4] not in (b"", bytes((START,))):
        return 0
    return length if len(held) >= 4 else None
