"""Reads a table that people keep as CSV, strictly: every bad row is named with its line and what to do.

UTF-8 with or without byte order mark, or GB18030 as Chinese spreadsheets save it; columns in any order, under English
or Chinese headings; blank rows do not count.
"""

import csv
import io
from pathlib import Path

import attrs

from host_agent.errors import ManyUserErrors, UserError

_UTF16 = (b"\xff\xfe", b"\xfe\xff")

Rows = list[tuple[int, dict[str, str]]]


@attrs.frozen
class TableKind:
    """Say what a table is called and what stands in it."""

    name: str  # "staff table"
    headings: dict[str, tuple[str, str]]  # column → its English and its Chinese heading
    needed: tuple[str, ...]
    row_word: str  # "clerk": there is one row for each
    max_bytes: int = 4 * 1024 * 1024

    def read(self, path: Path) -> str:
        """Return the text of a file.

        :raises UserError: it cannot be read, is too large, or in another encoding.
        """
        try:
            with path.open("rb") as file:
                data = file.read(self.max_bytes + 1)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"cannot read the {self.name}: {reason}", str(path), "check the path and its rights"
            ) from None
        if len(data) > self.max_bytes:
            raise UserError(
                f"the {self.name} is larger than {self.max_bytes} bytes", str(path), "is this the right file?"
            )
        return self.text(data, path)

    def text(self, data: bytes, path: Path) -> str:
        """Return the text of a file's bytes.

        :raises UserError: it is in another encoding.
        """
        if data.startswith(_UTF16):
            raise UserError(f"the {self.name} is UTF-16", str(path), "save it as CSV UTF-8")
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise UserError(f"the {self.name} is neither UTF-8 nor GB18030", str(path), "save it as CSV UTF-8")

    def rows(self, text: str, path: Path) -> tuple[Rows, list[UserError]]:
        """Return line and cells by column of each row that can be read, and what is wrong with the others.

        :raises UserError: the heading is missing or wrong.
        """
        lines, broken = _lines(text, path)
        if not lines:
            cure = f"write a heading and one row a {self.row_word}"
            raise broken or UserError(f"the {self.name} is empty", str(path), cure)
        columns = self._columns(lines[0][1], f"{path} line {lines[0][0]}")
        found: Rows = []
        faults: list[UserError] = []
        wide = len(columns)
        for line, cells in lines[1:]:
            if any(cells[wide:]):
                what = f"has {len(cells)} cells, the heading {wide}"
                faults.append(UserError(what, f"{path} line {line}", "put texts with commas in quotation marks"))
                continue
            cells = cells[:wide] + [""] * (wide - len(cells))
            found.append((line, dict(zip(columns, cells, strict=True))))
        return found, faults + ([broken] if broken else [])

    def _columns(self, cells: list[str], where: str) -> list[str]:
        """Return the column name of each cell of the heading.

        :raises UserError: unknown, doubled or missing headings.
        """
        known = {heading: name for name, headings in self.headings.items() for heading in headings}
        allowed = ", ".join(f"{english} ({chinese})" for english, chinese in self.headings.values())
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
            UserError(f"no heading {self.headings[name][0]} or {self.headings[name][1]}", where, "add that column")
            for name in self.needed
            if name not in columns
        ]
        if faults:
            raise ManyUserErrors(faults)
        return columns


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
