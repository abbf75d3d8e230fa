"""Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): no zero byte inside, at most 1 byte in 254 more."""

from protocol.errors import FrameError

MAX_RUN = 254  # data bytes under one code byte


def encode(data: bytes | bytearray | memoryview) -> bytes:
    """Return `data` without zero bytes, delimiters not included; allocates the result and its runs."""
    out = bytearray()
    pieces = bytes(data).split(b"\x00")
    last = len(pieces) - 1
    for i, piece in enumerate(pieces):
        start, size = 0, len(piece)
        while size - start >= MAX_RUN:
            out.append(MAX_RUN + 1)
            out += piece[start : start + MAX_RUN]
            start += MAX_RUN
        if start < size or i < last or start == 0:  # a full run at the very end needs no code after it
            out.append(size - start + 1)
            out += piece[start:] if start else piece
    return bytes(out)


def decode(data: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes that `encode` was given; FrameError on a zero byte or a run past the end."""
    raw = bytearray(data)
    if b"\x00" in raw:
        raise FrameError("zero byte inside a COBS block")
    out = bytearray()
    size = len(raw)
    start = at = 0
    while at < size:
        code = raw[at]
        raw[at] = 0  # a code stands where the zero before its run was
        at += code
        if code > MAX_RUN and at < size:  # but none was before the run after a full one
            out += raw[start + 1 : at]
            start = at
    if at > size:
        raise FrameError(f"COBS run past the end of {size} bytes")
    out += raw[start + 1 :]
    return bytes(out)
