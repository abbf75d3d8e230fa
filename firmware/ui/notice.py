"""The notice of a hall, in lines; in memory while one is shown."""

from ui import theme
from ui.layout import UNIT
from ui.screens import parts
from ui.strings import SMALL

_NOT_FIRST = "，。、；：！？）》」”"  # never at the beginning of a line
_LINES_MAX = 5
_PITCH = 32 * UNIT // 10
_LEFT = 16 * UNIT // 10


def paint(canvas: object, strings: object, args: tuple) -> None:
    """Paint the notice, as many lines as fit."""
    canvas.fill(0, parts.BAND, parts.WIDTH, parts.HEIGHT - parts.BAND, theme.PAGE)
    lines = even(canvas.packs[SMALL], args[0], parts.WIDTH - 2 * _LEFT)[:_LINES_MAX]
    y = parts.BAND + (parts.HEIGHT - parts.BAND - len(lines) * _PITCH) // 2 + (_PITCH - SMALL) // 2
    for line in lines:
        canvas.text(SMALL, _LEFT, y, line, theme.INK, theme.PAGE)
        y += _PITCH


def even(pack: object, text: str, width: int) -> list:
    """Return the text in as few lines as fit in `width` px, of much the same length if it has no breaks of its own."""
    lines = broken(pack, text, width)
    if "\n" in text:
        return lines
    closer = broken(pack, text, pack.text_width(text) // len(lines) + pack.size)
    return closer if len(closer) == len(lines) else lines


def broken(pack: object, text: str, width: int) -> list:
    """Return the text in lines of at most `width` px; a closing mark hangs over rather than begin a line."""
    lines, line, used = [], "", 0
    for char in text:
        advance = pack.width_of(ord(char))
        if char == "\n" or (used + advance > width and char not in _NOT_FIRST):
            lines.append(line)
            line, used = "", 0
        if char != "\n" and (line or char != " "):
            line += char
            used += advance
    if line:
        lines.append(line)
    return lines
