"""THANKS: the same after every level; another text for who chose not to rate."""

from ui import icons, qr, theme
from ui.layout import UNIT
from ui.screens import parts, scan_code
from ui.strings import LARGE, SMALL

_DISC = 64 * UNIT // 10
_DISC_Y = 34 * UNIT // 10
_TITLE_Y = 118 * UNIT // 10
_NOTE_Y = 178 * UNIT // 10
_NOTE_TOP = 174 * UNIT // 10


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions: the thanks, and below them a note; or beside the thanks the code for a text."""
    texts = ("declined", "declined_note") if view["declined"] else ("thanks", "thanks_note")
    bits = qr.unpack(view["qr"])
    if bits is not None:
        return [parts.band(texts[0], linked), parts.page(scan_code.paint_code, ("text_code", None, 0, None, bits))]
    return [
        (0, 0, parts.WIDTH, _NOTE_TOP, paint_title, (texts[0], linked)),
        (0, _NOTE_TOP, parts.WIDTH, parts.HEIGHT - _NOTE_TOP, paint_note, (texts[1],)),
    ]


def paint_title(canvas: object, strings: object, args: tuple) -> None:
    """Paint a tick, the thanks, and the icon of a missing link."""
    middle = parts.WIDTH // 2
    canvas.fill(0, 0, parts.WIDTH, parts.HEIGHT, theme.PAGE)
    canvas.card(middle - _DISC // 2, _DISC_Y, _DISC, _DISC, theme.BAND, _DISC // 2)
    canvas.icon(LARGE, middle - LARGE // 2, _DISC_Y + (_DISC - LARGE) // 2, icons.TICK, theme.ON_BAND, theme.BAND)
    canvas.text(LARGE, middle, _TITLE_Y, strings[args[0]], theme.INK, theme.PAGE, theme.CENTRE)
    if not args[1]:
        parts.offline(canvas, 0, theme.MUTED, theme.PAGE)


def paint_note(canvas: object, strings: object, args: tuple) -> None:
    """Paint the note below the thanks."""
    canvas.fill(0, _NOTE_TOP, parts.WIDTH, parts.HEIGHT - _NOTE_TOP, theme.PAGE)
    canvas.text(SMALL, parts.WIDTH // 2, _NOTE_Y, strings[args[0]], theme.MUTED, theme.PAGE, theme.CENTRE)
