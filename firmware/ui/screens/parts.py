"""Parts that several screens have: the band at the top, and the five marks above the keys.

A screen is a list of regions (x, y, width, height, painter, args). A painter draws its region with what `args` says and
nothing else, so that two regions with the same place, painter and args look the same and need no second painting.
"""

from ui import icons, theme
from ui.strings import LARGE, MIDDLE, SMALL, TINY

WIDTH = 320
HEIGHT = 240
BAND = 46  # px high
MARKS_TOP = 132
_COLUMN = 64  # px: one fifth of the width
_GAP = 2


def seconds_left(until_ms: int, now_ms: int) -> int:
    """Return whole seconds, the running one included."""
    left = until_ms - now_ms
    return (left + 999) // 1000 if left > 0 else 0


def band(title: str, linked: bool) -> tuple:
    """Return the region of the top band with a title."""
    return (0, 0, WIDTH, BAND, paint_band, (title, linked))


def paint_band(canvas: object, strings: object, args: tuple) -> None:
    """Paint the top band; the icon tells that the counter's computer is not there."""
    title, linked = args
    canvas.fill(0, 0, WIDTH, BAND, theme.BAND)
    text = strings[title]
    size = MIDDLE if canvas.packs[MIDDLE].text_width(text) <= WIDTH - 8 else SMALL
    canvas.text(size, WIDTH // 2, (BAND - size) // 2, text, theme.ON_BAND, theme.BAND, theme.CENTRE)
    if not linked and canvas.packs[size].text_width(text) <= WIDTH - 72:
        offline(canvas, 0, theme.ON_BAND_MUTED, theme.BAND)


def offline(canvas: object, top: int, ink: int, paper: int) -> None:
    """Paint the icon of a missing link at the right end of a band's height that begins at `top`."""
    canvas.icon(SMALL, WIDTH - 30, top + (BAND - SMALL) // 2, icons.OFFLINE, ink, paper)


def page(painter: object, args: tuple) -> tuple:
    """Return the region of everything below the band."""
    return (0, BAND, WIDTH, HEIGHT - BAND, painter, args)


def marks() -> tuple:
    """Return the region of the five marks, each above its key."""
    return (0, MARKS_TOP, WIDTH, HEIGHT - MARKS_TOP, paint_marks, ())


def paint_marks(canvas: object, strings: object, args: tuple) -> None:
    """Paint number, face and word of each level, all alike."""
    canvas.fill(0, MARKS_TOP, WIDTH, HEIGHT - MARKS_TOP, theme.PAGE)
    for key in range(1, 6):
        level = 6 - key
        x = (key - 1) * _COLUMN
        paper = theme.LEVELS[level]
        canvas.card(x + _GAP, MARKS_TOP, _COLUMN - 2 * _GAP, HEIGHT - MARKS_TOP - 12, paper)
        canvas.text(SMALL, x + 7, MARKS_TOP + 3, str(key), theme.ON_LEVEL, paper)
        canvas.icon(LARGE, x + (_COLUMN - LARGE) // 2 + 4, MARKS_TOP + 6, icons.FACE + level, theme.ON_LEVEL, paper)
        word = strings["mark_" + str(level)]
        top = MARKS_TOP + 50 if "\n" in word else MARKS_TOP + 60
        canvas.lines(TINY, x + _COLUMN // 2, top, word, theme.ON_LEVEL, paper, theme.CENTRE, 21)
        canvas.icon(SMALL, x + (_COLUMN - SMALL) // 2, HEIGHT - 17, icons.KEY_BELOW, paper, theme.PAGE)
