"""Draw into one strip of the screen at a time; coordinates are the screen's, what lies outside the strip is cut off."""

import framebuf

from ui import theme
from ui.layout import STRIP_PIXELS

_SHADES = 4  # of a pixel of a glyph, paper to ink


class Canvas:
    """The strip, the glyph packs and the display."""

    def __init__(self, lcd: object, packs: dict) -> None:
        self._lcd = lcd
        self.packs = packs
        self._pixels = memoryview(bytearray(2 * STRIP_PIXELS))
        self._palette = framebuf.FrameBuffer(bytearray(2 * _SHADES), _SHADES, 1, framebuf.RGB565)
        self._palette_of = (-1, -1)
        self._paper = 0  # as it stands in the strip; nothing of a glyph is drawn where it has it
        self._strip = None
        self._x = self._y = self._width = self._height = 0

    def begin(self, x: int, y: int, width: int, height: int) -> None:
        """Start a strip; `width * height` is at most STRIP_PIXELS."""
        self._x, self._y, self._width, self._height = x, y, width, height
        self._strip = framebuf.FrameBuffer(self._pixels, width, height, framebuf.RGB565)

    def flush(self) -> None:
        """Send the strip to the display."""
        pixels = self._pixels[: 2 * self._width * self._height]
        self._lcd.blit(self._x, self._y, self._width, self._height, pixels)

    def fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        """Fill a rectangle."""
        self._strip.fill_rect(x - self._x, y - self._y, width, height, theme.rgb565(colour))

    def card(self, x: int, y: int, width: int, height: int, colour: int, radius: int = 6) -> None:
        """Fill a rectangle with round corners."""
        x -= self._x
        y -= self._y
        strip, value = self._strip, theme.rgb565(colour)
        if x + radius <= 0 and x + width - radius >= self._width:  # between the corners
            strip.fill_rect(0, y, self._width, height, value)
            return
        strip.fill_rect(x + radius, y, width - 2 * radius, height, value)
        strip.fill_rect(x, y + radius, width, height - 2 * radius, value)
        for cx in (x + radius, x + width - 1 - radius):
            for cy in (y + radius, y + height - 1 - radius):
                strip.ellipse(cx, cy, radius, radius, value, True)

    def text(self, size: int, x: int, y: int, text: str, ink: int, paper: int, align: int = theme.LEFT) -> None:
        """Draw one line with its em box at `y`; `x` is its left, middle or right; `paper` is under it."""
        pack = self.packs[size]
        if y - pack.top >= self._y + self._height or y - pack.top + pack.height <= self._y:
            return
        if align:
            width = pack.text_width(text)
            x -= width if align == theme.RIGHT else width // 2
        for char in text:
            if x - pack.left >= self._x + self._width:
                return
            code = ord(char)
            if x - pack.left + pack.width > self._x:
                self._glyph(pack, pack.find(code), x, y, ink, paper)
            x += pack.width_of(code)

    def lines(
        self, size: int, x: int, y: int, text: str, ink: int, paper: int, align: int = theme.LEFT, pitch: int = 0
    ) -> None:
        """Draw a text with line breaks, `pitch` px from line to line."""
        for line in text.split("\n"):
            self.text(size, x, y, line, ink, paper, align)
            y += pitch

    def icon(self, size: int, x: int, y: int, code: int, ink: int, paper: int) -> None:
        """Draw one of the project's own icons."""
        pack = self.packs[size]
        if y >= self._y + self._height or y + pack.height <= self._y:
            return
        if x + pack.width > self._x and x < self._x + self._width + pack.left:
            self._glyph(pack, pack.find(code), x, y, ink, paper)

    def top(self) -> int:
        """Return the strip's first row on the screen."""
        return self._y

    def bottom(self) -> int:
        """Return the row after the strip's last."""
        return self._y + self._height

    def row(self, x: int, y: int, pixels: object, palette: object) -> None:
        """Draw a row of pixels in a palette's colours."""
        self._strip.blit(pixels, x - self._x, y - self._y, -1, palette)

    def squares(self, x: int, y: int, step: int, side: int, bits: bytes) -> None:
        """Draw the dark modules of a `side` × `side` matrix, row by row, first module in the highest bit."""
        ink = theme.rgb565(0)
        left, top = x - self._x, y - self._y
        for row in range(side):
            if top + (row + 1) * step <= 0 or top + row * step >= self._height:
                continue
            for column in range(side):
                i = row * side + column
                if bits[i >> 3] & 0x80 >> (i & 7):
                    self._strip.fill_rect(left + column * step, top + row * step, step, step, ink)

    def _glyph(self, pack: object, index: int, x: int, y: int, ink: int, paper: int) -> None:
        x -= self._x
        if index < 0 or x - pack.left >= self._width or x - pack.left + pack.width <= 0:
            return
        pack.load(index)
        if self._palette_of[0] != ink or self._palette_of[1] != paper:
            self._shade(ink, paper)
        self._strip.blit(pack.cell, x - pack.cell_left, y - self._y - pack.cell_top, self._paper, self._palette)

    def _shade(self, ink: int, paper: int) -> None:
        """Set the palette to the shades between two colours."""
        self._palette_of = (ink, paper)
        self._paper = theme.rgb565(paper)
        for shade in range(_SHADES):
            value = 0
            for shift in (16, 8, 0):
                from_, to = paper >> shift & 0xFF, ink >> shift & 0xFF
                value = value << 8 | from_ + ((to - from_) * shade + 1) // 3
            self._palette.pixel(shade, 0, theme.rgb565(value))
