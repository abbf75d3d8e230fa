"""Repeat one power cut by its id: python -m tests.host_power_cut.replay ID. Exit 1 when a promise is broken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "firmware"))

from tests.host_power_cut.cutting import Case, Cut, judge, one_case
from tests.host_power_cut.vfs import Unreachable


def describe(case: Case) -> str:
    """Return what the power cut interrupted and what it left."""
    last = case.last
    lines = [f"last operation: {f'{last.what} {last.name} at {last.at}, {len(last.data)} bytes' if last else 'none'}"]
    lines += [f"  left: {name}, {len(content)} bytes" for name, content in sorted(case.image.items())]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Repeat the cut named on the command line."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    try:
        case = one_case(Cut.parse(arguments[0]))
    except (ValueError, Unreachable) as error:
        print(error)
        return 2
    print(describe(case))
    try:
        judge(case)
    except Exception as error:  # noqa: BLE001 - whatever breaks is the finding
        print(f"broken: {error!r}")
        return 1
    print("every promise holds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
