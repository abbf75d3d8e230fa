"""Reads the fleet: which window gets which terminal, one row each (csv_table.py)."""

from pathlib import Path

import attrs

from host_agent.csv_table import TableKind
from host_agent.errors import ManyUserErrors, UserError
from host_agent.flash.chips import BOARDS
from host_agent.provision import identity
from host_agent.provision.record import LINKS
from host_agent.provision.registry import PLACE_FORM

MAX_ROWS = 5_000
TABLE = TableKind(
    "fleet table",
    {
        "centre": ("centre", "中心"),
        "window": ("window", "窗口"),
        "board": ("board", "型号"),
        "terminal": ("terminal", "终端编号"),
        "reveal_level": ("reveal_level", "告知等级"),
        "link": ("link", "连接"),
    },
    ("centre", "window", "board"),
    "window",
)
# What is handed to people who begin: the headings in Chinese and two windows.
TEMPLATE = """\
中心,窗口,型号,终端编号,告知等级,连接
C01,W01,k5,,否,usb
C01,W02,t35,,否,usb
"""
_YES, _NO = ("yes", "true", "1", "是"), ("", "no", "false", "0", "否")


@attrs.frozen
class FleetRow:
    """One window to be given a terminal; without `terminal` it gets the next free id."""

    line: int
    centre: str
    window: str
    board: str
    terminal: str | None = None
    reveal_level: bool = False
    link: str = "usb"

    @property
    def place(self) -> tuple[str, str]:
        """Return centre and window, which name the row."""
        return self.centre, self.window


def read(path: Path) -> list[FleetRow]:
    """Return the rows, at least one.

    :raises UserError: (ManyUserErrors when there are several) file, line and cure of each fault.
    """
    return parse(TABLE.read(path), path)


def parse(text: str, path: Path) -> list[FleetRow]:
    """Return the rows of a table's text; `path` is for the messages.

    :raises UserError: as `read`.
    """
    rows, faults = TABLE.rows(text, path)
    found: list[FleetRow] = []
    seen: dict[tuple[str, ...], int] = {}
    for line, values in rows:
        where = f"{path} line {line}"
        wrong = _faults(line, values, where, seen)
        faults += wrong
        if not wrong:
            reveal, link = values.get("reveal_level", "").casefold(), values.get("link", "") or "usb"
            terminal = values.get("terminal") or None
            place = (values["centre"], values["window"], values["board"])
            found.append(FleetRow(line, *place, terminal, reveal in _YES, link))
    if not faults and not found:
        faults = [UserError("the fleet table names no window", str(path), "write one row a window under the heading")]
    if not faults and len(found) > MAX_ROWS:
        faults = [UserError(f"more than {MAX_ROWS} windows", str(path), "flash them in parts")]
    if faults:
        raise ManyUserErrors(sorted(faults, key=_line))
    return found


def _faults(line: int, values: dict[str, str], where: str, seen: dict[tuple[str, ...], int]) -> list[UserError]:
    """Return all that is wrong with a row; `seen` remembers on which line a window or a terminal stood first."""
    faults = []
    for name in ("centre", "window"):
        if not PLACE_FORM.fullmatch(values[name]):
            faults.append(
                UserError(f"{name} {values[name]!r} cannot be", where, "give 1 to 64 characters without / + #")
            )
    for name, known in (("board", tuple(BOARDS)), ("link", LINKS)):
        value = values.get(name, "") or ("usb" if name == "link" else "")
        if value not in known:
            faults.append(UserError(f"there is no {name} {value!r}", where, f"write one of: {', '.join(known)}"))
    if values.get("reveal_level", "").casefold() not in (*_YES, *_NO):
        cure = "write 是 or 否 (yes or no)"
        faults.append(UserError(f"reveal_level {values['reveal_level']!r} is neither yes nor no", where, cure))
    terminal = values.get("terminal", "")
    if terminal:
        try:
            identity.check(terminal, where)
        except UserError as error:
            faults.append(error)
    for key, what in (
        ((values["centre"], values["window"]), f"window {values['centre']}/{values['window']}"),
        ((terminal,), f"terminal {terminal}"),
    ):
        if all(key) and seen.setdefault(key, line) != line:
            faults.append(UserError(f"{what} stands in line {seen[key]} too", where, "keep one of the rows"))
    return faults


def _line(fault: UserError) -> int:
    return int(fault.where.rpartition(" ")[2])
