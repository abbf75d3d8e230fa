"""The project's drivers and board data under a main.py of the test's own, on the simulated board k5."""

import shutil
import textwrap
from pathlib import Path

from simulator.stage import FIRMWARE
from simulator.terminal import SimTerminal

_FOLDERS = ("boards", "drivers", "store")

# What the bootstrap does with the port of a slot; without slots, so that a main.py reaches every constant of a driver.
BOOT = """
import micropython
micropython.kbd_intr(-1)
import port
from machine import Pin
port.start(not Pin(28, Pin.IN, Pin.PULL_UP).value())
"""

# What every main.py of a test begins with. `spent` returns the bytes that a call allocates.
PREFACE = """
import asyncio, gc, machine, time
import boards
from boards import k5
hw = boards.build(k5.BOARD)
def spent(call, *args):
    call(*args)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    call(*args)
    after = gc.mem_alloc()
    gc.enable()
    return after - before
"""


def terminal(tmp_path: Path, main: str, **options: object) -> SimTerminal:
    """Return a terminal in virtual time with this main.py, not yet started."""
    folder = tmp_path / "firmware"
    for name in _FOLDERS:
        shutil.copytree(
            FIRMWARE / name, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(FIRMWARE / "port.py", folder / "port.py")
    (folder / "boot.py").write_text(BOOT)
    (folder / "main.py").write_text(PREFACE + textwrap.dedent(main))
    return SimTerminal(state_dir=tmp_path / "state", clock="virtual", firmware_dir=folder, **options)


def printed(tmp_path: Path, main: str, ms: int = 2_000, **options: object) -> list[str]:
    """Run this main.py for `ms`; return the lines it printed. The datasheets must not have been violated."""
    with terminal(tmp_path, main, **options) as running:
        running.run_for(ms)
        assert running.violations == [], running.console()
        return running.console().splitlines()
