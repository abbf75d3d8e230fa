"""The label of a terminal: its id as QR code and text, window and board; one as PNG, many as an A4 sheet.

The code says the id alone: a terminal may move to another window, its id never changes.
Sizes are those of A4 sheets with 40 labels of 48.5 × 25.4 mm, see hardware/labels/README.md.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs
import segno

from host_agent import folders
from host_agent.errors import UserError
from host_agent.paper import page

WIDE_MM, HIGH_MM = 48.5, 25.4
COLUMNS, ROWS = 4, 10
LEFT_MM, TOP_MM = 8.0, 21.5
DPI = 300
_PX_MM = DPI / 25.4
_CODE_MM = 19.0
_EDGE_MM = 2.0
# text lines: height of the letters and where they begin, mm from the label's top
_LINES_MM = ((3.0, 4.2), (3.6, 9.6), (2.6, 15.6), (2.6, 19.2))


@attrs.frozen
class Label:
    """What a label says."""

    terminal: str
    centre: str
    window: str
    board: str
    version: str

    def lines(self) -> tuple[str, str, str, str]:
        """Return the lines beside the code."""
        return self.terminal, self.window, self.centre, f"{self.board}  {self.version}"


def png(label: Label) -> bytes:
    """Return one label as a picture of 300 dpi.

    :raises UserError: the extra is not installed.
    """
    page.require()
    import io

    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (round(WIDE_MM * _PX_MM), round(HIGH_MM * _PX_MM)), 255)
    code = _code(label)
    matrix = list(code.matrix)
    step = int(_CODE_MM * _PX_MM / (len(matrix) + 2 * page.QUIET))  # whole dots: a printer's own raster keeps it sharp
    top = (picture.height - step * len(matrix)) // 2
    left = round(_EDGE_MM * _PX_MM) + page.QUIET * step // 2
    draw = ImageDraw.Draw(picture)
    for row, modules in enumerate(matrix):
        for column, dark in enumerate(modules):
            if dark:
                x, y = left + column * step, top + row * step
                draw.rectangle((x, y, x + step - 1, y + step - 1), fill=0)
    text_left = left + step * (len(matrix) + page.QUIET // 2)
    room = picture.width - text_left - round(_EDGE_MM * _PX_MM / 2)
    for (size, at), line in zip(_LINES_MM, label.lines(), strict=True):
        font = ImageFont.truetype(str(page.font_file()), round(size * _PX_MM))
        draw.text((text_left, round(at * _PX_MM)), _fitting(font, line, room), fill=0, font=font, anchor="lt")
    out = io.BytesIO()
    picture.save(out, "PNG", dpi=(DPI, DPI))
    return out.getvalue()


def sheet(labels: Sequence[Label]) -> bytes:
    """Return A4 pages of labels as PDF; the same labels give the same bytes.

    :raises UserError: there is none, or the extra is not installed.
    """
    if not labels:
        raise UserError("there is no label to print", "labels", "finish at least one terminal first")
    paper = page.Page("A4", "labels")
    for number, label in enumerate(labels):
        place = number % (COLUMNS * ROWS)
        if number and not place:
            paper.next()
        x = LEFT_MM + place % COLUMNS * WIDE_MM
        y = TOP_MM + place // COLUMNS * HIGH_MM
        paper.code(x + _EDGE_MM / 2, y + (HIGH_MM - _CODE_MM) / 2, _CODE_MM, label.terminal)
        left = x + _EDGE_MM / 2 + _CODE_MM
        for (size, at), line in zip(_LINES_MM, label.lines(), strict=True):
            paper.text(left, y + at, size, paper.fitting(size, line, x + WIDE_MM - _EDGE_MM / 2 - left))
    return paper.pdf()


def write(folder: Path, label: Label) -> Path:
    """Put one label's picture into a folder; return its path.

    :raises UserError: it cannot be written, or the extra is not installed.
    """
    path = folder / f"{label.terminal}.png"
    data = png(label)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot write the label: {error.strerror or error}", str(path), "check --labels") from None
    return path


def write_sheet(folder: Path, labels: Sequence[Label]) -> Path:
    """Put the sheet of labels into a folder, whole or not at all; return its path.

    :raises UserError: it cannot be written, or as `sheet`.
    """
    path = folder / "labels.pdf"
    data = sheet(labels)
    try:
        folders.make(folder)
        folders.write_private(path, data)
    except OSError as error:
        cure = "close it where it is shown, check --labels, then run the same command again"
        raise UserError(f"cannot write the labels: {error.strerror or error}", str(path), cure) from None
    return path


def _code(label: Label) -> segno.QRCode:
    return segno.make(label.terminal, error="m", micro=False, boost_error=False)


def _fitting(font: object, text: str, room: int) -> str:
    wide = font.getlength  # type: ignore[attr-defined]
    if wide(text) <= room:
        return text
    while text and wide(text + "…") > room:
        text = text[:-1]
    return text + "…"
