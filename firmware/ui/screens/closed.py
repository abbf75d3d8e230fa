"""NO_CLERK: nobody serves here now; the notice of the hall, if there is one."""

from ui import theme
from ui.layout import UNIT
from ui.screens import parts
from ui.strings import LARGE

_NOTE_Y = 120 * UNIT // 10


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions."""
    text = view["notice"]
    if text:
        from ui import notice

        return [parts.band("closed", linked, view["hint"]), parts.page(notice.paint, (text,))]
    return [parts.band("closed", linked, view["hint"]), parts.page(paint_closed, ())]


def paint_closed(canvas: object, strings: object, args: tuple) -> None:
    """Paint that it takes a moment."""
    canvas.fill(0, parts.BAND, parts.WIDTH, parts.HEIGHT - parts.BAND, theme.PAGE)
    canvas.text(LARGE, parts.WIDTH // 2, _NOTE_Y, strings["closed_note"], theme.INK, theme.PAGE, theme.CENTRE)
