"""Renders staff cards with Pillow: the dithered portrait, and name, number, post and stars in an open font.

Promise: the same clerk, photo, fonts and Pillow give the same bytes; a character that no font has is named, never left
out.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from host_agent.content import card_file, glyph_render, icons
from host_agent.content.card_boards import CardBoard
from host_agent.content.card_file import COLOURS, Tile
from host_agent.content.staff import MAX_STARS, Clerk

# The colours of firmware/ui/theme.py; a test compares them.
PAGE, PANEL, INK, MUTED, LINE = 0xF3F5F7, 0xFFFFFF, 0x1C2833, 0x52606D, 0xD3DAE0
STAR, STAR_EMPTY = 0xB07A00, 0xB9C2CA
NUMBER_WORD = "工号"
_CORNER = 6  # px
_SHADES = {INK: 4, MUTED: 4, STAR: 3, STAR_EMPTY: 3}
# Left under name, number and post, px of k5, where there is room; with two lines of one all come closer.
_AFTER_NAME, _AFTER_NUMBER, _AFTER_POST = 14, 11, 14
_BETWEEN = 2  # px, between the two lines of one
_TOP = 3  # px of k5


class LayoutError(Exception):
    """Say which text finds no room on the card."""


class Fonts:
    """Own fonts in the order in which a character is looked for."""

    def __init__(self, paths: list[Path]) -> None:
        """Keep the paths; raises OSError for one that is no font."""
        self._paths = paths
        self._sized: dict[tuple[int, int], ImageFont.FreeTypeFont] = {}
        self._of: dict[str, int | None] = {}
        for index in range(len(paths)):
            self._font(index, 20)

    def missing(self, text: str) -> list[str]:
        """Return the characters that no font has, each once."""
        return [char for char in dict.fromkeys(text) if self._index(char) is None]

    def runs(self, text: str, size: int) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
        """Yield the pieces of a text that one font draws."""
        start = 0
        for at in range(1, len(text) + 1):
            if at == len(text) or self._index(text[at]) != self._index(text[start]):
                yield text[start:at], self._font(self._index(text[start]) or 0, size)
                start = at

    def width(self, text: str, size: int) -> float:
        """Return how far a text advances, px."""
        return sum(font.getlength(piece) for piece, font in self.runs(text, size))

    def _index(self, char: str) -> int | None:
        if char not in self._of:
            fonts = range(len(self._paths))
            self._of[char] = next((i for i in fonts if glyph_render.has(char, self._font(i, 20))), None)
        return self._of[char]

    def _font(self, index: int, size: int) -> ImageFont.FreeTypeFont:
        if (index, size) not in self._sized:
            self._sized[index, size] = ImageFont.truetype(
                str(self._paths[index]), size, layout_engine=ImageFont.Layout.BASIC
            )
        return self._sized[index, size]


def render(clerk: Clerk, portrait: Image.Image | None, board: CardBoard, fonts: Fonts) -> bytes:
    """Return the card's file; without portrait a figure stands in.

    :raises LayoutError: a text does not fit.
    """
    return card_file.encode([_portrait_tile(portrait, board), _text_tile(clerk, board, fonts)])


def picture(card: bytes, board: CardBoard) -> Image.Image:
    """Return what the panel shows of a card, on the page's colour.

    :raises CardError: it is no card of that board.
    """
    image = Image.new("RGB", (board.width, board.height), card_file.shown(card_file.rgb565(PAGE)))
    for tile in card_file.decode(card, board.width, board.height):
        colours = [card_file.shown(value) for value in tile.palette]
        part = Image.new("RGB", (tile.width, tile.height))
        part.putdata([colours[number] for row in tile.rows() for number in row])
        image.paste(part, (tile.x, tile.y))
    return image


def _portrait_tile(portrait: Image.Image | None, board: CardBoard) -> Tile:
    x, y, width, height = board.portrait
    if portrait is None:
        portrait = _figure(width, height, board.person)
        palette = _shades({LINE: 4, PANEL: 10})
        numbers = _numbers(_on_page(portrait), palette, Image.Dither.NONE)
    else:
        palette = [PAGE, *_own_colours(portrait)]
        # The page's colour is for the corners only: in the picture it would be one more colour of the photo's own.
        numbers = _numbers(portrait, palette, Image.Dither.FLOYDSTEINBERG)
        numbers.paste(0, mask=Image.eval(_corners((width, height)), lambda value: 255 if value < 128 else 0))
    return _tile(x, y, numbers, palette)


def _own_colours(image: Image.Image) -> list[int]:
    """Return the colours that stand best for a picture, as the panel shows them."""
    few = image.quantize(COLOURS - 1, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    values = few.getpalette() or []
    found = [int.from_bytes(bytes(values[i : i + 3]), "big") for i in range(0, 3 * (COLOURS - 1), 3)]
    return [_as_shown(colour) for colour in found[: len(values) // 3]]


def _as_shown(colour: int) -> int:
    return int.from_bytes(bytes(card_file.shown(card_file.rgb565(colour))), "big")


def _figure(width: int, height: int, side: int) -> Image.Image:
    image = Image.new("RGB", (width, height), _rgb(LINE))
    image.paste(_rgb(PANEL), ((width - side) // 2, height - side), icons.image(icons.person, side))
    return image


def _on_page(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, _rgb(PAGE))
    paper.paste(image, mask=_corners(image.size))
    return paper


def _corners(size: tuple[int, int]) -> Image.Image:
    """Return a mask with round corners."""
    scale = 4
    mask = Image.new("L", (size[0] * scale, size[1] * scale), 0)
    box = (0, 0, size[0] * scale - 1, size[1] * scale - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, _CORNER * scale, fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def _text_tile(clerk: Clerk, board: CardBoard, fonts: Fonts) -> Tile:
    x, y, width, height = board.text
    image = Image.new("RGB", (width, height), _rgb(PAGE))
    room = width - board.text_indent - 2  # strokes reach beyond a text's advance
    lines = _lines(clerk, board, fonts, room)
    gaps = sum(after for *_, after in lines if after > _BETWEEN)
    first = _TOP * board.unit // 10
    needed = first + sum(size + after for _, size, _, after in lines) + (board.star_size if clerk.stars else 0)
    closer = min(1.0, (gaps - (needed - height)) / gaps)
    top = float(first)
    for text, size, ink, after in lines:
        _draw_text(image, board.text_indent, round(top), text, size, ink, fonts)
        top += size + (after * closer if after > _BETWEEN else after)
    if clerk.stars:
        _draw_stars(image, clerk.stars, board, round(top))
    palette = _shades(_SHADES)
    return _tile(x, y, _numbers(image, palette, Image.Dither.NONE), palette)


def _lines(clerk: Clerk, board: CardBoard, fonts: Fonts, room: int) -> list[tuple[str, int, int, float]]:
    """Return text, size, colour and the gap after it of each line.

    :raises LayoutError: a text does not fit.
    """
    name, name_size = _fitted(clerk.name, board.name_sizes, board.name_pair_sizes, fonts, room)
    post, post_size = _fitted(clerk.post, board.post_sizes, board.post_pair_sizes, fonts, room)
    number = f"{NUMBER_WORD} {clerk.number}"
    size = next((size for size in board.number_sizes if fonts.width(number, size) <= room), None)
    if size is None:
        raise LayoutError(number)
    gaps = [gap * board.unit / 10 for gap in (_AFTER_NAME, _AFTER_NUMBER, _AFTER_POST)]
    lines: list[tuple[str, int, int, float]] = [(text, name_size, INK, _BETWEEN) for text in name[:-1]]
    lines.append((name[-1], name_size, INK, gaps[0]))
    lines.append((number, size, MUTED, gaps[1]))
    lines += [(text, post_size, MUTED, _BETWEEN) for text in post[:-1]] + [(post[-1], post_size, MUTED, gaps[2])]
    return lines


def _fitted(
    text: str, sizes: tuple[int, ...], pair_sizes: tuple[int, ...], fonts: Fonts, room: int
) -> tuple[list[str], int]:
    """Return a text on one or two lines and the largest size that fits.

    :raises LayoutError: none does.
    """
    for size in sizes:
        if fonts.width(text, size) <= room:
            return [text], size
    for size in pair_sizes:
        for cut in _cuts(text):
            pair = [text[:cut].rstrip(), text[cut:].lstrip()]
            if all(fonts.width(line, size) <= room for line in pair):
                return pair, size
    raise LayoutError(text)


def _cuts(text: str) -> list[int]:
    """Return where a text may be broken, best first: after a dot, a space or a bracket, else near the middle."""
    middle = len(text) / 2
    natural = [at for at in range(1, len(text)) if text[at - 1] in "·． 、，-）)" or text[at] in "（("]
    any_place = [at for at in range(1, len(text)) if text[at] not in "·．、，）)"]
    return [*sorted(natural, key=lambda at: abs(at - middle)), *sorted(any_place, key=lambda at: abs(at - middle))]


def _draw_text(image: Image.Image, x: int, top: int, text: str, size: int, ink: int, fonts: Fonts) -> None:
    baseline = top + round(glyph_render.EM_ASCENT * size)
    at, draw = float(x), ImageDraw.Draw(image)
    for piece, font in fonts.runs(text, size):
        # A little bolder, as in the glyph packs: thin lines wash out on a small display.
        draw.text((at, baseline), piece, font=font, fill=_rgb(ink), anchor="ls", stroke_width=size / 100)
        at += font.getlength(piece)


def _draw_stars(image: Image.Image, stars: int, board: CardBoard, top: int) -> None:
    for index in range(MAX_STARS):
        paint, ink = (icons.star, STAR) if index < stars else (icons.star_empty, STAR_EMPTY)
        x = board.text_indent - 1 + index * board.star_step
        image.paste(_rgb(ink), (x, top), icons.image(paint, board.star_size))


def _shades(inks: dict[int, int]) -> list[int]:
    """Return the page's colour and that many steps from it to each ink."""
    palette = [PAGE]
    for ink, steps in inks.items():
        for step in range(1, steps + 1):
            pairs = zip(_rgb(PAGE), _rgb(ink), strict=True)
            palette.append(int.from_bytes(bytes(round(a + (b - a) * step / steps) for a, b in pairs), "big"))
    return palette


def _numbers(image: Image.Image, palette: list[int], dither: Image.Dither) -> Image.Image:
    """Return the picture as numbers of the palette's colours."""
    full = (palette + palette[-1:] * COLOURS)[:COLOURS]
    chart = Image.new("P", (1, 1))
    # Pillow looks among 256 colours: the sixteen stand there sixteen times, so that none of its own is chosen.
    chart.putpalette(b"".join(colour.to_bytes(3, "big") for colour in full) * (256 // COLOURS))
    found = image.quantize(palette=chart, dither=dither)
    return Image.frombytes("L", image.size, bytes(number % COLOURS for number in found.tobytes()))


def _tile(x: int, y: int, numbers: Image.Image, palette: list[int]) -> Tile:
    full = (palette + palette[-1:] * COLOURS)[:COLOURS]
    pixels = card_file.pack(numbers.tobytes(), numbers.width)
    return Tile(x, y, numbers.width, numbers.height, tuple(map(card_file.rgb565, full)), pixels)


def _rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 255, colour & 255
