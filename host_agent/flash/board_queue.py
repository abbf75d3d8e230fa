"""Takes the queue off a terminal at its prompt: its epoch ended, its chip read, every event in an archive.

Promise: nothing of a board is erased, and none gets an identity, before its last event is sealed, if its settings still
can, and all that its chip holds stands durably in the archive, which `yiping terminal rescue --archive` hands to an
agent.
"""

from host_agent.board import faults
from host_agent.board.caller import Caller
from host_agent.board.faults import BoardFault
from host_agent.errors import UserError
from host_agent.flash.job import Job
from host_agent.provision import ending
from host_agent.provision.station import LOST, WRITTEN
from host_agent.rescue import chip_prompt
from host_agent.rescue import image as chip_image
from host_agent.rescue.image import Chip
from protocol import rating

_CURE = (
    "plug it in again, nothing of it was erased; if its events are lost for good, save what its chip gives "
    "(`yiping terminal rescue --port`), say `yiping terminal lost` and flash it again"
)


def end_epoch(job: Job, terminal: str, epoch: int) -> str | None:
    """End the epoch of the terminal that the board's settings name, archive its queue, and say what was found.

    None when that cannot be, as its settings are damaged or a person has told the station that the terminal is lost:
    then only `take_chip` can.
    :raises BoardFault: the queue cannot be read whole: nothing may be erased.
    """
    caller = Caller(job.open_prompt, _CURE)
    try:
        about = chip_prompt.call(caller, "about()")
        if (about.get("terminal"), about.get("epoch")) != (terminal, epoch):
            return None
        said = chip_prompt.call(caller, "end_epoch()")
        last = said.get("last_seq")
        if not isinstance(last, int):
            raise UserError(f"the last event cannot be sealed ({said})", job.port, _CURE)
        told = f"terminal {terminal} epoch {epoch}: no event yet"
        if last:
            found = _read(job, caller)
            ending.require_all(found, ending.About("", terminal, epoch), last)
            told = _archive(job, found, terminal, epoch, last)
    except BoardFault:
        raise
    except UserError as error:
        if _is_lost(job, terminal, epoch):
            return None
        raise _refused(job, error) from None
    _ended(job, terminal, epoch, last)
    return told


def never_started(job: Job, terminal: str, epoch: int) -> None:
    """End the epoch of a terminal that has its settings and never began a journal with them. Raises UserError."""
    _ended(job, terminal, epoch, 0)


def take_chip(job: Job) -> str:
    """Archive what the chip of a board without usable settings holds, and say what was found.

    Each terminal that it names, or that the ledger made of this board, has ended where its last event is there; else it
    is lost, since its secret went with the settings. A chip that does not answer is left to the self-test, but not that
    of a board that the station knows as a terminal.
    :raises BoardFault: the chip cannot be read: nothing may be erased.
    """
    try:
        found = _read(job, Caller(job.open_prompt, _CURE))
        told = _keep(job, found)
    except chip_prompt.NoChipError as error:
        terminal = _expected(job)
        if terminal is None:
            return f"nothing: {error.what}"
        cure = f"look at U2 and its wires; if its events are lost for good: `yiping terminal lost {terminal}`"
        raise BoardFault(faults.QUEUE, f"terminal {terminal}: {error.what}", job.port, cure) from None
    except BoardFault:
        raise
    except UserError as error:
        raise _refused(job, error) from None
    return "; ".join([told, *_settle(job, found)])


def _keep(job: Job, found: Chip) -> str:
    """Archive what the chip holds, if anything; say what and where. Raises UserError."""
    if found.blank == found.sectors:
        return "nothing: the queue chip is blank"
    if not found.events:
        return "nothing: the queue chip holds no event"
    newest = found.events[-1]
    return _archive(job, found, newest.terminal, newest.epoch, newest.seq)


def _read(job: Job, caller: Caller) -> Chip:
    """Return what the chip holds. Raises UserError, StoppedError."""

    def progress(done: int, total: int) -> None:
        job.progress(done, total)
        job.check_stop()

    return chip_image.read(chip_prompt.read_chip(caller, progress))


def _archive(job: Job, found: Chip, terminal: str, epoch: int, last: int) -> str:
    """Write all that the chip holds, unless it stands there; say what and where. Raises UserError."""
    who = ending.About("", terminal, epoch)
    path = ending.save(found, who, last, job.bench.archive, f"{terminal} at {job.port}")
    return f"{len(found.events)} events ({chip_image.waiting(found.events)} that no agent had) in {path}"


def _settle(job: Job, found: Chip) -> list[str]:
    """Tell the station which epochs ended, and which are lost; return a sentence for each. Raises UserError."""
    lasts = {event.place[:2]: event.seq for event in found.sound() if event.kind == rating.LAST_OF_EPOCH}
    places = {event.place[:2] for event in found.events}
    expected = job.bench.ledger.board(job.uid)
    if expected is not None and expected.terminal is not None and expected.epoch is not None:
        places.add((expected.terminal, expected.epoch))
    told = []
    with job.bench.station_lock:
        station = job.bench.station
        for terminal, epoch in sorted(places):
            newest = station.newest(terminal)
            if newest is None or (newest.epoch, newest.state) != (epoch, WRITTEN):
                continue
            if (terminal, epoch) in lasts:
                station.ended(terminal, epoch, lasts[terminal, epoch])
                told.append(f"terminal {terminal} epoch {epoch} has ended")
            else:
                station.lost(terminal, epoch)
                told.append(f"terminal {terminal} epoch {epoch} is told to be lost: its secret is gone")
    return told


def _expected(job: Job) -> str | None:
    """Return the terminal that this board is after the ledger, unless its epoch is over after the station."""
    known = job.bench.ledger.board(job.uid)
    if known is None or known.terminal is None:
        return None
    with job.bench.station_lock:
        newest = job.bench.station.newest(known.terminal)
    is_over = newest is not None and (newest.epoch, newest.state) != (known.epoch, WRITTEN)
    return None if newest is None or is_over else known.terminal


def _is_lost(job: Job, terminal: str, epoch: int) -> bool:
    """Say whether a person told the station that this epoch's last event cannot be had."""
    with job.bench.station_lock:
        return any((one.epoch, one.state) == (epoch, LOST) for one in job.bench.station.epochs(terminal))


def _refused(job: Job, error: UserError) -> BoardFault:
    what = f"the queue on the board cannot be taken off: {error.what}"
    return BoardFault(faults.QUEUE, what, job.port, _CURE)


def _ended(job: Job, terminal: str, epoch: int, last: int) -> None:
    """Tell the station of an epoch's end, unless the terminal is another one's."""
    job.terminal = terminal
    with job.bench.station_lock:
        if job.bench.station.newest(terminal) is not None:
            job.bench.station.ended(terminal, epoch, last)
