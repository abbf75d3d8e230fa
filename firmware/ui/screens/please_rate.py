"""INVITED: the request, how to answer it or not, the time left, and the five marks above the keys."""

from ui import icons, theme
from ui.layout import TOUCH, UNIT
from ui.screens import parts
from ui.strings import LARGE, SMALL

_TOP = parts.BAND
_BOX_TOP = _TOP + parts.EDGE_Y
_HIGH = parts.MARKS_TOP - parts.EDGE_Y - _BOX_TOP
_CLOCK_X = parts.WIDTH - 108 * UNIT // 10
_LEFT = 12 * UNIT // 10
_HOW_Y = _TOP + 18 * UNIT // 10
_DECLINE_Y = _TOP + 48 * UNIT // 10
_SECONDS_Y = _TOP + 36 * UNIT // 10
_LEFT_Y = _TOP + 21 * UNIT // 10
_OFFLINE_Y = _BOX_TOP
_HOW = "invite_how_touch" if TOUCH else "invite_how_keys"


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions, the request first."""
    left = parts.seconds_left(view["until_ms"], now_ms)
    return [
        parts.band("invite_title", linked),
        how_region("stuck_note", None) if view["stuck"] else how_region(_HOW, "invite_decline"),
        clock_region(left, linked),
    ] + parts.MARKS


def how_region(first: str, second: str | None) -> tuple:
    """Return the region with what to do: one text, or two."""
    return (0, _BOX_TOP, _CLOCK_X, _HIGH, paint_how, (first, second))


def clock_region(left: int, linked: bool) -> tuple:
    """Return the region with the seconds left."""
    return (_CLOCK_X, _BOX_TOP, parts.WIDTH - _CLOCK_X, _HIGH, paint_clock, (left, linked))


def paint_how(canvas: object, strings: object, args: tuple) -> None:
    """Paint what to do, and below it how not to."""
    first, second = args
    canvas.fill(0, _BOX_TOP, _CLOCK_X, _HIGH, theme.PAGE)
    canvas.lines(SMALL, _LEFT, _HOW_Y, strings[first], theme.INK, theme.PAGE, theme.LEFT, _DECLINE_Y - _HOW_Y)
    if second is not None:
        canvas.text(SMALL, _LEFT, _DECLINE_Y, strings[second], theme.MUTED, theme.PAGE)


def paint_clock(canvas: object, strings: object, args: tuple) -> None:
    """Paint the seconds left, and the icon of a missing link."""
    left, linked = args
    canvas.fill(_CLOCK_X, _BOX_TOP, parts.WIDTH - _CLOCK_X, _HIGH, theme.PAGE)
    right = parts.WIDTH - _LEFT
    unit = strings["seconds"]
    canvas.text(SMALL, right, _SECONDS_Y, unit, theme.MUTED, theme.PAGE, theme.RIGHT)
    canvas.text(
        LARGE, right - canvas.packs[SMALL].text_width(unit) - 3, _LEFT_Y, str(left), theme.INK, theme.PAGE, theme.RIGHT
    )
    if not linked:
        canvas.icon(SMALL, right - SMALL, _OFFLINE_Y, icons.OFFLINE, theme.MUTED, theme.PAGE)
