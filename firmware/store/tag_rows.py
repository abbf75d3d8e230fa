"""Read the tag table that the agent sent: CBOR, an array of rows [code, dimension, core, retired, text] in their order.

Rows are read one by one; nothing of the table stays in memory, nor this module.
"""

from protocol import cbor
from protocol.errors import CborError
from store.content import HASH_BYTES

_ROW_BYTES = 128  # more than any row has
_SERVICE = 1  # dimension
_SHOWN_MAX = 24  # of one rating: eight pages


def read(path: str, overall: int, business: int | None, service: int | None) -> list:
    """Return [(code, text)] of the tags that explain these levels, in the order shown; [] without a sound table."""
    found = []
    try:
        with open(path, "rb") as file:
            file.seek(HASH_BYTES)
            data = file.read()
        count, at = _array_head(data)
        for _ in range(count):
            row, length = cbor.decode_prefix(data[at : at + _ROW_BYTES])
            at += length
            code, dimension, _, retired, text = row
            level = service if dimension == _SERVICE else business
            if not retired and code // 100 == (level or overall) and len(found) < _SHOWN_MAX:
                found.append((code, text))
    except (OSError, CborError, ValueError, TypeError):
        return []
    return found


def _array_head(data: bytes) -> tuple:
    """Return (rows, offset of the first one); ValueError for another object."""
    first = data[0] if data else 0
    if first >> 5 != 4:
        raise ValueError("no array")
    if first & 31 < 24:
        return first & 31, 1
    size = (first & 31) - 23
    if size > 2:
        raise ValueError("too many rows")
    return int.from_bytes(data[1 : 1 + size], "big"), 1 + size
