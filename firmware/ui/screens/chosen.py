"""CHOSEN: the level that was pressed, for two seconds, then only that it is saved; how long it may be changed."""

from ui import icons, theme
from ui.layout import TOUCH, UNIT
from ui.screens import parts
from ui.strings import LARGE, MIDDLE, SMALL

_CARD_X, _CARD_TOP = 6 * UNIT // 10, parts.BAND + parts.EDGE_Y
_CARD_HIGH = parts.MARKS_TOP - parts.EDGE_Y - _CARD_TOP
_GAP = 12 * UNIT // 10
_CHANGE = "chosen_change_touch" if TOUCH else "chosen_change_keys"


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions, the answer to the press first."""
    left = parts.seconds_left(view["until_ms"], now_ms)
    return [
        (0, _CARD_TOP, parts.WIDTH, _CARD_HIGH, paint_level, (view["level"],)),
        (0, 0, parts.WIDTH, parts.BAND, paint_change, (left, linked)),
    ] + parts.MARKS


def paint_level(canvas: object, strings: object, args: tuple) -> None:
    """Paint the level, every one in the same place and size; 0 stands for none."""
    level = args[0]
    canvas.fill(0, _CARD_TOP, parts.WIDTH, _CARD_HIGH, theme.PAGE)
    paper = theme.LEVELS[level] if level else theme.BAND
    text = strings["level_" + str(level)] if level else strings["chosen_hidden"]
    canvas.card(_CARD_X, _CARD_TOP, parts.WIDTH - 2 * _CARD_X, _CARD_HIGH, paper, 8)
    icon = icons.FACE + level if level else icons.TICK
    width = LARGE + _GAP + canvas.packs[LARGE].text_width(text)
    x = (parts.WIDTH - width) // 2
    y = _CARD_TOP + (_CARD_HIGH - LARGE) // 2
    canvas.icon(LARGE, x, y, icon, theme.ON_LEVEL, paper)
    canvas.text(LARGE, x + LARGE + _GAP, y - 1, text, theme.ON_LEVEL, paper)


def paint_change(canvas: object, strings: object, args: tuple) -> None:
    """Paint how long the choice may be changed, and the icon of a missing link."""
    left, linked = args
    canvas.fill(0, 0, parts.WIDTH, parts.BAND, theme.BAND)
    seconds, text = str(left), strings[_CHANGE]
    first = canvas.packs[MIDDLE].text_width(seconds) + 4
    x = (parts.WIDTH - first - canvas.packs[SMALL].text_width(text)) // 2
    canvas.text(MIDDLE, x, (parts.BAND - MIDDLE) // 2 - 1, seconds, theme.ON_BAND, theme.BAND)
    canvas.text(SMALL, x + first, (parts.BAND - SMALL) // 2 + 1, text, theme.ON_BAND, theme.BAND)
    if not linked:
        parts.offline(canvas, 0, theme.ON_BAND_MUTED, theme.BAND)
