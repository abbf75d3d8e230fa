"""Reads the body of an EVENTS frame in one pass, four times as fast as the full parser. For the agent only.

Promise: what it returns is what `messages.decode` returns; what it does not know at a glance it leaves to that.
"""

_ARRAY_OF_3 = 0x83
_NULL = 0xF6
_LEAST_OF_4_BYTES = 0x10000  # RFC 8949 §4.2.1: a smaller integer has a shorter form
_MOST_ROWS = 23  # the array's count in its first byte; a body holds some five


def read(body: bytes) -> list | None:
    """Return [(seq, age_ms or None, evidence), …], or None for a body that only the full parser can judge."""
    try:
        count = body[0] - 0x80
        if not 1 <= count <= _MOST_ROWS:
            return None
        rows, at = [], 1
        for _ in range(count):
            if body[at] != _ARRAY_OF_3:
                return None
            seq, at = _uint(body, at + 1)
            if body[at] == _NULL:
                age_ms, at = None, at + 1
            else:
                age_ms, at = _uint(body, at)
                if age_ms < 0:
                    return None
            start, end = at + 2, at + 2 + body[at + 1]
            if seq < 1 or body[at] != 0x58 or end - start < 24:  # a byte string of 24 to 255 bytes
                return None
            rows.append((seq, age_ms, body[start:end]))
            at = end
    except IndexError:
        return None
    return rows if at == len(body) else None


def _uint(body: bytes, at: int) -> tuple[int, int]:
    """Return (integer of up to 32 bits, offset after it), −1 for anything else; IndexError past the end."""
    head = body[at]
    if head < 24:
        return head, at + 1
    if head == 25:
        value = body[at + 1] << 8 | body[at + 2]
        return value if value > 0xFF else -1, at + 3
    if head == 24:
        value = body[at + 1]
        return value if value > 23 else -1, at + 2
    if head == 26:
        value = int.from_bytes(body[at + 1 : at + 5], "big")
        return value if value >= _LEAST_OF_4_BYTES else -1, at + 5
    return -1, at
