"""THANKS: the same after every level; another text for who chose not to rate."""

from ui import icons, theme
from ui.layout import UNIT
from ui.screens import parts
from ui.strings import LARGE, SMALL

_DISC = 64 * UNIT // 10
_DISC_Y = 34 * UNIT // 10
_TITLE_Y = 118 * UNIT // 10
_NOTE_Y = 178 * UNIT // 10


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return one region of the whole screen."""
    texts = ("declined", "declined_note") if view["declined"] else ("thanks", "thanks_note")
    return [(0, 0, parts.WIDTH, parts.HEIGHT, paint, texts + (linked,))]


def paint(canvas: object, strings: object, args: tuple) -> None:
    """Paint a tick, the thanks, a note, and the icon of a missing link."""
    middle = parts.WIDTH // 2
    canvas.fill(0, 0, parts.WIDTH, parts.HEIGHT, theme.PAGE)
    canvas.card(middle - _DISC // 2, _DISC_Y, _DISC, _DISC, theme.BAND, _DISC // 2)
    canvas.icon(LARGE, middle - LARGE // 2, _DISC_Y + (_DISC - LARGE) // 2, icons.TICK, theme.ON_BAND, theme.BAND)
    canvas.text(LARGE, middle, _TITLE_Y, strings[args[0]], theme.INK, theme.PAGE, theme.CENTRE)
    canvas.text(SMALL, middle, _NOTE_Y, strings[args[1]], theme.MUTED, theme.PAGE, theme.CENTRE)
    if not args[2]:
        parts.offline(canvas, 0, theme.MUTED, theme.PAGE)
