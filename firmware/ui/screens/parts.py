"""Parts that several screens have: the band at the top, and the five marks above the keys.

A screen is a list of regions (x, y, width, height, painter, args). A painter draws its region with what `args` says and
nothing else, so that two regions with the same place, painter and args look the same and need no second painting.
"""

from ui import icons, theme
from ui.layout import BAND, HEIGHT, MARKS_FOOT, MARKS_TOP, TOUCH, UNIT, WIDTH
from ui.strings import LARGE, MIDDLE, SMALL, TINY

EDGE_Y = 9 * UNIT // 10  # of the paper between the band, what a press changes, and the marks
_COLUMN = WIDTH // 5
_GAP = 2
_OFFLINE_ROOM = 72 * UNIT // 10
_OFFLINE_X = WIDTH - 30 * UNIT // 10
_HINT_X = 10 * UNIT // 10
_CARD_HIGH = HEIGHT - MARKS_TOP - MARKS_FOOT
# What stands in a mark, from its top: face, and word of one or two lines.
_FACE_Y = 6 * UNIT // 10
_WORD_Y = _FACE_Y + LARGE + 4 * UNIT // 10
_WORD_PITCH = TINY + 3 * UNIT // 10


def seconds_left(until_ms: int, now_ms: int) -> int:
    """Return whole seconds, the running one included."""
    left = until_ms - now_ms
    return (left + 999) // 1000 if left > 0 else 0


def band(title: str, linked: bool, hint: bool = False) -> tuple:
    """Return the region of the top band with a title; `hint` marks that somebody should look after the terminal."""
    return (0, 0, WIDTH, BAND, paint_band, (title, linked, hint))


def paint_band(canvas: object, strings: object, args: tuple) -> None:
    """Paint the top band; the icon tells that the counter's computer is not there."""
    title, linked, hint = args
    canvas.fill(0, 0, WIDTH, BAND, theme.BAND)
    text = strings[title]
    size = MIDDLE if canvas.packs[MIDDLE].text_width(text) <= WIDTH - 8 else SMALL
    canvas.text(size, WIDTH // 2, (BAND - size) // 2, text, theme.ON_BAND, theme.BAND, theme.CENTRE)
    if not linked and has_room(canvas, text):
        offline(canvas, 0, theme.ON_BAND_MUTED, theme.BAND)
    if hint:
        canvas.card(_HINT_X, (BAND - SMALL) // 2, SMALL, SMALL, theme.HINT)
        canvas.text(SMALL, _HINT_X + SMALL // 2, (BAND - SMALL) // 2, "!", theme.BAND, theme.HINT, theme.CENTRE)


def has_room(canvas: object, title: str) -> bool:
    """Return whether a title leaves the band room for an icon."""
    width = canvas.packs[MIDDLE].text_width(title)
    if width > WIDTH - 8:
        width = canvas.packs[SMALL].text_width(title)
    return width <= WIDTH - _OFFLINE_ROOM


def offline(canvas: object, top: int, ink: int, paper: int) -> None:
    """Paint the icon of a missing link at the right end of a band's height that begins at `top`."""
    canvas.icon(SMALL, _OFFLINE_X, top + (BAND - SMALL) // 2, icons.OFFLINE, ink, paper)


def page(painter: object, args: tuple) -> tuple:
    """Return the region of everything below the band."""
    return (0, BAND, WIDTH, HEIGHT - BAND, painter, args)


def paint_blank(canvas: object, strings: object, args: tuple) -> None:
    """Paint paper from a row on."""
    canvas.fill(0, args[0], WIDTH, HEIGHT, theme.PAGE)


def paint_mark(canvas: object, strings: object, args: tuple) -> None:
    """Paint face and word of a level, all alike; with keys below also number and arrow."""
    key = args[0]
    level, x = 6 - key, (key - 1) * _COLUMN
    middle, paper = x + _COLUMN // 2, theme.LEVELS[level]
    canvas.fill(x, MARKS_TOP, _COLUMN, HEIGHT - MARKS_TOP, theme.PAGE)
    canvas.card(x + _GAP, MARKS_TOP, _COLUMN - 2 * _GAP, _CARD_HIGH, paper)
    face_x = middle - LARGE // 2
    if not TOUCH:
        face_x += 4
        canvas.text(SMALL, x + 7, MARKS_TOP + 3, str(key), theme.ON_LEVEL, paper)
        canvas.icon(SMALL, middle - SMALL // 2, HEIGHT - 17, icons.KEY_BELOW, paper, theme.PAGE)
    canvas.icon(LARGE, face_x, MARKS_TOP + _FACE_Y, icons.FACE + level, theme.ON_LEVEL, paper)
    word = strings["mark_" + str(level)]
    top = MARKS_TOP + _WORD_Y + (0 if "\n" in word else _WORD_PITCH // 2)
    canvas.lines(TINY, middle, top, word, theme.ON_LEVEL, paper, theme.CENTRE, _WORD_PITCH)


# The regions of the five marks, each above its key, and of the paper around the middle: the same wherever marks are.
MARKS = [(i * _COLUMN, MARKS_TOP, _COLUMN, HEIGHT - MARKS_TOP, paint_mark, (i + 1,)) for i in range(5)]
MARKS += [
    (0, BAND, WIDTH, EDGE_Y, paint_blank, (BAND,)),
    (0, MARKS_TOP - EDGE_Y, WIDTH, EDGE_Y, paint_blank, (MARKS_TOP - EDGE_Y,)),
]
