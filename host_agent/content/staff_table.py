"""Reads the staff table that a hall keeps as CSV, strictly: every bad row is named with its line and what to do.

UTF-8 with or without byte order mark, or GB18030 as Chinese spreadsheets save it. Columns number, name, post, stars,
photo, in any order, under English or Chinese headings.
"""

import csv
import io
import re
from pathlib import Path

import attrs

from host_agent.content import staff
from host_agent.content.staff import Clerk
from host_agent.errors import ManyUserErrors, UserError

MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS = 5_000
HEADINGS = {
    "number": ("number", "工号"),
    "name": ("name", "姓名"),
    "post": ("post", "岗位"),
    "stars": ("stars", "星级"),
    "photo": ("photo", "照片"),
}
_NEEDED = ("number", "name")
_STARS = re.compile(r"[0-5]\Z")
# What people type between the parts of a name; the character of GB/T 15834 is U+00B7.
_DOTS = str.maketrans(dict.fromkeys("•‧⋅・･", "·"))
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@attrs.frozen
class StaffRow:
    """Hold one row: the clerk, the photo's file name as written, and the line it stands on."""

    line: int
    clerk: Clerk
    photo: str | None = attrs.field(default=None, repr=False)


def read(path: Path) -> list[StaffRow]:
    """Return the rows, at least one.

    :raises UserError: (ManyUserErrors when there are several) file, line and cure of each fault.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(
            f"cannot read the staff table: {error.strerror or error}", str(path), "check the path and its rights"
        ) from None
    if len(data) > MAX_BYTES:
        raise UserError(f"the staff table is larger than {MAX_BYTES} bytes", str(path), "is this the right file?")
    return parse(_text(data, path), path)


def parse(text: str, path: Path) -> list[StaffRow]:
    """Return the rows of a table's text; `path` is for the messages.

    :raises UserError: as `read`.
    """
    lines, broken = _lines(text, path)
    if not lines:
        raise broken or UserError("the staff table is empty", str(path), "write a heading and one row a clerk")
    columns = _columns(lines[0][1], f"{path} line {lines[0][0]}")
    reader = _Rows(path, columns)
    for line, cells in lines[1:]:
        reader.take(line, cells)
    faults = reader.faults + ([broken] if broken else [])
    if not faults and not reader.rows:
        faults = [UserError("the staff table names nobody", str(path), "write one row a clerk under the heading")]
    if not faults and len(reader.rows) > MAX_ROWS:
        faults = [UserError(f"more than {MAX_ROWS} clerks", str(path), "import them in parts")]
    if faults:
        raise ManyUserErrors(faults)
    return reader.rows


def _text(data: bytes, path: Path) -> str:
    if data.startswith(_UTF16):
        raise UserError("the staff table is UTF-16", str(path), "save it as CSV UTF-8")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError("the staff table is neither UTF-8 nor GB18030", str(path), "save it as CSV UTF-8")


def _lines(text: str, path: Path) -> tuple[list[tuple[int, list[str]]], UserError | None]:
    """Return the rows that are not blank with the line each begins on, and what ended the reading."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((before + 1, [cell.strip() for cell in cells]))
            before = reader.line_num
    except csv.Error as error:
        where = f"{path} line {before + 1}"
        return found, UserError(f"no CSV from here on: {error}", where, "correct the quotation marks of that row")
    return found, None


def _columns(cells: list[str], where: str) -> list[str]:
    """Return the column name of each cell of the heading.

    :raises UserError: unknown, doubled or missing headings.
    """
    known = {heading: name for name, headings in HEADINGS.items() for heading in headings}
    allowed = ", ".join(f"{english} ({chinese})" for english, chinese in HEADINGS.values())
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) == 1 and any(mark in cells[0] for mark in ";\t，"):
        raise UserError("the columns are not separated by commas", where, "save the table as CSV with commas")
    columns, faults = [], []
    for cell in cells:
        name = known.get(cell.casefold())
        if name is None:
            faults.append(UserError(f"unknown heading {cell[:40]!r}", where, f"use {allowed}"))
        elif name in columns:
            faults.append(UserError(f"heading {cell!r} stands twice", where, "remove one of the columns"))
        columns.append(name or "")
    faults += [
        UserError(f"no heading {HEADINGS[name][0]} or {HEADINGS[name][1]}", where, "add that column")
        for name in _NEEDED
        if name not in columns
    ]
    if faults:
        raise ManyUserErrors(faults)
    return columns


class _Rows:
    """Collect good rows and all faults."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self.rows: list[StaffRow] = []
        self.faults: list[UserError] = []
        self._path = path
        self._columns = columns
        self._seen: dict[str, int] = {}

    def take(self, line: int, cells: list[str]) -> None:
        """Read one row."""
        wide = len(self._columns)
        if any(cells[wide:]):
            self._fault(line, f"has {len(cells)} cells, the heading {wide}", "put texts with commas in quotation marks")
            return
        cells = cells[:wide] + [""] * (wide - len(cells))
        values = dict(zip(self._columns, cells, strict=True))
        faults = self._check(line, values)
        for what, cure in faults:
            self._fault(line, what, cure)
        if not faults:
            stars = values.get("stars", "")
            clerk = Clerk(
                values["number"],
                values["name"].translate(_DOTS),
                values.get("post", "").translate(_DOTS),
                int(stars) if stars else None,
            )
            self.rows.append(StaffRow(line, clerk, values.get("photo") or None))

    def _check(self, line: int, values: dict[str, str]) -> list[tuple[str, str]]:
        """Return what is wrong with a row and what to do."""
        faults = []
        number = values["number"]
        if not staff.NUMBER.match(number):
            faults.append((f"number {number[:40]!r} is none", f"write {staff.NUMBER_RULE}"))
        elif self._seen.setdefault(number, line) != line:
            faults.append((f"number {number} stands in line {self._seen[number]} too", "give each clerk one row"))
        if not values["name"]:
            faults.append(("the name is missing", "write it"))
        for key, limit in (("name", staff.MAX_NAME), ("post", staff.MAX_POST)):
            fault = staff.text_fault(values.get(key, ""), limit)
            if fault is not None:
                faults.append((f"{key} {fault}", f"correct or shorten the {key}"))
        if values.get("stars") and not _STARS.match(values["stars"]):
            faults.append((f"stars {values['stars'][:20]!r} is no number from 0 to 5", "write 0 to 5, or nothing"))
        return faults

    def _fault(self, line: int, what: str, cure: str) -> None:
        self.faults.append(UserError(what, f"{self._path} line {line}", cure))
