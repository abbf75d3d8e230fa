"""The command that repeats one power cut by its id, for the harnesses of tests/power_cut and tests/host_power_cut."""

from collections.abc import Callable
from typing import TypeVar

_Case = TypeVar("_Case")


def repeat(
    arguments: list[str],
    usage: str | None,
    case_of: Callable[[str], _Case],
    describe: Callable[[_Case], str],
    judge: Callable[[_Case], object],
    unusable: tuple[type[Exception], ...] = (ValueError,),
) -> int:
    """Repeat the cut named on the command line; return 0, 1 when a promise is broken, 2 for `unusable` arguments."""
    if len(arguments) != 1:
        print(usage)
        return 2
    try:
        case = case_of(arguments[0])
    except unusable as error:
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
