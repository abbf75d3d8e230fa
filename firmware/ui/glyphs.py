"""Find glyphs in a pack on the file system; only the index is in memory.

Layout of a pack, little-endian: "YPG1" · u8 size · u8 cell width · u8 cell height · u8 columns left of the em box ·
u8 rows above it · u8 narrow · u16 count · count × u16 code points, ascending · narrow × u8 advances of the first ones ·
count × cell of 4 bits a pixel, first pixel in the high nibble. Built by `yiping glyphs build`.
"""

import hashlib
import struct
from array import array

import framebuf

_HEADER = "<4s6BH"
_MISSING = 0x3F  # "?"
SIZES = (18, 20, 28, 40, 96)


class Pack:
    """Characters of one size. `cell` is the glyph loaded last; nothing is allocated to load another."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")
        header = self._file.read(struct.calcsize(_HEADER))
        _, self.size, self.width, self.height, self.left, self.top, narrow, count = struct.unpack(_HEADER, header)
        self._codes = array("H", bytes(2 * count))
        self._file.readinto(self._codes)
        self._advances = self._file.read(narrow)
        self._cells_at = len(header) + 2 * count + narrow
        self._bytes = self.width // 2 * self.height
        self._buffer = bytearray(self._bytes)
        self.cell = framebuf.FrameBuffer(self._buffer, self.width, self.height, framebuf.GS4_HMSB)
        self._loaded = -1

    def find(self, code: int) -> int:
        """Return the index of a code point, or of "?"; −1 when the pack has neither."""
        low, high = 0, len(self._codes)
        while low < high:
            middle = (low + high) // 2
            if self._codes[middle] < code:
                low = middle + 1
            else:
                high = middle
        if low < len(self._codes) and self._codes[low] == code:
            return low
        return -1 if code == _MISSING else self.find(_MISSING)

    def advance(self, index: int) -> int:
        """Return how far the next glyph stands from this one, px."""
        return self._advances[index] if index < len(self._advances) else self.size

    def load(self, index: int) -> None:
        """Read a glyph into `cell`."""
        if index != self._loaded:
            self._file.seek(self._cells_at + index * self._bytes)
            self._file.readinto(self._buffer)
            self._loaded = index

    def text_width(self, text: str) -> int:
        """Return the width of one line, px."""
        width = 0
        for char in text:
            width += self.advance(self.find(ord(char)))
        return width

    def fitting(self, text: str, width: int) -> str:
        """Return the text, or its beginning with an ellipsis, no wider than `width` px."""
        if self.text_width(text) <= width:
            return text
        while text and self.text_width(text) + self.size > width:
            text = text[:-1]
        return text + "…"


def open_packs(folder: str) -> dict:
    """Return the packs by size."""
    packs = {}
    for size in SIZES:
        packs[size] = Pack(f"{folder}/yp{size}.bin")
    return packs


def version(folder: str) -> bytes:
    """Return the 8 bytes that name this set of packs: the start of SHA-256 over their manifest."""
    with open(folder + "/packs.json", "rb") as file:
        return hashlib.sha256(file.read()).digest()[:8]
