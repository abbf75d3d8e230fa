"""Throw-away firmware on a simulated chip, for the tests of the simulator itself."""

import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from simulator.terminal import SimTerminal

BOARD = {
    "name": "bench",
    "chips": {
        "nor": {"spi": 1, "cs": 13, "size_bytes": 65_536},
        "rtc": {"i2c": 1, "address": 0x68},
        "buzzer": {"pwm": 15},
        "lamps": {"spi": 0, "latch": 22},
        "lcd": {
            "chip": "st7789",
            "spi": 0,
            "cs": 17,
            "dc": 16,
            "backlight": 21,
            "width": 320,
            "height": 240,
            "madctl": 0x60,
        },
    },
    "keys": ((1, 2), (2, 3), ("function", 7)),
    "case_switch": 9,
    "maintenance_jumper": 28,
}

# A CDC port that echoes what it gets; `{extra}` runs beside it.
ECHO = """
import asyncio, machine, struct, time
from machine import Pin
CFG = (
    b"\\x09\\x02\\x4b\\x00\\x02\\x01\\x00\\x80\\x7d\\x08\\x0b\\x00\\x02\\x02\\x02\\x00\\x00\\x09\\x04\\x00\\x00\\x01\\x02\\x02\\x00\\x00"
    b"\\x05\\x24\\x00\\x20\\x01\\x05\\x24\\x01\\x00\\x01\\x04\\x24\\x02\\x02\\x05\\x24\\x06\\x00\\x01\\x07\\x05\\x81\\x03\\x08\\x00\\x10"
    b"\\x09\\x04\\x01\\x00\\x02\\x0a\\x00\\x00\\x00\\x07\\x05\\x02\\x02\\x40\\x00\\x00\\x07\\x05\\x82\\x02\\x40\\x00\\x00"
)
DEV = b"\\x12\\x01\\x00\\x02\\xef\\x02\\x01\\x40" + struct.pack("<HHH", 0x1209, 1, 0x100) + b"\\x01\\x02\\x03\\x01"
usb = machine.USBDevice()
rx, line, waiting, busy, dtr = bytearray(64), bytearray(7), bytearray(), False, False
def pump():
    global waiting, busy
    if waiting and dtr and not busy:
        busy, data, waiting = True, bytes(waiting[:63]), waiting[63:]
        usb.submit_xfer(0x82, data)
def on_open(view):
    global busy
    print("open", len(view), view[1])
    busy = False
    usb.submit_xfer(0x02, rx)
def on_reset():
    print("reset")
def on_control(stage, request):
    global dtr
    if request[1] == 0x20:
        if stage == 3:
            print("coding", int.from_bytes(line[:4], "little"))
        return line if stage == 1 else True
    if request[1] == 0x22:
        if stage == 3:
            dtr = bool(request[2] & 1)
            print("dtr", dtr)
            pump()
        return True
    return False
def on_xfer(ep, result, count):
    global waiting, busy
    if ep == 0x02:
        waiting += rx[:count]
        usb.submit_xfer(0x02, rx)
    else:
        busy = False
    pump()
usb.config(DEV, CFG, [None, "Yiping", "echo", "E-1"], on_open, on_reset, on_control, on_xfer)
usb.active(True)
"""


def firmware(folder: Path, main: str, boot: str = "") -> Path:
    """Write a firmware of two files; return its folder."""
    folder = folder / "fw"
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(textwrap.dedent(main))
    (folder / "boot.py").write_text(textwrap.dedent(boot))
    return folder


def terminal(tmp_path: Path, main: str, boot: str = "", clock: str = "virtual", **options: object) -> SimTerminal:
    """Return a terminal of the bench board with this firmware, not yet started."""
    options.setdefault("board", BOARD)
    return SimTerminal(
        state_dir=tmp_path / "state",
        clock=clock,
        firmware_dir=firmware(tmp_path, main, boot),
        protocol_dir=None,
        **options,
    )


def printed(tmp_path: Path, main: str, ms: int = 100, **options: object) -> list[str]:
    """Run a firmware for `ms` of virtual time; return the lines it printed."""
    with terminal(tmp_path, main, **options) as simulated:
        simulated.run_for(ms)
        return simulated.console().splitlines()


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60.0) -> object:
    """Wait in real time until `condition()` is true and return it; fails naming `what`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.002)
    raise AssertionError(f"{what} did not happen in {seconds:g} s")
