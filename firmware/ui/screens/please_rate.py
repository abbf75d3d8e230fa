"""INVITED: the request, how to answer it or not, the time left, and the five marks above the keys."""

from ui import icons, theme
from ui.screens import parts
from ui.strings import LARGE, SMALL

_TOP = parts.BAND
_HIGH = parts.MARKS_TOP - parts.BAND
_CLOCK_X = 212


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions, the request first."""
    left = parts.seconds_left(view["until_ms"], now_ms)
    return [
        parts.band("invite_title", linked),
        parts.marks(),
        (0, _TOP, _CLOCK_X, _HIGH, paint_how, ()),
        (_CLOCK_X, _TOP, parts.WIDTH - _CLOCK_X, _HIGH, paint_clock, (left, linked)),
    ]


def paint_how(canvas: object, strings: object, args: tuple) -> None:
    """Paint how to rate, and how not to."""
    canvas.fill(0, _TOP, _CLOCK_X, _HIGH, theme.PAGE)
    canvas.text(SMALL, 12, _TOP + 18, strings["invite_how"], theme.INK, theme.PAGE)
    canvas.text(SMALL, 12, _TOP + 48, strings["invite_decline"], theme.MUTED, theme.PAGE)


def paint_clock(canvas: object, strings: object, args: tuple) -> None:
    """Paint the seconds left, and the icon of a missing link."""
    left, linked = args
    canvas.fill(_CLOCK_X, _TOP, parts.WIDTH - _CLOCK_X, _HIGH, theme.PAGE)
    right = parts.WIDTH - 12
    canvas.text(SMALL, right, _TOP + 36, strings["seconds"], theme.MUTED, theme.PAGE, theme.RIGHT)
    canvas.text(LARGE, right - SMALL - 2, _TOP + 21, str(left), theme.INK, theme.PAGE, theme.RIGHT)
    if not linked:
        canvas.icon(SMALL, right - SMALL, _TOP + 8, icons.OFFLINE, theme.MUTED, theme.PAGE)
