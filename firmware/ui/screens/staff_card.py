"""IDLE and SERVING: who serves here, the ticket that was called, and for a while the code of the last rating."""

from ui import card_file, icons, qr, theme
from ui.layout import PICTURE, UNIT
from ui.screens import parts
from ui.strings import MIDDLE, SMALL, TINY

_STARS = 5
_PORTRAIT_X, _PORTRAIT_WIDE, _PORTRAIT_HIGH = 14 * UNIT // 10, 104 * UNIT // 10, 134 * UNIT // 10
_TEXT_X = 134 * UNIT // 10
_NAME_Y, _NUMBER_Y, _POST_Y, _STARS_Y = 3 * UNIT // 10, 45 * UNIT // 10, 76 * UNIT // 10, 110 * UNIT // 10
_STAR_STEP = SMALL + 6 * UNIT // 10
_CARD_HIGH = 150 * UNIT // 10
_FOOT_TOP = parts.BAND + _CARD_HIGH
_FOOT_HIGH = parts.HEIGHT - _FOOT_TOP


def regions(view: dict, now_ms: int, linked: bool) -> list:
    """Return the regions: welcome, card, ticket."""
    clerk = view["clerk"] or {}
    ticket = view["ticket"]
    stars = clerk.get("stars", 0)
    if type(stars) is not int or not 0 <= stars <= _STARS:
        stars = 0
    who = (str(clerk.get("name", "")), str(clerk.get("number", "")), str(clerk.get("post", "")), stars)
    card = view.get("card")
    code = qr.unpack(view["qr"])
    if ticket is None:
        return [
            parts.band("welcome", linked, view["hint"]),
            parts.page(paint_card, (parts.HEIGHT - parts.BAND, who, card, code)),
        ]
    return [
        parts.band("serving", linked, view["hint"]),
        (0, parts.BAND, parts.WIDTH, _CARD_HIGH, paint_card, (_CARD_HIGH, who, card, code)),
        (0, _FOOT_TOP, parts.WIDTH, _FOOT_HIGH, paint_ticket, (ticket,)),
    ]


def paint_card(canvas: object, strings: object, args: tuple) -> None:
    """Paint the rendered card, or where there is no sound one portrait, name, number, post and stars."""
    high, (name, number, post, stars), card, code = args
    top = parts.BAND + (high - _PORTRAIT_HIGH) // 2
    canvas.fill(0, parts.BAND, parts.WIDTH, high, theme.PAGE)
    if card is not None and code is None:
        if card_file.paint(canvas, card, parts.WIDTH, _PORTRAIT_HIGH, top):
            return
        canvas.fill(0, parts.BAND, parts.WIDTH, high, theme.PAGE)  # over what a file that broke off has left
    if code is None:
        canvas.card(_PORTRAIT_X, top, _PORTRAIT_WIDE, _PORTRAIT_HIGH, theme.LINE)
        _paint_person(canvas, top + _PORTRAIT_HIGH - PICTURE)
    else:
        _paint_code(canvas, strings, top, code)
    room = parts.WIDTH - _TEXT_X - 8
    middle, small = canvas.packs[MIDDLE], canvas.packs[SMALL]
    canvas.text(MIDDLE, _TEXT_X, top + _NAME_Y, middle.fitting(name, room), theme.INK, theme.PAGE)
    text = strings["number"] + " " + number
    canvas.text(SMALL, _TEXT_X, top + _NUMBER_Y, small.fitting(text, room), theme.MUTED, theme.PAGE)
    canvas.text(SMALL, _TEXT_X, top + _POST_Y, small.fitting(post, room), theme.MUTED, theme.PAGE)
    for i in range(_STARS if stars else 0):
        code, ink = (icons.STAR, theme.STAR) if i < stars else (icons.STAR_EMPTY, theme.STAR_EMPTY)
        canvas.icon(SMALL, _TEXT_X - 1 + i * _STAR_STEP, top + _STARS_Y, code, ink, theme.PAGE)


def _paint_code(canvas: object, strings: object, top: int, code: tuple) -> None:
    """Paint the code for a text in the portrait's place, and what it is for."""
    side, bits = code
    step = min(_PORTRAIT_WIDE - 8, _PORTRAIT_HIGH - 2 * TINY - 8) // (side + 2)
    canvas.card(_PORTRAIT_X, top, _PORTRAIT_WIDE, _PORTRAIT_HIGH, theme.PANEL)
    margin = (_PORTRAIT_WIDE - step * side) // 2
    canvas.squares(_PORTRAIT_X + margin, top + step + 2, step, side, bits)
    middle, y = _PORTRAIT_X + _PORTRAIT_WIDE // 2, top + _PORTRAIT_HIGH - 2 * TINY - TINY // 3
    canvas.lines(TINY, middle, y, strings["text_code"], theme.INK, theme.PANEL, theme.CENTRE, TINY)


def _paint_person(canvas: object, y: int) -> None:
    """Paint the figure that stands in for a portrait."""
    x = _PORTRAIT_X + (_PORTRAIT_WIDE - PICTURE) // 2
    slice_high = PICTURE // icons.PERSON_ROWS
    for row in range(icons.PERSON_ROWS):
        canvas.icon(PICTURE, x, y + row * slice_high, icons.PERSON + row, theme.PANEL, theme.LINE)


def paint_ticket(canvas: object, strings: object, args: tuple) -> None:
    """Paint the ticket that was called."""
    canvas.fill(0, _FOOT_TOP, parts.WIDTH, _FOOT_HIGH, theme.PANEL)
    canvas.fill(0, _FOOT_TOP, parts.WIDTH, 1, theme.LINE)
    text = canvas.packs[MIDDLE].fitting(strings["ticket"] + " " + args[0], parts.WIDTH - 16)
    y = _FOOT_TOP + (_FOOT_HIGH - MIDDLE) // 2
    canvas.text(MIDDLE, parts.WIDTH // 2, y, text, theme.INK, theme.PANEL, theme.CENTRE)
