"""Events with the clear part of protocol/evidence and noise in place of the ciphertext, which begins with `prev`."""

import random

_LABELS = b"\xa5\x01\x0a\x04\x47YP-0001\x06\x48"


def make(rng: random.Random, boot: int, seq: int, prev: bytes, invite: bytes | None) -> bytes:
    """Return an event of the real layout and length."""
    clear = _LABELS + boot.to_bytes(4, "big") + seq.to_bytes(4, "big") + b"\x3a\x00\x01\x00\x00\x01"
    if invite is not None:
        clear += b"\x3a\x00\x01\x00\x01\x50" + invite
    clear += b"\x3a\x00\x01\x00\x02\x01"
    return b"\x83\x58" + bytes([len(clear)]) + clear + b"\xa0\x58\x68" + prev + rng.randbytes(96)


def prev_of(event: bytes) -> bytes:
    """Return the hash of the event before, as `make` put it in."""
    return event[-104:-96]
