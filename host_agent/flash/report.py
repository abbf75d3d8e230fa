"""What became of the fleet: one entry a window, as table, JSON, CSV or HTML."""

import csv
import html
import io
import json
from collections.abc import Mapping
from pathlib import Path

import attrs

from host_agent import folders
from host_agent.errors import UserError
from host_agent.flash import ledger
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.ledger import Ledger, StageRecord
from host_agent.flash.stages_bench import BENCH

WAITING, OUTDATED = "waiting", "outdated"
SUFFIXES = (".csv", ".html", ".json")
_STYLE = (
    "body{font-family:sans-serif}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.3em .6em;"
    "text-align:left}.done{background:#dfd}.failed{background:#fdd}"
)


@attrs.frozen
class Entry:
    """What is told of one window."""

    centre: str
    window: str
    board: str
    state: str  # waiting, or as the ledger names it; outdated: works with another bundle
    terminal: str
    version: str
    uid: str
    stage: str  # the last one
    detail: str
    seconds: float | None  # that the stages of its last run took
    bench: str = ""  # what a person found last who tested it


def entries(book: Ledger, rows: list[FleetRow], versions: Mapping[str, str]) -> list[Entry]:
    """Return the state of each row; `versions` says by board which bundle is wanted."""
    return [_entry(book, row, versions) for row in rows]


def _entry(book: Ledger, row: FleetRow, versions: Mapping[str, str]) -> Entry:
    board = book.at(row.place)
    if board is None:
        return Entry(*row.place, row.board, WAITING, row.terminal or "", "", "", "", "no board yet", None)
    stages = book.stages(board.uid)
    last = stages[-1] if stages else None
    state = board.state
    if state == ledger.DONE and board.version != versions.get(row.board, board.version):
        state = OUTDATED
    if last is None:
        return Entry(*row.place, row.board, state, board.terminal or "", "", board.uid, "", "", None)
    detail = last.detail or ("cut off in its midst" if last.result is None else last.result)
    text = (board.terminal or "", board.version or "", board.uid, last.stage, detail)
    return Entry(*row.place, row.board, state, *text, _seconds(stages, last.run), _bench(stages))


def _bench(stages: list[StageRecord]) -> str:
    last = next((stage for stage in reversed(stages) if stage.stage == BENCH), None)
    return "" if last is None else last.detail or "broken off"


def _seconds(stages: list[StageRecord], run: int) -> float:
    own = [stage for stage in stages if stage.run == run]
    spent = [stage.ended_utc_ms - stage.began_utc_ms for stage in own if stage.ended_utc_ms is not None]
    return round(sum(spent) / 1000, 1)


def text(found: list[Entry]) -> str:
    """Return the table for a terminal window."""
    lines = [
        f"{one.centre}/{one.window}  {one.board}  {one.state:8}  {one.terminal or '-'}  {one.detail}" for one in found
    ]
    done = sum(one.state == ledger.DONE for one in found)
    return "\n".join([*lines, f"{done} of {len(found)} windows done"])


def as_json(found: list[Entry]) -> str:
    """Return one JSON array."""
    return json.dumps([attrs.asdict(one) for one in found], ensure_ascii=False)


def write(path: Path, found: list[Entry]) -> None:
    """Write the report as its name says.

    :raises UserError: the name says nothing, or it cannot be written.
    """
    make = {".csv": _csv, ".html": _html, ".json": lambda rows: as_json(rows) + "\n"}.get(path.suffix)
    if make is None:
        raise UserError("a report is CSV, HTML or JSON", str(path), f"end its name with {', '.join(SUFFIXES)}")
    encoding = "utf-8-sig" if path.suffix == ".csv" else "utf-8"  # by the mark a spreadsheet knows the encoding
    try:
        folders.make(path.parent)
        path.write_text(make(found), encoding=encoding, newline="")
    except OSError as error:
        raise UserError(f"cannot write the report: {error.strerror or error}", str(path), "check --report") from None


def _csv(found: list[Entry]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([field.name for field in attrs.fields(Entry)])
    # A cell that begins like a formula is text: a window's name must not become one.
    for one in found:
        cells = ["" if value is None else str(value) for value in attrs.astuple(one)]
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in cells])
    return out.getvalue()


def _html(found: list[Entry]) -> str:
    names = [field.name for field in attrs.fields(Entry)]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for one in found:
        cells = "".join(f"<td>{html.escape('' if value is None else str(value))}</td>" for value in attrs.astuple(one))
        rows.append(f'<tr class="{one.state}">{cells}</tr>')
    body = "\n".join(rows)
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>yiping flash</title><style>{_STYLE}</style>'
        f"<table><tr>{head}</tr>\n{body}</table></html>\n"
    )
