"""The screens of the bench, painted whole: each painter fills the strip at hand with what its arguments say."""

from self_test import bench_texts as texts
from ui import theme
from ui.layout import BAND, HEIGHT, STRIP_PIXELS, TOUCH, UNIT, WIDTH
from ui.strings import LARGE, MIDDLE, SMALL

GOOD, BAD = 0x1E7A3C, 0xB3261E
GRID = (4, 3)  # columns and rows of places to touch
ANSWER_TOP = HEIGHT - 64 * UNIT // 10
_ROW = 26 * UNIT // 10
_ROWS = 7  # of each of two columns
_MARGIN = 8 * UNIT // 10
_COLOURS = (0xFF0000, 0x00FF00, 0x0000FF, 0xFFFF00, 0x00FFFF, 0xFF8000, 0xFFFFFF, 0x000000)
_SHADES = 32
_COLOURS_HIGH = HEIGHT // 3
_SHADES_TOP, _SHADES_HIGH = _COLOURS_HIGH, HEIGHT // 4


def show(canvas: object, painter: object, *args: object) -> None:
    """Paint the whole screen, strip by strip."""
    rows = STRIP_PIXELS // WIDTH
    for y in range(0, HEIGHT, rows):
        canvas.begin(0, y, WIDTH, min(rows, HEIGHT - y))
        painter(canvas, *args)
        canvas.flush()


def paint_rows(canvas: object, title: str, colour: int, states: tuple) -> None:
    """Paint the parts with their state, in two columns; `states` are (name, state) in order."""
    _paint_band(canvas, title, colour)
    for i in range(len(states)):
        name, state = states[i]
        x = _MARGIN + i // _ROWS * (WIDTH // 2)
        y = BAND + _MARGIN // 2 + i % _ROWS * _ROW
        ink = GOOD if state == texts.PASSED else BAD if state == texts.FAILED else theme.MUTED
        canvas.text(SMALL, x, y, name, theme.INK, theme.PAGE)
        canvas.text(SMALL, x + WIDTH // 2 - 2 * _MARGIN, y, state, ink, theme.PAGE, theme.RIGHT)


def paint_order(canvas: object, order: str, what: str, note: str) -> None:
    """Paint what to do, and in red what was wrong with it."""
    _paint_band(canvas, texts.TITLE, theme.BAND)
    canvas.text(MIDDLE, WIDTH // 2, BAND + 3 * _MARGIN, order, theme.INK, theme.PAGE, theme.CENTRE)
    canvas.text(LARGE, WIDTH // 2, BAND + 8 * _MARGIN, what, theme.INK, theme.PAGE, theme.CENTRE)
    canvas.text(SMALL, WIDTH // 2, HEIGHT - 4 * _MARGIN, note, BAD, theme.PAGE, theme.CENTRE)


def paint_question(canvas: object, question: str) -> None:
    """Paint a question and how to answer it."""
    _paint_band(canvas, texts.TITLE, theme.BAND)
    canvas.text(MIDDLE, WIDTH // 2, BAND + 5 * _MARGIN, question, theme.INK, theme.PAGE, theme.CENTRE)
    _paint_answers(canvas)


def paint_pattern(canvas: object, question: str) -> None:
    """Paint colours, shades and a border, and ask for them below."""
    canvas.fill(0, 0, WIDTH, HEIGHT, theme.PAGE)
    wide = WIDTH // len(_COLOURS)
    for i in range(len(_COLOURS)):
        canvas.fill(i * wide, 0, wide, _COLOURS_HIGH, _COLOURS[i])
    wide = WIDTH // _SHADES
    for i in range(_SHADES):
        canvas.fill(i * wide, _SHADES_TOP, wide, _SHADES_HIGH, i * 255 // (_SHADES - 1) * 0x010101)
    canvas.text(SMALL, WIDTH // 2, ANSWER_TOP - SMALL - 6, question, theme.INK, theme.PAGE, theme.CENTRE)
    _paint_answers(canvas)
    for x, y, width, height in (
        (0, 0, WIDTH, 2),
        (0, HEIGHT - 2, WIDTH, 2),
        (0, 0, 2, HEIGHT),
        (WIDTH - 2, 0, 2, HEIGHT),
    ):
        canvas.fill(x, y, width, height, 0xFF8000)


def paint_grid(canvas: object, touched: int) -> None:
    """Paint the places to touch, those that were touched in green; bit 0 is the first, row by row."""
    canvas.fill(0, 0, WIDTH, HEIGHT, theme.LINE)
    columns, rows = GRID
    wide, high = WIDTH // columns, HEIGHT // rows
    for i in range(columns * rows):
        paper = GOOD if touched >> i & 1 else theme.PANEL
        canvas.fill(i % columns * wide + 1, i // columns * high + 1, wide - 2, high - 2, paper)
    canvas.text(MIDDLE, WIDTH // 2, (HEIGHT - MIDDLE) // 2, texts.TOUCH_ALL, theme.INK, theme.PANEL, theme.CENTRE)


def place(x: int, y: int) -> int:
    """Return which place of the grid lies at (x, y)."""
    columns, rows = GRID
    return min(y // (HEIGHT // rows), rows - 1) * columns + min(x // (WIDTH // columns), columns - 1)


def answer_at(x: int, y: int) -> bool | None:
    """Return the answer whose field lies at (x, y), None for no field."""
    return None if y < ANSWER_TOP else x < WIDTH // 2


def _paint_band(canvas: object, title: str, colour: int) -> None:
    canvas.fill(0, 0, WIDTH, HEIGHT, theme.PAGE)
    canvas.fill(0, 0, WIDTH, BAND, colour)
    canvas.text(MIDDLE, WIDTH // 2, (BAND - MIDDLE) // 2, title, theme.ON_BAND, colour, theme.CENTRE)


def _paint_answers(canvas: object) -> None:
    """Paint two fields to touch, or which keys to press."""
    if not TOUCH:
        y = ANSWER_TOP + (HEIGHT - ANSWER_TOP - SMALL) // 2
        canvas.fill(0, ANSWER_TOP, WIDTH, HEIGHT - ANSWER_TOP, theme.PANEL)
        canvas.text(SMALL, WIDTH // 2, y, texts.ANSWER_KEYS, theme.INK, theme.PANEL, theme.CENTRE)
        return
    half, high = WIDTH // 2, HEIGHT - ANSWER_TOP
    for x, word, paper in ((0, texts.YES, GOOD), (half, texts.NO, BAD)):
        canvas.fill(x + 4, ANSWER_TOP, half - 8, high - 6, paper)
        canvas.text(
            LARGE, x + half // 2, ANSWER_TOP + (high - 6 - LARGE) // 2, word, theme.ON_BAND, paper, theme.CENTRE
        )
