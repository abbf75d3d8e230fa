"""Switch to the firmware that was received: check all of it once more, from the flash, then start it on trial.

Nothing is switched unless the signature and every file are right and nobody needs the terminal. slots.json then names
the trial, durably, before the agent hears OK; a power cut before leaves the old firmware, one after it the new one.
"""

import sys
from asyncio import sleep_ms
from gc import collect
from hashlib import sha256

import slots
from app import states
from app.version import FIRMWARE
from protocol import reasons
from update import manifest as manifests
from update import slot_files

IDLE = (states.NO_CLERK, states.IDLE, states.PAUSED)
SHOW_MS = 1_000  # until the reply has left at 115,200 baud and the screen is painted


async def run(desk: object, request: int, board: str, digest: bytes, reset: object) -> None:
    """Answer an UPDATE; on OK show what happens and reset. Takes nothing over the link meanwhile."""
    take = desk.link.take_content(None)
    try:
        collect()  # what received it has left the memory; checking a signature takes large pieces
        reason = await _prepared(desk, board, digest)
    except Exception as error:  # noqa: BLE001 - unanswered, the agent asks in vain, and nothing is taken any more
        sys.print_exception(error)
        reason = reasons.FAULT
    if reason != reasons.OK:
        desk.link.take_content(take)
        desk.link.reply(request, reason)
        desk.wake()
        return
    try:
        desk.link.reply(request, reasons.OK)
        desk.handle(("updating", True))
        await sleep_ms(SHOW_MS)
    finally:
        reset()


async def _prepared(desk: object, board: str, digest: bytes) -> int:
    """Check and note the trial; return why not, or OK."""
    session = desk.session

    def is_needed() -> bool:
        return session.state not in IDLE

    state = slots.read()
    if session.state == states.FAULT or state is None:
        return reasons.FAULT
    if is_needed() or state["trial"]:
        return reasons.BUSY
    slot = slot_files.other()
    terminal = (board, manifests.release_of(FIRMWARE), state["floor"], slots.BOOTSTRAP)
    reason, manifest = slot_files.accepted(slot, terminal)
    if manifest is None or sha256(manifest.data).digest() != digest:
        return reasons.NO_TRANSFER if reason in (reasons.OK, reasons.BAD_SIGNATURE) else reason
    whole = await slot_files.driven(complete(manifest, slot), _never, is_needed)
    if whole is None or is_needed():
        return reasons.BUSY
    if not whole:
        return reasons.NOT_COMPLETE
    note(state, slot, desk.tested[1] if desk.tested else 0)
    return reasons.OK


def complete(manifest: object, slot: str) -> object:
    """Generate steps that return whether every file is as it should be; one that is not is removed, to be sent anew."""
    whole = True
    for index in range(manifest.count):
        _, size, digest = manifest.entry(index)
        place = manifest.place(index, slot)
        if not (yield from slot_files.is_as(place, size, digest)):
            slot_files.remove(place)
            whole = False
        yield
    return whole


def note(state: dict, slot: str, failed: int) -> None:
    """Name the trial durably, with the mask of parts that had failed before it; OSError when the file system fails."""
    state["trial"], state["tries"], state["back"] = slot, 0, 0
    state["failed"] = failed
    slots.write(state)


def _never() -> bool:
    return False
