"""Start the firmware as the chip does: boot.py, then main.py, then the prompt where there is one."""

import sys

import _bus

_bus.start()

import machine
import os
import rp2
import select
import time

import _usb
import micropython
import uos

_CONSOLE = uos.getenv("SIM_CONSOLE")  # how the prompt was left, "friendly" or "raw"; none without a console
_FLASH = uos.getenv("SIM_FLASH")
_CTRL_C = 3

if _bus.virtual:
    import random

    import _tasks

    random.seed(_bus.seed)
    sys.modules["_asyncio"] = _tasks
import asyncio

if _bus.virtual:
    _tasks.bind(asyncio.core)
else:
    # The C task queue reads the host's clock: asyncio's own timers must read the same one.
    import utime

    asyncio.core.ticks = utime.ticks_ms
    asyncio.core.ticks_add = utime.ticks_add
    asyncio.core.ticks_diff = utime.ticks_diff

if _CONSOLE:
    micropython.kbd_intr(-1)
    import _system

    _system.install()
if uos.getenv("SIM_BAD_WRITE"):
    import _bad_write

    _bad_write.install(uos.getenv("SIM_BAD_WRITE"))
if _FLASH:
    import _flash

    _flash.mount(_FLASH)
sys.path[:] = ["", ".frozen", "/lib"]
sys.argv[:] = []


def _run(name: str, space: dict) -> int:
    """Run one file; return 0 at its end, 1 after an exception, 2 when it asks for a soft reset."""
    if _CONSOLE:
        micropython.kbd_intr(_CTRL_C)  # what the chip does around each program
    try:
        execfile(name, space)
    except SystemExit:
        return 2
    except BaseException as error:  # noqa: BLE001 - the chip prints it and offers its prompt
        sys.print_exception(error)
        return 1
    finally:
        if _CONSOLE:
            micropython.kbd_intr(-1)
    return 0


def _present(name: str) -> bool:
    try:
        os.stat(name)
    except OSError:
        return False
    return True


def run(space: dict) -> None:
    """Run the files in `space`. Returns for the prompt to begin, without a console never."""
    _bus.interruptible = True
    code = _run_files(space)
    if code == 2:
        _bus.post(_bus.RESET, 0, 2)
    elif not _CONSOLE or _present("main.py"):
        _bus.post(_bus.MAIN_ENDED, 0, code)
    while code == 2 or not _CONSOLE:
        _bus.wait(_bus.FOREVER)


def _run_files(space: dict) -> int:
    code = 0
    for name in ("boot.py", "main.py"):
        if name == "main.py":
            _usb.start_builtin()
            if _CONSOLE == "raw":
                return code
        if code != 2 and _present(name):
            code = _run(name, space)
    return code
