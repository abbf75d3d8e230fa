"""Reads the staff table that a hall keeps as CSV (csv_table.py): number, name, post, stars, photo."""

import re
from pathlib import Path

import attrs

from host_agent.content import staff
from host_agent.content.staff import Clerk
from host_agent.csv_table import TableKind
from host_agent.errors import ManyUserErrors, UserError

MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS = 5_000
_HEADINGS = {
    "number": ("number", "工号"),
    "name": ("name", "姓名"),
    "post": ("post", "岗位"),
    "stars": ("stars", "星级"),
    "photo": ("photo", "照片"),
}
TABLE = TableKind("staff table", _HEADINGS, ("number", "name"), "clerk", MAX_BYTES)
_STARS = re.compile(r"[0-5]\Z")
# What people type between the parts of a name; the character of GB/T 15834 is U+00B7.
_DOTS = str.maketrans(dict.fromkeys("•‧⋅・･", "·"))


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
    return parse(TABLE.read(path), path)


def parse(text: str, path: Path) -> list[StaffRow]:
    """Return the rows of a table's text; `path` is for the messages.

    :raises UserError: as `read`.
    """
    rows, faults = TABLE.rows(text, path)
    reader = _Rows(path)
    for line, values in rows:
        reader.take(line, values)
    # Told in the order of the lines; what ended the reading came last.
    faults = sorted(reader.faults + faults, key=_line)
    if not faults and not reader.rows:
        faults = [UserError("the staff table names nobody", str(path), "write one row a clerk under the heading")]
    if not faults and len(reader.rows) > MAX_ROWS:
        faults = [UserError(f"more than {MAX_ROWS} clerks", str(path), "import them in parts")]
    if faults:
        raise ManyUserErrors(faults)
    return reader.rows


def _line(fault: UserError) -> int:
    return int(fault.where.rpartition(" ")[2])


class _Rows:
    """Collect good rows and all faults."""

    def __init__(self, path: Path) -> None:
        self.rows: list[StaffRow] = []
        self.faults: list[UserError] = []
        self._path = path
        self._seen: dict[str, int] = {}

    def take(self, line: int, values: dict[str, str]) -> None:
        """Check one row."""
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
