"""Where the bootstrap enters the firmware of a slot: `run` is all that main.py knows of it, in every version."""

import asyncio
import gc

from app import fields, supervisor
from link import tasks, unload
from protocol import codes, reasons

FOR_THE_START = ("assembly", "boards", "port", "slots", "store.closing", "store.opening", "store.recovery")
FOR_THE_START += ("store.settings", "update")


def start(console: bool) -> tuple:
    """Return the desk and the supervisor of the tasks; what only the start needed leaves the memory."""
    from assembly import compose

    found = compose(console)
    unload.forget(FOR_THE_START)
    return found


async def live(console: bool) -> None:
    """Run until a task that must live dies."""
    front, watched = start(console)
    gc.collect()
    await tasks.watch(watched, supervisor.CHECK_MS)
    front.note(codes.FAULT, {fields.WHY: reasons.WHY_TASK_DIED}, waits=False)


def run(console: bool) -> None:
    """Run until the terminal has to start anew; `console` when the maintenance jumper was set at the start."""
    asyncio.run(live(console))
