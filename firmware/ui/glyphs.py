"""Find glyphs in a pack on the file system; in memory is only the first code point of each block of its index.

Layout of a pack, little-endian: "YPG2" · u8 size · box of the narrow cells · box of the wide ones · u8 narrow ·
u16 count · count × u16 code points, ascending · narrow × u8 advances of the first ones · count × cell. A box is
u8 width · u8 height · u8 columns left of the em box · u8 rows above it; the narrow cells' one, which has room for
descenders, encloses the other. A cell has rows of whole bytes, 2 bits a pixel, first pixel in the lowest, 0 paper to
3 ink. Built by `yiping glyphs build`.
"""

import hashlib
import json
import struct
from array import array

import framebuf

from ui.layout import LARGE, MIDDLE, PICTURE, SMALL, TAG_LATIN, TINY

_HEADER = "<4s10BH"
_MISSING = 0x3F  # "?"
_BLOCK = 32  # code points that are read at once
_LATE = 32  # a power of two
_FULL_WIDTH_FROM = 0x2E80  # what is not below is as wide as the em box


class Room:
    """What all packs read into, and know of each other: one glyph, one block of an index, what was found."""

    def __init__(self) -> None:
        self.codes = array("H", bytes(2 * _LATE))  # code points, in the place that their last bits and the size give
        self.sizes = bytearray(_LATE)
        self.found = array("h", bytes(2 * _LATE))
        self.block = bytearray(2 * _BLOCK)
        self.block_of = self.glyph_of = None  # the pack that filled it last, and with which
        self.block_at = self.glyph_at = -1


class Pack:
    """Characters of one size; finding and loading allocate nothing.

    `cell` holds the glyph that was loaded last; `cell_left` columns and `cell_top` rows of it lie before and above the
    em box, no more than the `left` and `top` of all glyphs.
    """

    def __init__(self, path: str, room: Room) -> None:
        self._room = room
        self._file = open(path, "rb")
        header = self._file.read(struct.calcsize(_HEADER))
        _, self.size, self.width, self.height, self.left, self.top, *rest = struct.unpack(_HEADER, header)
        self._wide, narrow, self._count = rest[:4], rest[4], rest[5]
        self._codes_at = len(header)
        blocks = (self._count + _BLOCK - 1) // _BLOCK
        self._firsts = array("H", [self._first_of(n) for n in range(blocks)])
        self._file.seek(self._codes_at + 2 * self._count)
        self._advances = self._file.read(narrow)
        self._cells_at = self._codes_at + 2 * self._count + narrow
        self.bytes = (self.width + 3) // 4 * self.height
        self.cell = self._narrow = None
        self.cell_left = self.cell_top = 0

    def take(self, buffer: bytearray) -> None:
        """Use this buffer, which the packs share, for both kinds of cells."""
        width, height, self._wide_left, self._wide_top = self._wide
        self._narrow = framebuf.FrameBuffer(buffer, self.width, self.height, framebuf.GS2_HMSB)
        self._wide_bytes = (width + 3) // 4 * height
        self._wide = framebuf.FrameBuffer(buffer, width, height, framebuf.GS2_HMSB)

    def find(self, code: int) -> int:
        """Return the index of a code point, or of "?"; −1 when the pack has neither."""
        room, place = self._room, (code ^ self.size) & _LATE - 1
        if room.codes[place] != code or room.sizes[place] != self.size:
            room.found[place] = self._search(code)
            room.codes[place], room.sizes[place] = code, self.size
        return room.found[place]

    def _search(self, code: int) -> int:
        low, high = 0, len(self._firsts)
        while low < high:
            middle = (low + high) // 2
            if self._firsts[middle] <= code:
                low = middle + 1
            else:
                high = middle
        if low:
            index = self._find_in(low - 1, code)
            if index >= 0:
                return index
        return -1 if code == _MISSING else self._search(_MISSING)

    def _find_in(self, number: int, code: int) -> int:
        """Return the index of a code point in a block of the index, −1 when it is not there."""
        block = self._read_block(number)
        start = number * _BLOCK
        low, high = 0, min(_BLOCK, self._count - start)
        while low < high:
            middle = (low + high) // 2
            found = block[2 * middle] | block[2 * middle + 1] << 8
            if found == code:
                return start + middle
            if found < code:
                low = middle + 1
            else:
                high = middle
        return -1

    def _first_of(self, number: int) -> int:
        block = self._read_block(number)
        return block[0] | block[1] << 8

    def _read_block(self, number: int) -> bytearray:
        room = self._room
        if room.block_of is not self or room.block_at != number:
            self._file.seek(self._codes_at + 2 * _BLOCK * number)
            self._file.readinto(room.block)
            room.block_of, room.block_at = self, number
        return room.block

    def advance(self, index: int) -> int:
        """Return how far the next glyph stands from this one, px."""
        return self._advances[index] if index < len(self._advances) else self.size

    def width_of(self, code: int) -> int:
        """Return how far the glyph after this code point's stands from it, px; one of full width is not looked for."""
        return self.size if code >= _FULL_WIDTH_FROM else self.advance(self.find(code))

    def load(self, index: int) -> None:
        """Read a glyph into `cell`."""
        room = self._room
        if room.glyph_of is self and room.glyph_at == index:
            return
        narrow = len(self._advances)
        if index < narrow:
            at, size = index * self.bytes, self.bytes
            self.cell, self.cell_left, self.cell_top = self._narrow, self.left, self.top
        else:
            at, size = narrow * self.bytes + (index - narrow) * self._wide_bytes, self._wide_bytes
            self.cell, self.cell_left, self.cell_top = self._wide, self._wide_left, self._wide_top
        self._file.seek(self._cells_at + at)
        self._file.readinto(self.cell, size)
        room.glyph_of, room.glyph_at = self, index

    def text_width(self, text: str) -> int:
        """Return the width of one line, px."""
        width, full = 0, self.size
        for char in text:
            code = ord(char)
            width += full if code >= _FULL_WIDTH_FROM else self.advance(self.find(code))
        return width

    def fitting(self, text: str, width: int) -> str:
        """Return the text, or its beginning with an ellipsis, no wider than `width` px."""
        if self.text_width(text) <= width:
            return text
        while text and self.text_width(text) + self.size > width:
            text = text[:-1]
        return text + "…"


def open_packs(assets: str, folder: str) -> dict:
    """Return the packs by size; each lies in `folder` under the beginning of its hash, which `assets` tells."""
    with open(assets + "/packs.json") as file:
        hashes = json.load(file)["packs"]
    packs = {}
    room = Room()
    for size in (TINY, SMALL, TAG_LATIN, MIDDLE, LARGE, PICTURE):
        if size not in packs:
            packs[size] = Pack(folder + "/" + hashes[f"yp{size}.bin"]["sha256"][:16], room)
    glyph = bytearray(max([pack.bytes for pack in packs.values()]))
    for pack in packs.values():
        pack.take(glyph)
    return packs


def version(assets: str) -> bytes:
    """Return the 8 bytes that name this set of packs: the start of SHA-256 over their manifest."""
    with open(assets + "/packs.json", "rb") as file:
        return hashlib.sha256(file.read()).digest()[:8]
