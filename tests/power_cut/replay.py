"""Repeat one power cut by its id: python -m tests.power_cut.replay ID. Exit 1 when a promise is broken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "firmware"))

from protocol import record, record_scan
from tests.power_cut.cutting import Case, Cut, judge, one_case
from tests.repeat_cut import repeat

_NAMES = {
    record.EVENT: "event",
    record.BOOT: "boot",
    record.INVITE: "invite",
    record.KNOWN: "known",
    record.PREPARE: "prepare",
    record.LOST: "lost",
}
_SHOWN = 12


def describe(case: Case) -> str:
    """Return what was under way and the newest records on the chip."""
    call = case.under_way
    lines = [f"call under way: {call.what if call else 'none'}", f"promised: seq {case.promise.last_seq}"]
    for one in record_scan.scan(case.image)[-_SHOWN:]:
        acknowledged = " acknowledged" if one.acknowledged else ""
        name = _NAMES.get(one.type, one.type)
        lines.append(f"  {one.address:#08x} sector {one.number} {name} boot {one.boot} seq {one.seq}{acknowledged}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Repeat the cut named on the command line."""
    return repeat(arguments, __doc__, lambda text: one_case(Cut.parse(text)), describe, judge)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
