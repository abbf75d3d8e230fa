"""Tag tables: which tags explain which level, as terminals show them and as evidence names them.

Stored form: deterministic CBOR of an array of rows [code, dimension, core, retired, text] in the order shown: levels
from 5 to 1, business before service, the three core tags first, retired ones last. Its version is the first 4 bytes of
its SHA-256. A retired code can still be read in old evidence; it is never offered.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocol import cbor, indicators, rating
from protocol.errors import CborError

Row = tuple[int, int, bool, bool, str]
DIMENSIONS = {"business": rating.BUSINESS, "service": rating.SERVICE}
CORE_TAGS = 3  # of one level and dimension, shown first: what fits on the first page
MAX_ROWS = 80
MAX_TEXT = 18  # characters: one line of k5
MAX_BYTES = 8_192
_KEYS = {"code", "level", "dimension", "core", "retired", "text"}
_KINDS = (int, int, bool, bool, str)


class TagTableError(Exception):
    """Say what is wrong with a table, each fault once."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def builtin() -> bytes:
    """Return the regulation's table."""
    return encode(indicators.tag_table(indicators.load()))


def read_json(path: Path) -> list[Row]:
    """Return the rows of a file that is written as protocol/indicators.json.

    :raises OSError: it cannot be read; TagTableError: it holds no sound table.
    """
    try:
        items = json.loads(path.read_text(encoding="utf-8"))["indicators"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TagTableError(["it is no JSON object with a list `indicators`"]) from None
    if not isinstance(items, list):
        raise TagTableError(["`indicators` is no list"])
    rows, faults = [], []
    for index, item in enumerate(items):
        fault = _item_fault(item)
        if fault is None:
            rows.append((item["code"], DIMENSIONS[item["dimension"]], item["core"], item["retired"], item["text"]))
        else:
            faults.append(f"indicators[{index}] {fault}")
    if faults:
        raise TagTableError(faults)
    return rows


def encode(rows: list[Row]) -> bytes:
    """Return the table's bytes, its rows brought into the order shown.

    :raises TagTableError: the rows make no sound table.
    """
    faults = _faults(rows)
    if faults:
        raise TagTableError(faults)
    data = cbor.encode([list(row) for row in sorted(rows, key=_place)])
    if len(data) > MAX_BYTES:
        raise TagTableError([f"it has {len(data)} bytes, at most {MAX_BYTES} fit a terminal"])
    return data


def decode(data: bytes) -> list[Row]:
    """Return the rows of a table's bytes.

    :raises TagTableError: it is none, or not in the one form that its rows have.
    """
    try:
        rows = cbor.decode(data) if len(data) <= MAX_BYTES else None
    except CborError:
        rows = None
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise TagTableError(["it is no tag table"])
    found: list[Row] = [tuple(row) for row in rows]  # pyright: ignore[reportAssignmentType], _is_row saw to it
    if encode(found) != data:
        raise TagTableError(["its rows are not in order"])
    return found


def version(data: bytes) -> bytes:
    """Return the 4 bytes that name a table in evidence."""
    return sha256(data).digest()[:4]


def _place(row: Row) -> tuple[int, int, bool, bool]:
    code, dimension, core, retired, _ = row
    return -rating.tag_level(code), dimension, retired, not core


def _faults(rows: list[Row]) -> list[str]:
    faults = [] if 1 <= len(rows) <= MAX_ROWS else [f"it has {len(rows)} tags, 1 to {MAX_ROWS} are possible"]
    seen: set[int] = set()
    core: dict[tuple[int, int], int] = {}
    for code, dimension, is_core, retired, text in rows:
        if code // 100 not in rating.LEVELS:
            faults.append(f"tag {code} belongs to no level")
        if code in seen:
            faults.append(f"tag {code} stands twice")
        seen.add(code)
        if dimension not in DIMENSIONS.values():
            faults.append(f"tag {code} has no dimension")
        if not 1 <= len(text) <= MAX_TEXT or not text.isprintable():
            faults.append(f"the text of tag {code} is none of 1 to {MAX_TEXT} printable characters")
        if is_core and retired:
            faults.append(f"tag {code} is retired and cannot be a core one")
        place = (code // 100, dimension)
        core[place] = core.get(place, 0) + is_core
    faults += [f"level {level} has more than {CORE_TAGS} core tags" for (level, _), n in core.items() if n > CORE_TAGS]
    return faults


def _item_fault(item: Any) -> str | None:
    if not isinstance(item, dict) or item.keys() != _KEYS:
        return f"needs exactly the keys {', '.join(sorted(_KEYS))}"
    if item["dimension"] not in DIMENSIONS:
        return "has a dimension that is neither business nor service"
    row = [item["code"], DIMENSIONS[item["dimension"]], item["core"], item["retired"], item["text"]]
    if not _is_row(row):
        return "has a value of another type"
    return None if item["code"] // 100 == item["level"] else f"has level {item['level']}, its code another"


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 5 and all(map(_is_exactly, row, _KINDS))


def _is_exactly(value: object, kind: type) -> bool:
    return type(value) is kind
