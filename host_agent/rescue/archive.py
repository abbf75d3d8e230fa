"""The archive of what a chip held: lines of JSON, the events as they were sealed; docs/rescue.md tells its format.

A header, one event a line, and {"sha256": hex} over every byte before that line. It holds no key, and no level that
anybody without the city's registry could read.
"""

import base64
import binascii
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from host_agent import folders
from host_agent.errors import UserError
from host_agent.rescue.image import DOUBTFUL, SOUND, Chip, Event, holes, waiting

FORMAT = "yiping rescue 1"
_CURE = "give a file that `yiping terminal rescue --out` wrote"


def summary(chip: Chip) -> dict[str, Any]:
    """Return what may be told of a chip: counts, holes and damage."""
    terminals: dict[tuple[str, int], list[Event]] = {}
    for event in chip.events:
        terminals.setdefault(event.place[:2], []).append(event)
    return {
        "sectors": chip.sectors,
        "blank": chip.blank,
        "journals": chip.journals,
        "terminals": [_of_terminal(*place, events) for place, events in terminals.items()],
        "dropped": [{"terminal": one.terminal, "epoch": one.epoch, "seq": one.seq} for one in chip.dropped],
        "damage": [{"sector": one.sector, "page": one.page, "at": one.at, "what": one.what} for one in chip.damage],
    }


def _of_terminal(terminal: str, epoch: int, events: list[Event]) -> dict[str, Any]:
    seqs = [event.seq for event in events if event.state == SOUND]
    return {
        "terminal": terminal,
        "epoch": epoch,
        "events": len(seqs),
        "first": min(seqs, default=None),
        "last": max(seqs, default=None),
        "not_acknowledged": waiting(events),
        "missing": [list(hole) for hole in holes(seqs)],
        "doubtful": [event.seq for event in events if event.state == DOUBTFUL],
    }


def write(path: Path, chip: Chip, source: str, utc_ms: int) -> str:
    """Write the archive durably, where no file is yet; return its SHA-256 in hex.

    :raises UserError: there is such a file with other content, or it cannot be written.
    """
    lines = [_line({"format": FORMAT, "source": source, "utc_ms": utc_ms} | summary(chip))]
    lines += [_line(_values(event)) for event in chip.events]
    body = b"".join(lines)
    digest = sha256(body).hexdigest()
    if path.exists():
        raise UserError("there is such a file already", str(path), "name another archive with --out")
    try:
        folders.make(path.parent)
        folders.write_private(path, body + _line({"sha256": digest}))
    except OSError as error:
        raise UserError(
            f"cannot write the archive: {error.strerror or error}", str(path), "name another file"
        ) from None
    return digest


def read(path: Path) -> list[Event]:
    """Return the events of an archive.

    :raises UserError: it cannot be read, is none, or was cut or altered.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the archive: {error.strerror or error}", str(path), _CURE) from None
    lines = data.splitlines(keepends=True)
    try:
        values = [json.loads(line) for line in lines]
        if not values or not isinstance(values[0], dict) or values[0].get("format") != FORMAT:
            raise UserError("the file is no archive of a chip", str(path), _CURE)
        if values[-1] != {"sha256": sha256(b"".join(lines[:-1])).hexdigest()}:
            raise UserError("the archive was cut or altered", str(path), "read the chip again, or take another copy")
        return [_event(one) for one in values[1:-1]]
    except (ValueError, RecursionError, KeyError, TypeError, binascii.Error):
        raise UserError("the file is no archive of a chip", str(path), _CURE) from None


def _values(event: Event) -> dict[str, Any]:
    return {
        "terminal": event.terminal, "epoch": event.epoch, "seq": event.seq, "boot": event.boot, "kind": event.kind,
        "acknowledged": event.acknowledged, "state": event.state, "sector": event.sector,
        "evidence": base64.b64encode(event.evidence).decode(),
    }  # fmt: skip


def _event(values: dict[str, Any]) -> Event:
    given: dict[str, Any] = {**values, "evidence": base64.b64decode(values["evidence"], validate=True)}
    return Event(**given)


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
