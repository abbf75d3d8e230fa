"""TAGS: three reasons a page, each of two lines at most; several may be chosen. The key of a row stands before it.

A text that does not fit on one line ends its first one where it says so itself, or else where both become as long.
"""

from ui import icons, theme
from ui.layout import TAG, TAG_LATIN, TAGS_FOOT, TOUCH, UNIT
from ui.screens import parts
from ui.strings import SMALL

_ROWS = 3
_FOOT_TOP = parts.HEIGHT - TAGS_FOOT
_HEAD = 28 * UNIT // 10
_ROW_HIGH = (_FOOT_TOP - _HEAD) // _ROWS
_ROWS_FOOT = _HEAD + _ROWS * _ROW_HIGH  # the few px to the foot that make no row are painted with it
_NUMBER = 30 * UNIT // 10
_TEXT_X = _NUMBER + 4 * UNIT // 10
_ROOM = parts.WIDTH - _TEXT_X - 6 * UNIT // 10  # of a line: ten characters at least
_BOX = 2 * SMALL // 3  # to be ticked
_MORE_X = parts.WIDTH - 120 * UNIT // 10
MORE = 4
_NOT_FIRST = "，。、；：！？）》」”"  # never at the beginning of a line
_LATIN_UP = TAG_LATIN // 8  # higher, as there are descenders below the em box
_FULL_WIDTH = "\u2e80"  # the first character that is no letter of an alphabet
_MISSING = 0x3F  # "?" is drawn for what a pack does not have


def key_at(x: int, y: int) -> int:
    """Return the key of the row at (x, y), or that of the next page, 0 for neither."""
    if _HEAD <= y < _FOOT_TOP:
        row = (y - _HEAD) // _ROW_HIGH
        return row + 1 if row < _ROWS else 0
    return MORE if y >= _FOOT_TOP and x >= _MORE_X else 0


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions: the rows first, then title and foot."""
    found = []
    for i in range(_ROWS):
        row = view["rows"][i] if i < len(view["rows"]) else None
        found.append((0, _HEAD + i * _ROW_HIGH, parts.WIDTH, _ROW_HIGH, paint_row, (i, row)))
    left = parts.seconds_left(view["until_ms"], now_ms)
    found.append((0, 0, parts.WIDTH, _HEAD, paint_head, (left,)))
    found.append((0, _ROWS_FOOT, parts.WIDTH, parts.HEIGHT - _ROWS_FOOT, paint_foot, (view["page"], view["pages"])))
    return found


def paint_head(canvas: object, strings: object, args: tuple) -> None:
    """Paint what may be chosen, and the seconds left."""
    canvas.fill(0, 0, parts.WIDTH, _HEAD, theme.BAND)
    y = (_HEAD - SMALL) // 2
    canvas.text(SMALL, 8 * UNIT // 10, y, strings["tags"], theme.ON_BAND, theme.BAND)
    text = str(args[0]) + " " + strings["seconds"]
    canvas.text(SMALL, parts.WIDTH - 8 * UNIT // 10, y, text, theme.ON_BAND, theme.BAND, theme.RIGHT)


def paint_row(canvas: object, strings: object, args: tuple) -> None:
    """Paint one reason with its key, filled when it is chosen."""
    i, row = args
    top = _HEAD + i * _ROW_HIGH
    canvas.fill(0, top, parts.WIDTH, _ROW_HIGH, theme.PAGE)
    if row is None:
        return
    text, chosen = row
    paper, ink = (theme.BAND, theme.ON_BAND) if chosen else (theme.PANEL, theme.INK)
    canvas.card(2, top + 2, parts.WIDTH - 4, _ROW_HIGH - 3, paper)
    latin = max(text) < _FULL_WIDTH
    size = TAG_LATIN if latin else TAG
    if not _has(canvas.packs[size], text):
        size = SMALL  # what a hall's own table has may be in that pack alone
    pitch = min(size + 4, _ROW_HIGH // 2 - 2)
    lines = balanced(canvas.packs[size], text, _ROOM)
    middle, x = top + _ROW_HIGH // 2, _NUMBER // 2 + 4
    if chosen:
        canvas.icon(SMALL, x - SMALL // 2, middle - SMALL // 2, icons.TICK, ink, paper)
    elif TOUCH:
        canvas.card(x - _BOX // 2, middle - _BOX // 2, _BOX, _BOX, theme.MUTED, 4)
        canvas.card(x - _BOX // 2 + 2, middle - _BOX // 2 + 2, _BOX - 4, _BOX - 4, paper, 2)
    else:
        canvas.text(SMALL, x, middle - SMALL // 2 - 1, str(i + 1), ink, paper, theme.CENTRE)
    y = middle - (len(lines) * pitch - pitch + size) // 2 - (_LATIN_UP if latin else 0)
    for line in lines:
        canvas.text(size, _TEXT_X, y, line, ink, paper)
        y += pitch


def _has(pack: object, text: str) -> bool:
    """Return whether no glyph of a text is lacking."""
    missing = pack.find(_MISSING)
    for char in text:
        if char not in "?\n" and pack.find(ord(char)) == missing:
            return False
    return True


def balanced(pack: object, text: str, room: int) -> list:
    """Return the text on one line of at most `room` px, or on two of much the same length."""
    whole = text.replace("\n", "")
    width = pack.text_width(whole)
    if width <= room:
        return [whole]
    if "\n" in text:
        return text.split("\n")
    best, cut, used, spaced = room, len(text), 0, " " in text.strip()
    for i, char in enumerate(text):
        off = abs(2 * used - width)
        if off < best and (char == " " if spaced else char not in _NOT_FIRST):
            best, cut = off, i
        used += pack.width_of(ord(char))
    return [pack.fitting(line.strip(), room) for line in (text[:cut], text[cut:]) if line]


def paint_foot(canvas: object, strings: object, args: tuple) -> None:
    """Paint how to end, and how to see the rest."""
    page, pages = args
    canvas.fill(0, _ROWS_FOOT, parts.WIDTH, parts.HEIGHT - _ROWS_FOOT, theme.PAGE)
    y = _FOOT_TOP + (TAGS_FOOT - SMALL) // 2
    canvas.text(SMALL, 8 * UNIT // 10, y, strings["tags_done"], theme.MUTED, theme.PAGE)
    if pages > 1:
        text = strings["tags_more"] + " " + str(page) + "/" + str(pages)
        if TOUCH:
            canvas.card(_MORE_X, _FOOT_TOP + 2, parts.WIDTH - _MORE_X - 4, TAGS_FOOT - 4, theme.BAND)
            middle = (_MORE_X + parts.WIDTH - 4) // 2
            canvas.text(SMALL, middle, y, text, theme.ON_BAND, theme.BAND, theme.CENTRE)
        else:
            text = str(MORE) + " " + text
            canvas.text(SMALL, parts.WIDTH - 8 * UNIT // 10, y, text, theme.INK, theme.PAGE, theme.RIGHT)
