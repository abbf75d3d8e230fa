"""OFFER: thanks, the same after every level, and how to say more."""

from ui import theme
from ui.layout import UNIT
from ui.screens import parts, thanks
from ui.strings import MIDDLE, SMALL

_LINE_Y = parts.HEIGHT - 62 * UNIT // 10
_LINE_HIGH = parts.HEIGHT - _LINE_Y


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions: thanks, and the way on with the seconds left for it."""
    left = parts.seconds_left(view["until_ms"], now_ms)
    return [
        (0, 0, parts.WIDTH, _LINE_Y, thanks.paint_title, ("thanks", linked)),
        (0, _LINE_Y, parts.WIDTH, _LINE_HIGH, paint_way, (left,)),
    ]


def paint_way(canvas: object, strings: object, args: tuple) -> None:
    """Paint how to go on, and how long."""
    canvas.fill(0, _LINE_Y, parts.WIDTH, _LINE_HIGH, theme.PANEL)
    canvas.fill(0, _LINE_Y, parts.WIDTH, 1, theme.LINE)
    text, seconds = strings["offer_note"], str(args[0])
    small, middle = canvas.packs[SMALL], canvas.packs[MIDDLE]
    gap = SMALL
    x = (parts.WIDTH - small.text_width(text) - gap - middle.text_width(seconds)) // 2
    canvas.text(SMALL, x, _LINE_Y + (_LINE_HIGH - SMALL) // 2, text, theme.INK, theme.PANEL)
    x += small.text_width(text) + gap
    canvas.text(MIDDLE, x, _LINE_Y + (_LINE_HIGH - MIDDLE) // 2 - 1, seconds, theme.INK, theme.PANEL)
