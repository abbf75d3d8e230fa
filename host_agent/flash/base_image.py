"""Puts the base image on boards in boot mode, several at once, and waits until each comes back with a port.

A drive does not tell which port becomes of it: each port that is new while boards start is taken for the one that waits
longest. Which MicroPython answers there is asked by who works at the port.
"""

import threading
import time
from pathlib import Path

import attrs

from host_agent.board import faults
from host_agent.board.faults import BoardFault, StoppedError
from host_agent.board.prompt import Prompt, PromptError
from host_agent.errors import UserError
from host_agent.flash import boot_drive, ledger
from host_agent.flash.boot_drive import BootDrive
from host_agent.flash.job import Bench, code_of
from host_agent.flash.uf2 import LEAST_VERSION, Uf2
from host_agent.flash.worker import Line, Show

PORT_S = 20.0  # from the last block of the base image to the port: about 3 s
BASE = "base"
_STOPPED = "stopped: run the same command again, the board is still in boot mode"
_ASK = "import sys\nprint(sys.platform, *sys.implementation[1][:3])"
_AGAIN = "plug the board in again, with BOOTSEL held"


def answer(port: str) -> str:
    """Return which MicroPython answers at a port. Raises UserError: none, or too old a one."""
    cure = "give the image of MicroPython 1.29 or newer with --uf2"
    with Prompt(port) as opened:
        try:
            platform, *numbers = opened.run(_ASK).split()
            version = tuple(map(int, numbers))
        except (PromptError, ValueError) as error:
            what = f"what runs on the board now does not say what it is: {error}"
            raise BoardFault(faults.WRONG_IMAGE, what, port, cure) from None
    named = ".".join(numbers)
    if platform != "rp2" or version < LEAST_VERSION:
        raise BoardFault(faults.WRONG_IMAGE, f"MicroPython {named} for {platform} is on the board now", port, cure)
    return named


def no_port(where: str) -> BoardFault:
    """Return the fault of a board that took an image and shows no port."""
    cure = f"{_AGAIN}, for another try; if no port appears again, the image is not MicroPython or the board is broken"
    return BoardFault(faults.NO_ANSWER, f"no port appeared in {PORT_S:.0f} s", where, cure)


def not_taken(where: str) -> BoardFault:
    """Return the fault of a board that is in boot mode still, though the whole image was sent."""
    return BoardFault(faults.WRONG_IMAGE, "the board did not take the image: its drive is still there", where, _AGAIN)


def missing(drive: BootDrive) -> BoardFault:
    """Return the fault of a board in boot mode in a run that has no base image."""
    named = drive.chip.image if drive.chip else "its chip"
    what = "the board is in boot mode, and this run has no MicroPython for it"
    cure = f"plug it in again without BOOTSEL; if it comes back so, run with --uf2 and the image for {named}"
    return BoardFault(faults.WRONG_IMAGE, what, str(drive.path), cure)


@attrs.define
class _Load:
    """One board in boot mode; `number` is its stage in the ledger."""

    line: Line
    number: int | None = None
    thread: threading.Thread | None = None
    starts_since: float | None = None  # monotonic, s: the whole image was sent, the board has shown no port yet
    is_gone: bool = False

    @property
    def is_at_work(self) -> bool:
        return self.line.result == ""


class BaseImages:
    """The boards in boot mode of one run."""

    def __init__(self, bench: Bench, image: Uf2 | None, drives: str | None, show: Show) -> None:
        """Keep the parts. `drives` names folders to look at, see boot_drive.find."""
        self._bench = bench
        self._image = image
        self._drives = drives
        self._show = show
        self._loads: dict[Path, _Load] = {}

    def look(self, arrived: int, dry: bool = False) -> bool:
        """Begin with each drive that is new; return whether any board is in work.

        `arrived` says how many boards have come to ports since the last look.
        """
        drives = {drive.path: drive for drive in boot_drive.find(self._drives)}
        self._arrived(arrived)
        for path, load in list(self._loads.items()):
            load.is_gone = path not in drives
            self._waited(load)
            if not load.is_at_work and (load.is_gone or load.line.result == ledger.OK and not dry):
                self._show(attrs.evolve(load.line, gone=True))
                del self._loads[path]
        for path in drives.keys() - self._loads.keys():
            self._loads[path] = self._begin(drives[path], dry)
        return any(load.is_at_work for load in self._loads.values())

    def end(self, limit_s: float) -> None:
        """Wait for the copies, which see that they are to stop; tell of boards that have not come back."""
        deadline = time.monotonic() + limit_s
        for load in self._loads.values():
            if load.thread is not None:
                load.thread.join(max(0.0, deadline - time.monotonic()))
            if load.starts_since is not None:
                self._end(load, ledger.STOPPED, f"{load.line.text}: stopped before its port appeared")

    def _begin(self, drive: BootDrive, dry: bool) -> _Load:
        load = _Load(Line(str(drive.path), stage=BASE))
        if self._image is None:
            self._fail(load, missing(drive))
        elif dry:
            self._end(load, ledger.OK, f"would get {self._image.path.name}")
        else:
            load.number = self._bench.ledger.begin(self._bench.run, load.line.port, None, BASE)
            load.line.text = f"{self._image.path.name} goes onto it"
            self._show(load.line)
            name = str(drive.path)
            load.thread = threading.Thread(target=self._put, args=(load, drive, self._image), name=name, daemon=True)
            load.thread.start()
        return load

    def _put(self, load: _Load, drive: BootDrive, image: Uf2) -> None:
        """Copy the image; belongs to the load's thread."""

        def done(sent: int, total: int) -> None:
            load.line.done, load.line.total = sent, total
            self._show(load.line)
            if sent < total and self._bench.stop.is_set():
                raise StoppedError

        try:
            boot_drive.put(drive, image, done)
        except StoppedError:
            self._end(load, ledger.STOPPED, _STOPPED)
        except UserError as error:
            self._fail(load, error)
        else:
            load.line.text = f"{image.path.name} is on it; it starts"
            self._show(load.line)
            load.starts_since = time.monotonic()

    def _arrived(self, count: int) -> None:
        """Take boards that came to ports for those that start, the one that waits longest first."""
        waiting = sorted((since, path) for path, load in self._loads.items() if (since := load.starts_since))
        for _, path in waiting[:count]:
            self._end(self._loads[path], ledger.OK, f"{self._loads[path].line.text}: its port is there")

    def _waited(self, load: _Load) -> None:
        if load.starts_since is not None and time.monotonic() - load.starts_since > PORT_S:
            self._fail(load, no_port(load.line.port) if load.is_gone else not_taken(load.line.port))

    def _fail(self, load: _Load, error: UserError) -> None:
        load.line.code, load.line.cure = code_of(error), error.cure
        self._end(load, ledger.STAGE_FAILED, error.what)

    def _end(self, load: _Load, result: str, text: str) -> None:
        if load.number is not None:
            self._bench.ledger.end(load.number, result, text)
        load.starts_since = None
        load.line.text, load.line.result = text, result
        self._show(load.line)
