"""Takes the queue off a terminal at its prompt: its epoch ended, its chip read, every event in an archive.

Promise: nothing of a terminal is erased before its last event is sealed and all that its chip holds stands durably in
the archive, which `yiping terminal rescue --archive` hands to an agent.
"""

from host_agent.board import faults
from host_agent.board.caller import Caller
from host_agent.board.faults import BoardFault
from host_agent.errors import UserError
from host_agent.flash.job import Job
from host_agent.provision import ending
from host_agent.rescue import chip_prompt
from host_agent.rescue import image as chip_image

_CURE = "read the chip with `yiping terminal rescue --port`; nothing of this board was erased"


def end_epoch(job: Job) -> str:
    """End the epoch of the terminal at the prompt, archive its queue, and say what was found.

    :raises BoardFault: the queue cannot be read whole: nothing may be erased.
    """
    caller = Caller(job.open_prompt, _CURE)
    try:
        about = chip_prompt.call(caller, "about()")
        terminal, epoch = about.get("terminal"), about.get("epoch")
        if not isinstance(terminal, str) or not isinstance(epoch, int):
            raise UserError("the terminal's settings are damaged", job.port, _CURE)
        said = chip_prompt.call(caller, "end_epoch()")
        last = said.get("last_seq")
        if not isinstance(last, int):
            raise UserError(f"the last event cannot be sealed ({said})", job.port, _CURE)
        told = f"terminal {terminal} epoch {epoch}: no event yet"
        if last:
            told = _archive(job, caller, terminal, epoch, last)
    except BoardFault:
        raise
    except UserError as error:
        what = f"the queue on the board cannot be taken off: {error.what}"
        raise BoardFault(faults.QUEUE, what, job.port, _CURE) from None
    _ended(job, terminal, epoch, last)
    return told


def never_started(job: Job, terminal: str, epoch: int) -> None:
    """End the epoch of a terminal that has its settings and never began a journal with them. Raises UserError."""
    _ended(job, terminal, epoch, 0)


def _ended(job: Job, terminal: str, epoch: int, last: int) -> None:
    """Tell the station of an epoch's end, unless the terminal is another one's."""
    job.terminal = terminal
    with job.bench.station_lock:
        if job.bench.station.newest(terminal) is not None:
            job.bench.station.ended(terminal, epoch, last)


def _archive(job: Job, caller: Caller, terminal: str, epoch: int, last: int) -> str:
    """Write all that the chip holds, once it holds every event up to the last one. Raises UserError."""
    found = chip_image.read(chip_prompt.read_chip(caller, job.progress))
    who = ending.About("", terminal, epoch)
    ending.require_all(found, who, last)
    path = ending.save(found, who, last, job.bench.archive, f"{terminal} at {job.port}")
    waiting = sum(not event.acknowledged for event in found.sound())
    return f"{len(found.events)} events ({waiting} that no agent had) in {path}"
