"""Render glyph packs with FreeType (through Pillow). The same font and the same Pillow give the same bytes."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from host_agent.content import icons
from host_agent.content.glyph_pack import FULL_WIDTH_FROM, Box, Pack, packed
from host_agent.content.glyph_sets import GlyphSet
from host_agent.errors import UserError

EM_ASCENT = 0.88  # of the size: where the font's ideographs have their baseline
# Stroke added on each side, px, by size: thin lines wash out on a small display.
_WEIGHT = {18: 0.2, 20: 0.2, 24: 0.25, 28: 0.3, 40: 0.5, 56: 0.7}
# From which coverage, of 255, a pixel has one third, two thirds, all of the ink. Halfway would be 43, 128, 213: a
# little above, the ink of dense characters stays what it was and the gaps between their strokes stay open.
_FROM = (50, 135, 215)
_SHADE = [sum(coverage >= least for least in _FROM) for coverage in range(256)]
_ROOM = 24  # px around the em box while the real extent is measured


def render(wanted: GlyphSet, font_paths: list[Path]) -> Pack:
    """Return the pack, each character from the first font that has it; UserError names those that none has."""
    images = {code: icons.image(paint, wanted.size) for code, paint in wanted.icons.items()}
    advances: dict[int, int] = {}
    if wanted.chars:
        basic = ImageFont.Layout.BASIC
        fonts = [ImageFont.truetype(str(path), wanted.size, layout_engine=basic) for path in font_paths]
        chosen = {char: font for char in wanted.chars if (font := next((f for f in fonts if has(char, f)), None))}
        _refuse_missing([char for char in wanted.chars if char not in chosen], font_paths)
        for char, font in chosen.items():
            images[ord(char)] = _glyph(char, font, wanted.size)
            if ord(char) < FULL_WIDTH_FROM:
                advances[ord(char)] = round(font.getlength(char))
    for first, paint in wanted.sliced.items():
        for row, part in enumerate(_slices(icons.image(paint, wanted.size), wanted.rows)):
            images[first + row] = part
    return _pack(wanted.size, images, advances)


def _mask(char: str, font: ImageFont.FreeTypeFont) -> tuple[Any, bytes]:
    mask: Any = font.getmask(char)
    return mask.getbbox(), bytes(mask)


def has(char: str, font: ImageFont.FreeTypeFont) -> bool:
    """Say whether a font has a character; FreeType draws the same box for each that it has not."""
    return char == " " or _mask(char, font) != _mask("\U0010fffe", font)


def _refuse_missing(missing: list[str], font_paths: list[Path]) -> None:
    if missing:
        where = ", ".join(str(path) for path in font_paths)
        raise UserError(f"the font lacks {''.join(missing)}", where, "choose another font or other texts")


def _glyph(char: str, font: ImageFont.FreeTypeFont, size: int) -> Image.Image:
    """Return the glyph with _ROOM around its em box."""
    side = size + 2 * _ROOM
    image = Image.new("L", (side, side), 0)
    baseline = _ROOM + round(EM_ASCENT * size)
    stroke = _WEIGHT.get(size, 0)
    ImageDraw.Draw(image).text((_ROOM, baseline), char, font=font, fill=255, anchor="ls", stroke_width=stroke)
    return image


def _slices(image: Image.Image, rows: int) -> list[Image.Image]:
    height = image.height // rows
    return [image.crop((0, row * height, image.width, (row + 1) * height)) for row in range(rows)]


def _pack(size: int, images: dict[int, Image.Image], advances: dict[int, int]) -> Pack:
    """Shade all images and cut them to two cells, one for narrow characters and one for the others."""
    images = {code: image.point(_SHADE) for code, image in images.items()}
    wide = _box([_extent(image, size, code) for code, image in images.items() if code >= FULL_WIDTH_FROM])
    narrow = _box([_extent(image, size, code) for code, image in images.items()])
    cells = {}
    for code, image in images.items():
        room, box = _room(image, size, code), narrow if code < FULL_WIDTH_FROM else wide
        x, y = room - box.left, room - box.top
        cells[code] = packed(image.crop((x, y, x + box.width, y + box.height)).tobytes(), box.width)
    return Pack(size, narrow, wide, advances, cells)


def _extent(image: Image.Image, size: int, code: int) -> tuple[int, int, int, int]:
    """Return how far an image goes left of, above, right of, and below the em box's upper left corner, px."""
    room = _room(image, size, code)
    x0, y0, x1, y1 = image.getbbox() or (room, room, room, room)
    return room - x0, room - y0, x1 - room, y1 - room


def _box(extents: list[tuple[int, int, int, int]]) -> Box:
    """Return the least box that has room for all extents, and a pixel when there are none."""
    left, top, right, below = (max(0, *side) for side in zip((0, 0, 0, 0), *extents, strict=True))
    return Box(max(1, left + right), max(1, top + below), left, top)


def _room(image: Image.Image, size: int, code: int) -> int:
    """Return the columns and rows of an image that lie before its em box; icons have none."""
    return 0 if code >= icons.FACE and image.width == size else _ROOM
