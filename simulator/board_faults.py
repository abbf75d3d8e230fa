"""Faults of a bare board by a plan: words such as `unplug@20000`, each of which happens once, at a place that is exact.

unplug@N      the cable is pulled at the N-th byte written to the console
bad-write@N   the N-th byte that programs on the board write to files arrives wrong
full          a file of somebody else fills the flash but for 64 KiB
small@N       the flash has N bytes for files
silent        the port is there and nothing answers
dead-nor      the journal's chip does not answer
renumber@N    the port comes as ttyACM<N> or the next free number
swap@N        the terminal's port comes as ttyACM<N>, once that name is free: boards that restart together swap names
version@X     the image is MicroPython X
"""

from typing import NamedTuple

from simulator.errors import SimError

KINDS = ("unplug", "bad-write", "full", "small", "silent", "dead-nor", "renumber", "swap", "version")
_TAKES_NUMBER = ("unplug", "bad-write", "small", "renumber", "swap")


class Faults(NamedTuple):
    """What goes wrong with one board."""

    unplug_at: int | None = None
    bad_write_at: int | None = None
    full: bool = False
    small_bytes: int | None = None
    silent: bool = False
    dead_nor: bool = False
    renumber: int = 0
    version: str | None = None
    swap: int | None = None


def plan(words: tuple[str, ...] | list[str]) -> Faults:
    """Return the faults that the words of a plan name. Raises SimError."""
    found: dict[str, str] = {}
    for word in words:
        kind, _, value = word.partition("@")
        if kind not in KINDS or not _fits(kind, value):
            raise SimError(f"no fault {word}: name {', '.join(KINDS)}, with @NUMBER where it is needed")
        found[kind] = value
    number = {kind: int(found[kind]) for kind in _TAKES_NUMBER if kind in found}
    return Faults(
        number.get("unplug"), number.get("bad-write"), "full" in found, number.get("small"), "silent" in found,
        "dead-nor" in found, number.get("renumber", 0), found.get("version"),
        number.get("swap"),
    )  # fmt: skip


def _fits(kind: str, value: str) -> bool:
    if kind in _TAKES_NUMBER:
        return value.isdigit()
    return bool(value) == (kind == "version")
