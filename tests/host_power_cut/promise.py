"""What a run noted beside its file operations, and the failure of a promise."""

from typing import Any, NamedTuple


class Broken(Exception):
    """A promise does not hold; the text says which."""


class Mark(NamedTuple):
    """One thing that happened when `at` operations had been asked for."""

    at: int
    what: str
    value: Any = None


def require(holds: object, what: str) -> None:
    """Raise Broken with `what` unless it holds."""
    if not holds:
        raise Broken(what)
