"""A firmware that tells, every few minutes of its time, how much of its heap is free and the largest block of it."""

from pathlib import Path
from typing import NamedTuple

from tests.device.changed import changed_firmware

PROBED_EACH_MS = 300_000
_CHECKED = "        dead = supervisor.check()\n"
_PROBE = """        dead = supervisor.check()
        if time.ticks_ms() // 2_000 % 150 == 3:
            low, high = 0, 262_144
            while high - low > 32:
                middle = (low + high) // 2
                gc.collect()
                try:
                    bytearray(middle)
                    low = middle
                except MemoryError:
                    high = middle
            gc.collect()
            print("heap", gc.mem_free(), low)
"""


class Block(NamedTuple):
    """What the firmware told once, bytes."""

    free: int
    largest: int


def probing(folder: Path) -> Path:
    """Return the folder of such a firmware, made in `folder`."""
    return changed_firmware(folder, "link/tasks.py", _CHECKED, _PROBE)


def blocks(console: str) -> list[Block]:
    """Return what a firmware has told."""
    rows = [line.split() for line in console.splitlines() if line.startswith("heap")]
    return [Block(int(row[1]), int(row[2])) for row in rows]
