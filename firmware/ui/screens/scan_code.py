"""UNRATED, NOT_INVITED, PAUSED, FULL, UPDATING and FAULT: what is the matter, and the code to scan instead."""

from ui import qr, theme
from ui.layout import UNIT
from ui.screens import parts
from ui.strings import MIDDLE, SMALL

_PANEL_X = 9 * UNIT // 10
_PANEL_Y = parts.BAND + _PANEL_X
_PANEL = parts.HEIGHT - parts.BAND - 2 * _PANEL_X  # px of a side
_TEXT_X = (_PANEL_X + _PANEL + parts.WIDTH) // 2
_MIDDLE_PITCH, _SMALL_PITCH, _NOTE_PITCH = 42 * UNIT // 10, 30 * UNIT // 10, 27 * UNIT // 10
# The text alone, and above a note.
_ALONE_Y, _ABOVE_Y, _BELOW_Y = 98 * UNIT // 10, 76 * UNIT // 10, 196 * UNIT // 10
_CODE_ALONE_Y, _CODE_ABOVE_Y, _CODE_BELOW_Y = 118 * UNIT // 10, 68 * UNIT // 10, 146 * UNIT // 10


def unrated(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions after a timeout: it may still be rated."""
    return _regions(view, linked, "unrated", "unrated_code", "unrated_no_code", None)


def not_invited(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions after a press that nobody asked for."""
    return _regions(view, linked, "not_invited", "not_invited_code", "scan_no_code", None, not linked)


def paused(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions of a window that pauses."""
    return _regions(view, linked, "paused", "scan_code", "scan_no_code", None)


def full(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions of a terminal without room."""
    return _regions(view, linked, "paused", "scan_code", "scan_no_code", "full_note")


def updating(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions while the terminal's program is exchanged."""
    return _regions(view, linked, "updating", "scan_code", "scan_no_code", "updating_note")


def fault(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions of a terminal that must be looked after."""
    return _regions(view, linked, "paused", "scan_code", "scan_no_code", "fault_note")


def _regions(
    view: dict, linked: bool, title: str, with_code: str, no_code: str, note: str | None, mark: bool = False
) -> list:
    """Return band and page; `mark` has the page show the missing link, if the title leaves the band no room."""
    marked = title if mark else None
    bits = qr.unpack(view["qr"])
    why = view.get("why", 0)
    if bits is None:
        return [parts.band(title, linked), parts.page(paint_text, (no_code, note, why, marked))]
    return [parts.band(title, linked), parts.page(paint_code, (with_code, note, why, marked, bits))]


def paint_text(canvas: object, strings: object, args: tuple) -> None:
    """Paint where to find a code."""
    no_code, note, why, mark = args
    canvas.fill(0, parts.BAND, parts.WIDTH, parts.HEIGHT - parts.BAND, theme.PAGE)
    y = _ALONE_Y if note is None else _ABOVE_Y
    canvas.lines(MIDDLE, parts.WIDTH // 2, y, strings[no_code], theme.INK, theme.PAGE, theme.CENTRE, _MIDDLE_PITCH)
    if note is not None:
        text = _note(strings, note, why, " ")
        canvas.text(SMALL, parts.WIDTH // 2, _BELOW_Y, text, theme.MUTED, theme.PAGE, theme.CENTRE)
    if mark is not None and not parts.has_room(canvas, strings[mark]):
        parts.offline(canvas, parts.BAND, theme.MUTED, theme.PAGE)


def paint_code(canvas: object, strings: object, args: tuple) -> None:
    """Paint the code on white, with its quiet zone, and what it is for."""
    with_code, note, why, mark, (side, bits) = args
    canvas.fill(0, parts.BAND, parts.WIDTH, parts.HEIGHT - parts.BAND, theme.PAGE)
    canvas.card(_PANEL_X, _PANEL_Y, _PANEL, _PANEL, theme.PANEL)
    step = _PANEL // (side + 2 * qr.QUIET)
    margin = (_PANEL - step * side) // 2
    canvas.squares(_PANEL_X + margin, _PANEL_Y + margin, step, side, bits)
    y = _CODE_ALONE_Y if note is None else _CODE_ABOVE_Y
    canvas.lines(SMALL, _TEXT_X, y, strings[with_code], theme.INK, theme.PAGE, theme.CENTRE, _SMALL_PITCH)
    if note is not None:
        text = _note(strings, note, why, "\n")
        canvas.lines(SMALL, _TEXT_X, _CODE_BELOW_Y, text, theme.MUTED, theme.PAGE, theme.CENTRE, _NOTE_PITCH)
    if mark is not None and not parts.has_room(canvas, strings[mark]):
        parts.offline(canvas, parts.BAND, theme.MUTED, theme.PAGE)


def _note(strings: object, note: str, why: int, join: str) -> str:
    """Return the note for the technician, with the code of the fault."""
    text = strings[note].replace("\n", join)
    return text + join + strings["code"] + " " + str(why) if why else text
