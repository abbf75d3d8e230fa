"""Read the copyright notice out of an OpenType font, which its licence wants kept with every copy.

Layout of the `name` table: OpenType specification 1.9, "name — Naming table".
"""

import struct
from pathlib import Path

_COPYRIGHT = 0  # name id
_WINDOWS, _UNICODE_BMP = 3, 1


def copyright_notice(font: Path) -> str:
    """Return the font's copyright notice, "" when it has none."""
    data = font.read_bytes()
    table = _table(data, b"name")
    if table is None:
        return ""
    _, count, storage = struct.unpack_from(">3H", table)
    for i in range(count):
        platform, encoding, _, name_id, length, offset = struct.unpack_from(">6H", table, 6 + 12 * i)
        if (platform, encoding, name_id) == (_WINDOWS, _UNICODE_BMP, _COPYRIGHT):
            return table[storage + offset : storage + offset + length].decode("utf-16-be")
    return ""


def _table(data: bytes, tag: bytes) -> bytes | None:
    """Return one table of the font file."""
    (count,) = struct.unpack_from(">H", data, 4)
    for i in range(count):
        name, _, offset, length = struct.unpack_from(">4s3I", data, 12 + 16 * i)
        if name == tag:
            return data[offset : offset + length]
    return None
