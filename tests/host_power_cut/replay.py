"""Repeat one power cut by its id: python -m tests.host_power_cut.replay ID. Exit 1 when a promise is broken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "firmware"))

from tests.host_power_cut.cutting import Case, Cut, judge, one_case
from tests.host_power_cut.vfs import Unreachable
from tests.repeat_cut import repeat


def describe(case: Case) -> str:
    """Return what the power cut interrupted and what it left."""
    last = case.last
    lines = [f"last operation: {f'{last.what} {last.name} at {last.at}, {len(last.data)} bytes' if last else 'none'}"]
    lines += [f"  left: {name}, {len(content)} bytes" for name, content in sorted(case.image.items())]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Repeat the cut named on the command line."""
    return repeat(
        arguments, __doc__, lambda text: one_case(Cut.parse(text)), describe, judge, (ValueError, Unreachable)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
