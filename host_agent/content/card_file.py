"""Write and read staff cards as a terminal paints them.

Stored layout, little-endian: "YPC1" · u8 n tiles (1…4) · n × {x u16, y u16, w u16, h u16, 16 × u16 RGB565 palette} ·
each tile's pixels in that order: two a byte, the left one in the high nibble, rows of (w + 1) // 2 bytes.
Coordinates are those of the board's card box.
"""

import struct
from collections.abc import Iterable

import attrs

MAGIC = b"YPC1"
COLOURS = 16
MAX_TILES = 4
_TILE = struct.Struct(f"<4H{COLOURS}H")


class CardError(Exception):
    """The bytes are no staff card."""


@attrs.frozen
class Tile:
    """One rectangle of the card: its place, its colours, its packed pixels."""

    x: int
    y: int
    width: int
    height: int
    palette: tuple[int, ...] = attrs.field(repr=False)
    pixels: bytes = attrs.field(repr=False)

    @property
    def stride(self) -> int:
        """Return the bytes of a row."""
        return (self.width + 1) // 2

    def rows(self) -> list[list[int]]:
        """Return the colour number of each pixel, row by row."""
        found = []
        for start in range(0, len(self.pixels), self.stride):
            row = [nibble for byte in self.pixels[start : start + self.stride] for nibble in (byte >> 4, byte & 15)]
            found.append(row[: self.width])
        return found


def encode(tiles: Iterable[Tile]) -> bytes:
    """Return the file's bytes."""
    tiles = list(tiles)
    heads = (_TILE.pack(tile.x, tile.y, tile.width, tile.height, *tile.palette) for tile in tiles)
    return MAGIC + bytes([len(tiles)]) + b"".join(heads) + b"".join(tile.pixels for tile in tiles)


def decode(data: bytes, width: int, height: int) -> list[Tile]:
    """Return the tiles of a card for a box of that size, px.

    :raises CardError: it is none.
    """
    if data[:4] != MAGIC or len(data) < 5:
        raise CardError("it does not begin as a staff card")
    count, at = data[4], 5
    if not 1 <= count <= MAX_TILES or len(data) < at + count * _TILE.size:
        raise CardError("it ends inside its head, or has too many tiles")
    heads = [_TILE.unpack_from(data, at + index * _TILE.size) for index in range(count)]
    at += count * _TILE.size
    tiles = []
    for x, y, wide, high, *palette in heads:
        if not wide or not high or x + wide > width or y + high > height:
            raise CardError(f"a tile lies outside the {width}×{height} px of the card")
        size = (wide + 1) // 2 * high
        tiles.append(Tile(x, y, wide, high, tuple(palette), data[at : at + size]))
        at += size
    if at != len(data):
        raise CardError(f"it has {len(data)} bytes instead of {at}")
    return tiles


def pack(numbers: bytes, width: int) -> bytes:
    """Return colour numbers, one a byte, as packed rows."""
    rows = (numbers[start : start + width] for start in range(0, len(numbers), width))
    padded = (row + b"\0" if width % 2 else row for row in rows)
    return b"".join(bytes(row[i] << 4 | row[i + 1] for i in range(0, len(row), 2)) for row in padded)


def rgb565(colour: int) -> int:
    """Return a colour 0xRRGGBB in 16 bits, as the firmware's theme does."""
    return colour >> 8 & 0xF800 | colour >> 5 & 0x07E0 | colour >> 3 & 0x001F


def shown(value: int) -> tuple[int, int, int]:
    """Return the red, green and blue that a panel shows for 16 bits."""
    return (value >> 11) * 255 // 31, (value >> 5 & 63) * 255 // 63, (value & 31) * 255 // 31
