"""A page to be printed: Chinese text with its font inside, codes as squares, and the same bytes for the same content.

Millimetres throughout. The font is Noto Sans SC (OFL); only the characters used are put into a file.
"""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import segno

from host_agent.errors import UserError

if TYPE_CHECKING:
    pass

EXTRA = "install yiping[paper] on this PC"
_FONT_PACKAGE, _FONT_FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"
_FAMILY = "noto"
QUIET = 4  # modules around a code, ISO/IEC 18004 section 5.3.8
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # the same content gives the same file on any day
_PT_MM = 72 / 25.4


class Page:
    """One sheet, portrait; (0, 0) is its top left corner."""

    def __init__(self, sheet: str, title: str) -> None:
        """Begin a sheet, "A4" or "A5".

        :raises UserError: the extra is not installed.
        """
        require()
        from fpdf import FPDF

        self._pdf: FPDF = FPDF(format=sheet)
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.set_creation_date(_NO_TIME)
        self._pdf.set_title(title)
        self._pdf.add_font(_FAMILY, fname=str(font_file()))
        self._pdf.add_page()
        self.width, self.height = self._pdf.w, self._pdf.h

    def next(self) -> None:
        """Go on with a new sheet of the same size."""
        self._pdf.add_page()

    def text(self, x: float, y: float, size: float, text: str, align: str = "L", shade: int = 0) -> None:
        """Write a line, its capitals `size` mm high or so, its top at `y`; `x` is its left end, middle or right end."""
        self._pdf.set_font(_FAMILY, size=size * _PT_MM)
        self._pdf.set_text_color(shade)
        if align != "L":
            wide = self.wide(size, text)
            x -= wide if align == "R" else wide / 2
        self._pdf.text(x, y + size * 0.88, text)

    def wide(self, size: float, text: str) -> float:
        """Return how wide a line is, mm."""
        self._pdf.set_font(_FAMILY, size=size * _PT_MM)
        return self._pdf.get_string_width(text)

    def fitting(self, size: float, text: str, room: float) -> str:
        """Return the text, or its beginning with an ellipsis, that is no wider than `room` mm."""
        if self.wide(size, text) <= room:
            return text
        while text and self.wide(size, text + "…") > room:
            text = text[:-1]
        return text + "…"

    def box(self, x: float, y: float, wide: float, high: float, line: float = 0.3) -> None:
        """Draw a frame."""
        self._pdf.set_line_width(line)
        self._pdf.set_draw_color(0)
        self._pdf.rect(x, y, wide, high)

    def line(self, x: float, y: float, to_x: float, shade: int = 0) -> None:
        """Draw a level line to write on."""
        self._pdf.set_line_width(0.2)
        self._pdf.set_draw_color(shade)
        self._pdf.line(x, y, to_x, y)

    def code(self, x: float, y: float, side: float, address: str) -> None:
        """Draw a QR code with its quiet zone in a square of `side` mm."""
        matrix = segno.make(address, error="m", micro=False, boost_error=False).matrix
        step = side / (len(matrix) + 2 * QUIET)
        self._pdf.set_fill_color(0)
        for row, modules in enumerate(matrix):
            for first, count in _runs(modules):
                left, top = x + (QUIET + first) * step, y + (QUIET + row) * step
                # A hair more than a module, so that no printer leaves white lines between the rows.
                self._pdf.rect(left, top, count * step, step * 1.02, style="F")

    def pdf(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())


def require() -> None:
    """See that pages can be made here.

    :raises UserError: the extra is not installed.
    """
    if importlib.util.find_spec("fpdf") is None:
        raise UserError("nothing to make PDF files with is installed", "paper", EXTRA)
    font_file()


def _runs(modules: Any) -> list[tuple[int, int]]:
    """Return (first, count) of each run of dark modules in a row."""
    found, start = [], None
    for index, dark in enumerate([*modules, 0]):
        if dark and start is None:
            start = index
        elif not dark and start is not None:
            found.append((start, index - start))
            start = None
    return found


def font_file() -> Path:
    """Return the font's file.

    :raises UserError: the extra is not installed.
    """
    spec = importlib.util.find_spec(_FONT_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError("no font for Chinese text is installed", "paper", EXTRA)
    return Path(spec.origin).parent / _FONT_FILE
