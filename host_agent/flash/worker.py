"""Takes one board through its stages, each in the ledger before it begins and after it ended."""

import logging
import threading
from collections.abc import Callable

import attrs

from host_agent.board import faults
from host_agent.board.faults import StoppedError
from host_agent.board.ports import BoardPorts
from host_agent.errors import UserError
from host_agent.flash import ledger
from host_agent.flash.job import TERMINAL, Bench, Job, Stage, code_of
from host_agent.flash.stages_bench import PersonTest, PromptTest
from host_agent.flash.stages_end import Finish, MakeLabel, SelfTest
from host_agent.flash.stages_find import Detect, Drain, Identify
from host_agent.flash.stages_write import Provision, Verify, Write

FINDING: tuple[Stage, ...] = (Detect(), Identify())
WRITING: tuple[Stage, ...] = (Drain(), Write(), Verify())
PROVISIONING: tuple[Stage, ...] = (Provision(),)
BY_PERSON: tuple[Stage, ...] = (PersonTest(),)  # only where a person stands at the bench
AT_PROMPT: tuple[Stage, ...] = (PromptTest(),)  # only for a terminal that cannot be asked once it has started
ENDING: tuple[Stage, ...] = (SelfTest(), MakeLabel(), Finish())
FINISHED = ENDING[-1].name
NAMES = tuple(stage.name for stage in (*FINDING, *WRITING, *PROVISIONING, *ENDING))


@attrs.define
class Line:
    """What is shown of one board."""

    port: str
    uid: str = ""
    window: str = ""
    terminal: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    result: str = ""  # "", or as a stage ended
    text: str = ""
    code: str = ""
    cure: str = ""
    group: str = ""  # by which the board is known at its ports (host_agent/board/ports.py); their names may change
    gone: bool = False  # unplugged after its work had ended
    silent: bool = False  # once it is a terminal, it shows no port


_log = logging.getLogger(__name__)
Show = Callable[[Line], None]


class Canary:
    """Let boards through one by one until one has become a working terminal; then all at once."""

    def __init__(self, open_: bool) -> None:
        """Begin; open when the ledger knows a working terminal with this bundle."""
        self._turn = threading.Lock()
        self._open = threading.Event()
        if open_:
            self._open.set()

    def enter(self, job: Job) -> bool:
        """Wait for the turn; return whether this board is the canary. Raises StoppedError."""
        while not self._open.is_set():
            if self._turn.acquire(timeout=0.1):
                if self._open.is_set():
                    self._turn.release()
                    return False
                return True
            job.check_stop()
        return False

    def leave(self, succeeded: bool) -> None:
        """End the canary's turn."""
        if succeeded:
            self._open.set()
        self._turn.release()


class Worker:
    """One board at its ports, from the first look to its result; one thread."""

    def __init__(self, bench: Bench, ports: BoardPorts, canary: Canary, show: Show) -> None:
        """Keep the parts; `run` does the work."""
        self._bench = bench
        self._canary = canary
        self._show = show
        self._first = 0
        self.job = Job(bench, ports.group, list(ports.devices), ports.serial)
        self.line = Line(ports.devices[0], group=ports.group)

    def run(self, dry: bool = False) -> None:
        """Go through all stages; whatever hinders ends in the ledger and on the line, and nowhere else."""
        is_canary, succeeded = False, False
        try:
            for stage in FINDING:
                self._stage(stage)
            if dry:
                self._say(ledger.OK, "would be flashed" if self.job.state != TERMINAL else "is a working terminal")
                return
            if self.job.state != TERMINAL:
                self._tell("waits for the first board to succeed")
                is_canary = self._canary.enter(self.job)
                for stage in (*WRITING, *self._tests(), *PROVISIONING):
                    self._stage(stage)
            for stage in ENDING:
                self._stage(stage)
            succeeded = True
            self._say(ledger.OK, self.line.text)
        except StoppedError:
            self._say(ledger.STOPPED, "stopped: run the same command again, it goes on here")
        except UserError as error:
            self._failed(error)
        finally:
            if is_canary:
                self._canary.leave(succeeded)
            self.job.close()

    def _tests(self) -> tuple[Stage, ...]:
        """Return how the board is tested before it is a terminal."""
        if self._bench.with_person:
            return BY_PERSON
        return AT_PROMPT if self.job.is_silent else ()

    def _stage(self, stage: Stage) -> None:
        """Run one stage between its two entries in the ledger. Raises what the stage raises."""
        job, book = self.job, self._bench.ledger
        job.check_stop()
        self.line.stage, self.line.done, self.line.total = stage.name, 0, 0
        self._tell("")
        job.progress, job.tell = self._progress, self._tell
        number = book.begin(self._bench.run, self.line.port, job.uid or None, stage.name)
        self._first = self._first or number
        try:
            said = stage.run(job)
        except StoppedError:
            book.end(number, ledger.STOPPED, "", job.uid or None)
            raise
        except UserError as error:
            book.end(number, ledger.STAGE_FAILED, f"{code_of(error)}: {error.message}", job.uid or None)
            raise
        except Exception as error:  # a fault of this program must end on this board's line, and stop no other board
            _log.exception("stage %s at %s", stage.name, self.line.port)
            what = f"a fault of this program: {error!r}"
            fault = UserError(what, self.line.port, "plug the board in again; if it happens again, report it")
            book.end(number, ledger.STAGE_FAILED, f"{code_of(fault)}: {fault.message}", job.uid or None)
            raise fault from error
        book.end(number, ledger.OK, said, job.uid or None)
        if job.uid and not self.line.uid:
            book.identified(self._bench.run, self.line.port, self._first, job.uid)
            self.line.uid = job.uid
        if job.row is not None:
            self.line.window = f"{job.row.centre}/{job.row.window}"
        self.line.terminal = job.terminal or ""
        self.line.silent = job.row is not None and job.is_silent
        self._tell(said)

    def _progress(self, done: int, total: int) -> None:
        self.line.done, self.line.total = done, total
        self._show(self.line)

    def _failed(self, error: UserError) -> None:
        self.line.code = code_of(error)
        if self.job.uid and self.job.row is not None and self.line.code != faults.NO_ROW:
            try:
                self._bench.ledger.note(self.job.uid, state=ledger.FAILED)
            except UserError as second:
                error = second
        self.line.cure = error.cure
        self._say(ledger.STAGE_FAILED, error.what)

    def _say(self, result: str, text: str) -> None:
        self.line.result = result
        self._tell(text)

    def _tell(self, text: str) -> None:
        self.line.text = text
        self._show(self.line)
