"""Keep the terminal running. Ends only in a reset."""

import asyncio
import gc
import sys
import time

from app import fields, supervisor
from drivers import watchdog
from link import tasks, unload
from protocol import codes, reasons

FOR_THE_START = ("assembly", "boards", "store.closing", "store.opening", "store.recovery", "store.settings")
BREATH_S = 5  # less than the watchdog's time; a terminal that cannot start must not wear out its journal


def start() -> tuple:
    """Return the desk and the supervisor of the tasks; what only the start needed leaves the memory."""
    from assembly import compose

    found = compose()
    unload.forget(FOR_THE_START)
    return found


async def live() -> None:
    """Run until a task that must live dies."""
    front, watched = start()
    gc.collect()
    await tasks.watch(watched, supervisor.CHECK_MS)
    front.note(codes.FAULT, {fields.WHY: reasons.WHY_TASK_DIED}, waits=False)


try:
    asyncio.run(live())
except Exception as error:  # noqa: BLE001 - whatever it is, a reset is the cure; a console shows it with the jumper set
    sys.print_exception(error)
    time.sleep(BREATH_S)
finally:
    watchdog.reset()
