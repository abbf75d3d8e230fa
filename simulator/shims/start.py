"""Start the firmware as the chip does: boot.py, then main.py, then an idle prompt."""

import sys

import _bus

_bus.start()

import machine
import os
import rp2
import select
import time

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

sys.path[:] = ["", ".frozen", "/lib"]
sys.argv[:] = []


def _run(name: str, space: dict) -> int:
    """Run one file; return 0 at its end, 1 after an exception, 2 when it asks for a soft reset."""
    try:
        execfile(name, space)
    except SystemExit:
        return 2
    except BaseException as error:  # noqa: BLE001 - the chip prints it and offers its prompt
        sys.print_exception(error)
        return 1
    return 0


def _present(name: str) -> bool:
    try:
        os.stat(name)
    except OSError:
        return False
    return True


_space = {"__name__": "__main__"}
_code = 0
for _name in ("boot.py", "main.py"):
    if _code != 2 and _present(_name):
        _code = _run(_name, _space)
_bus.post(_bus.RESET if _code == 2 else _bus.MAIN_ENDED, 0, 2 if _code == 2 else _code)
while True:
    _bus.wait(_bus.FOREVER)
