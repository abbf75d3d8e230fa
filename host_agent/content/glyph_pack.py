"""Write and read glyph packs: characters of one size as cells of 16 grey levels, found by code point.

Layout, little-endian: "YPG1" · u8 size · u8 cell width · u8 cell height · u8 columns left of the em box ·
u8 rows above the em box · u8 narrow · u16 count · count × u16 code points, ascending · narrow × u8 advances of the
first ones, px (all others advance by size) · count × cell, rows of ⌈width/2⌉ bytes, first pixel in the high nibble.
Code points from U+E000 on are the project's own icons.
"""

import struct
from pathlib import Path

import attrs

MAGIC = b"YPG1"
HEADER = struct.Struct("<4s6BH")
FULL_WIDTH_FROM = 0x2E80  # East Asian characters and icons advance by the whole size
SUFFIX = ".bin"


class PackError(Exception):
    """The file is no glyph pack."""


@attrs.frozen
class Pack:
    """One size's characters; `cells` maps a code point to its packed cell."""

    size: int
    width: int
    height: int
    left: int
    top: int
    advances: dict[int, int]
    cells: dict[int, bytes]

    @property
    def stride(self) -> int:
        """Return the bytes of a row."""
        return (self.width + 1) // 2

    def missing(self, text: str) -> set[str]:
        """Return the characters of `text` that have no cell."""
        return {char for char in text if not char.isspace() and ord(char) not in self.cells} | (
            {" "} if " " in text and 0x20 not in self.cells else set()
        )


def encode(pack: Pack) -> bytes:
    """Return the file's bytes."""
    codes = sorted(pack.cells)
    narrow = [code for code in codes if code < FULL_WIDTH_FROM]
    header = HEADER.pack(MAGIC, pack.size, pack.width, pack.height, pack.left, pack.top, len(narrow), len(codes))
    table = struct.pack(f"<{len(codes)}H", *codes) + bytes(pack.advances[code] for code in narrow)
    return header + table + b"".join(pack.cells[code] for code in codes)


def decode(data: bytes) -> Pack:
    """Return the pack; PackError if `data` is not one."""
    try:
        magic, size, width, height, left, top, narrow, count = HEADER.unpack_from(data)
        codes = struct.unpack_from(f"<{count}H", data, HEADER.size)
    except struct.error as error:
        raise PackError(str(error)) from None
    advances_at = HEADER.size + 2 * count
    cells_at = advances_at + narrow
    cell_bytes = (width + 1) // 2 * height
    if magic != MAGIC or len(data) != cells_at + count * cell_bytes or list(codes) != sorted(set(codes)):
        raise PackError("header, index and length do not agree")
    advances = dict(zip(codes[:narrow], data[advances_at:cells_at], strict=True))
    starts = range(cells_at, len(data), cell_bytes)
    cells = {code: data[start : start + cell_bytes] for code, start in zip(codes, starts, strict=True)}
    return Pack(size, width, height, left, top, advances, cells)


def read(path: Path) -> Pack:
    """Return the pack in a file; PackError, OSError."""
    return decode(path.read_bytes())
