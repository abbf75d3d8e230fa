"""Write and read glyph packs: characters of one size as cells of 4 shades, found by code point.

Layout, little-endian: "YPG2" · u8 size · box of the narrow cells · box of the wide ones · u8 narrow · u16 count ·
count × u16 code points, ascending · narrow × u8 advances of the first ones, px (all others are wide and advance by
size) · count × cell. A box is u8 width · u8 height · u8 columns left of the em box · u8 rows above it. The narrow
cells' one, which has room for descenders, encloses the wide cells' one. A cell has rows of ⌈width/4⌉ bytes, 2 bits a
pixel, first pixel in the lowest (framebuf.GS2_HMSB), 0 paper to 3 ink.
Code points from U+E000 on are the project's own icons.
"""

import hashlib
import struct
from pathlib import Path

import attrs

MAGIC = b"YPG2"
HEADER = struct.Struct("<4s10BH")
FULL_WIDTH_FROM = 0x2E80  # East Asian characters and icons advance by the whole size
MANIFEST = "packs.json"  # beside the packs of a board
_IN_BYTE = 4  # pixels


class PackError(Exception):
    """The file is no glyph pack."""


@attrs.frozen
class Box:
    """Where cells lie, px: `left` columns and `top` rows of them are before and above the em box."""

    width: int
    height: int
    left: int
    top: int

    @property
    def stride(self) -> int:
        """Return the bytes of a row."""
        return (self.width + _IN_BYTE - 1) // _IN_BYTE

    @property
    def cell_bytes(self) -> int:
        """Return the bytes of a cell."""
        return self.stride * self.height

    def encloses(self, other: "Box") -> bool:
        """Return whether another box lies in this one."""
        right, other_right = self.width - self.left, other.width - other.left
        below, other_below = self.height - self.top, other.height - other.top
        return self.left >= other.left and self.top >= other.top and right >= other_right and below >= other_below


@attrs.frozen
class Pack:
    """One size's characters; `cells` maps a code point to its packed cell."""

    size: int
    narrow: Box
    wide: Box
    advances: dict[int, int]
    cells: dict[int, bytes]

    def missing(self, text: str) -> set[str]:
        """Return the characters of `text` that have no cell."""
        return {char for char in text if not char.isspace() and ord(char) not in self.cells} | (
            {" "} if " " in text and 0x20 not in self.cells else set()
        )


def file_name(size: int) -> str:
    """Return the name of the file of a size."""
    return f"yp{size}.bin"


def sha256(data: bytes) -> str:
    """Return the hash that the manifest tells of a file."""
    return hashlib.sha256(data).hexdigest()


def encode(pack: Pack) -> bytes:
    """Return the file's bytes."""
    codes = sorted(pack.cells)
    narrow = [code for code in codes if code < FULL_WIDTH_FROM]
    boxes = (*attrs.astuple(pack.narrow), *attrs.astuple(pack.wide))
    header = HEADER.pack(MAGIC, pack.size, *boxes, len(narrow), len(codes))
    table = struct.pack(f"<{len(codes)}H", *codes) + bytes(pack.advances[code] for code in narrow)
    return header + table + b"".join(pack.cells[code] for code in codes)


def decode(data: bytes) -> Pack:
    """Return the pack; PackError if `data` is not one."""
    try:
        magic, size, *boxes, narrow, count = HEADER.unpack_from(data)
        codes = struct.unpack_from(f"<{count}H", data, HEADER.size)
    except struct.error as error:
        raise PackError(str(error)) from None
    small, large = Box(*boxes[4:]), Box(*boxes[:4])
    advances_at = HEADER.size + 2 * count
    wide_at = advances_at + narrow + narrow * large.cell_bytes
    cells = _cells(data, advances_at + narrow, codes[:narrow], large) | _cells(data, wide_at, codes[narrow:], small)
    if magic != MAGIC or len(data) != wide_at + (count - narrow) * small.cell_bytes or not large.encloses(small):
        raise PackError("header and length do not agree")
    if list(codes) != sorted(set(codes)) or sum(code < FULL_WIDTH_FROM for code in codes) != narrow:
        raise PackError("the index is not in order")
    advances = dict(zip(codes[:narrow], data[advances_at : advances_at + narrow], strict=True))
    return Pack(size, large, small, advances, cells)


def _cells(data: bytes, start: int, codes: tuple[int, ...], box: Box) -> dict[int, bytes]:
    """Return the cells of these code points, one after the other from `start` on."""
    ends = ((start + i * box.cell_bytes, start + (i + 1) * box.cell_bytes) for i in range(len(codes)))
    return {code: data[begin:end] for code, (begin, end) in zip(codes, ends, strict=True)}


def packed(shades: bytes, width: int) -> bytes:
    """Return the cell of `width` px a row, given as one shade a byte."""
    cell = bytearray()
    for start in range(0, len(shades), width):
        row = shades[start : start + width] + bytes(-width % _IN_BYTE)
        cell += bytes(a | b << 2 | c << 4 | d << 6 for a, b, c, d in zip(*[iter(row)] * _IN_BYTE, strict=True))
    return bytes(cell)


def read(path: Path) -> Pack:
    """Return the pack in a file; PackError, OSError."""
    return decode(path.read_bytes())
