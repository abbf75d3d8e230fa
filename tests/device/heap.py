"""How much of the heap the firmware has in use after its start, without what only the shims need.

Two runs print what is allocated: the firmware three seconds after its start, and a program that makes the board's
chips' peripherals and nothing else. Their difference is the firmware's, but for the table of interned names, which
grows by doubling: it is taken out of both, and counted anew for the names that the firmware itself has. To that comes
what the interpreter and asyncio keep, which on a chip lie in flash but for their tables.

`python -m tests.device.heap` prints the figures of the 64-bit port. heap32.py takes the same two runs on a 32-bit one.
"""

import functools
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from host_agent.bundle.compiler import folded
from host_agent.bundle.layout import FIRMWARE, PROTOCOL, sources
from simulator.terminal import SimTerminal
from simulator.wiring import load_board
from tests.device.changed import changed_firmware

BOARDS = ("k5", "t35")
NARROW = 0.696  # of the bytes in use on the 64-bit heap are in use on a 32-bit one: 145.1 of 208.3 KB on k5, see heap32
PLAIN_BYTES = 5_965  # 64-bit: interpreter and asyncio with its flags after a collection, without interned names
ENTRY_BYTES = 8 + 2 + 1  # of a name: pointer, hash, length
POOL_BYTES = 32

_PROBE = 'gc.collect()\n    print("heap", gc.mem_alloc(), "end")\n    __import__("micropython").qstr_info(1)\n'
_WATCH = "    await tasks.watch(watched, supervisor.CHECK_MS)\n"
_AFTER_START_MS = 3_000
_RUN_MS = 5_000
_CONSOLE_BYTES = 200_000
_FIRST_POOL = 20  # names; every further pool has room for twice as many
_BARE = """import gc
from asyncio import ThreadSafeFlag
from machine import I2C, PWM, SPI, WDT, Pin, USBDevice
pins = [Pin(number) for number in {pins}]
irqs = [pin.irq(lambda pin: None, Pin.IRQ_FALLING | Pin.IRQ_RISING, hard=True) for pin in pins[:{contacts}]]
rest = [SPI(0), SPI(1), I2C(1), PWM(Pin({backlight})), PWM(Pin({buzzer})), WDT(timeout=8_000), USBDevice()]
if True:
    """


class Reading:
    """What one run printed: bytes allocated, bytes of the table of names, and the names."""

    def __init__(self, console: str) -> None:
        found = re.search(r"^heap (\d+) end\nqstr pool: .*n_total_bytes=(\d+)", console, re.M)
        if found is None:
            raise ValueError(f"the run printed no figures:\n{console[-2000:]}")
        self.allocated, self.names_bytes = int(found[1]), int(found[2])
        self.names = set(re.findall(r"^Q\((.*?)\)$", console, re.M | re.S))


def measure(board: str, start: Callable[..., SimTerminal] = SimTerminal) -> tuple[Reading, Reading]:
    """Return the readings of the firmware and of the bare peripherals; `start` makes a simulated terminal."""
    with tempfile.TemporaryDirectory() as folder:
        wait = f'    await __import__("asyncio").sleep_ms({_AFTER_START_MS})\n    '
        full = changed_firmware(Path(folder, "full"), "entry.py", _WATCH, wait + _PROBE + _WATCH)
        bare = Path(folder, "bare")
        shutil.copytree(FIRMWARE / "boards", bare / "boards", ignore=shutil.ignore_patterns("__pycache__"))
        (bare / "boot.py").write_text("")
        (bare / "main.py").write_text(_bare_main(board))
        firmware = _read(start(board, Path(folder, "a"), **_options(full, PROTOCOL)))
        return firmware, _read(start(board, Path(folder, "b"), **_options(bare, None)))


def in_use(board: str, full: Reading, bare: Reading, plain: int, entry: int) -> int:
    """Return the bytes that the firmware has in use on a chip; `plain` and `entry` are those of the heap measured."""
    own = full.allocated - full.names_bytes - (bare.allocated - bare.names_bytes)
    return own + plain + names_bytes(_own_names(board, full.names, bare.names), entry)


def shims(full: Reading, used: int) -> int:
    """Return the bytes that the shims take beside a firmware that has `used` bytes in use."""
    return full.allocated - used


def names_bytes(names: set[str], entry: int) -> int:
    """Return what a table of these names takes, at `entry` bytes a name beside its text."""
    room = pools = 0
    while room < len(names):
        room += _FIRST_POOL << pools
        pools += 1
    return room * entry + pools * POOL_BYTES + sum(len(name.encode()) + 1 for name in names)


def _own_names(board: str, full: set[str], bare: set[str]) -> set[str]:
    """Return the names that the firmware brings: those only it has, and those that it has as well as the shims."""
    texts = _texts(board)
    loaded = [text for name, text in texts.items() if any(path.endswith(_compiled(name)) for path in full)]
    words = set(re.findall(r"\w+", b"\n".join(loaded).decode()))
    return (full - bare) | (full & words)


@functools.cache
def _texts(board: str) -> dict[str, bytes]:
    """Return the modules of a board as they are compiled."""
    flashed = sources(FIRMWARE, PROTOCOL, board)
    return folded({name: path.read_bytes() for name, path in flashed.items() if path.suffix == ".py"})


def _compiled(name: str) -> str:
    """Return the end of the path under which the device knows a module that it loaded."""
    return "/" + name.removesuffix(".py") + ".mpy"


def _bare_main(board: str) -> str:
    data = load_board(board, FIRMWARE)
    contacts = [gpio for _, gpio in data["keys"]] + [data["case_switch"]]
    chips = data["chips"]
    wires = [data["maintenance_jumper"], chips["lcd"]["cs"], chips["lcd"]["dc"]]
    wires += [chips["lamps"]["latch"]] if "lamps" in chips else []
    wires += [chips["nor"]["cs"], *data["i2c"][1].values()][:3]
    wires += [pin for bus in data["spi"].values() for pin in (bus["sck"], bus["mosi"], bus["miso"]) if pin is not None]
    made = _BARE.format(
        pins=contacts + wires,
        contacts=len(contacts),
        backlight=chips["lcd"]["backlight"],
        buzzer=chips["buzzer"]["pwm"],
    )
    return made + _PROBE


def _options(firmware: Path, protocol: Path | None) -> dict:
    return {"clock": "virtual", "firmware_dir": firmware, "protocol_dir": protocol}


def _read(terminal: SimTerminal) -> Reading:
    with terminal:
        terminal.run_for(_RUN_MS)
        return Reading(terminal.console(_CONSOLE_BYTES))


if __name__ == "__main__":
    for name in BOARDS:
        firmware, peripherals = measure(name)
        used = in_use(name, firmware, peripherals, PLAIN_BYTES, ENTRY_BYTES)
        print(f"{name}: {used / 1024:.1f} KB in use on the 64-bit heap, {len(firmware.names)} names, ", end="")
        print(f"{shims(firmware, used) / 1024:.1f} KB for the shims beside it")
