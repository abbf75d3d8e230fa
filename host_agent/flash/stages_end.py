"""The stages of a terminal that starts for the first time: self-test, label, done."""

import time

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.flash import label, ledger
from host_agent.flash.data_port import DataPort
from host_agent.flash.job import TERMINAL, Job, Stage
from host_agent.flash.stages_write import written
from host_agent.self_test import parts

START_S = 30.0  # from the reset to the first answer: about 5 s, and more on a station with many boards
SILENT_S = 3.0  # without a port: a board that comes back to its prompt has one within 2 s
_LOOK_S = 0.2
TAKE_OFF = "and take the maintenance jumper off: its console stays open until then"
_RESET = "import machine\nmachine.reset()"


class SelfTest(Stage):
    """See the terminal start as what it was made, and have it test its parts."""

    name = "self-test"

    def run(self, job: Job) -> str:
        """Reset it, wait for the right terminal at the data port, ask for the self-test; see a silent one go silent."""
        known = job.bench.ledger.board(job.uid)
        if known is None or known.terminal is None:
            raise AssertionError("a self-test before provisioning")
        if job.state != TERMINAL:
            job.open_prompt.start(_RESET)
            job.close()
        if job.is_silent:
            return _see_silence(job, known.terminal)
        with _terminal(job, known.terminal) as port:
            seen = (port.hello["terminal"], port.hello["epoch"], port.hello["firmware"], port.hello["board"])
            wanted = (known.terminal, known.epoch, known.version, job.wanted.board)
            if seen != wanted:
                what = f"terminal {seen[0]} epoch {seen[1]} with {seen[2]} answers instead of {wanted[0]}"
                cure = "flash this board again with the maintenance jumper set"
                raise BoardFault(faults.WRONG_TERMINAL, what, job.port, cure)
            written(job)
            failed = port.ask_self_test()
        if failed:
            cures = "; ".join(part.cure for part in parts.failed(failed))
            cure = f"{cures}; plug it in again and run with --only failed"
            raise BoardFault(faults.SELF_TEST, f"the self-test found: {parts.sentence(failed)}", job.port, cure)
        return "answers; this firmware has no self-test" if failed is None else "every part answers"


class MakeLabel(Stage):
    """Draw the terminal's label."""

    name = "label"

    def run(self, job: Job) -> str:
        """Put the picture into the folder of labels."""
        return str(label.write(job.bench.labels, label_of(job)))


class Finish(Stage):
    """Note that the board is a working terminal."""

    name = "done"

    def run(self, job: Job) -> str:
        """Write it down."""
        job.bench.ledger.note(job.uid, state=ledger.DONE)
        text = f"{job.wanted.centre}/{job.wanted.window}: unplug it"
        return f"{text} {TAKE_OFF}" if job.jumper else text


def label_of(job: Job) -> label.Label:
    """Return what the label of a board says."""
    known = job.bench.ledger.board(job.uid)
    if known is None or known.terminal is None:
        raise AssertionError("a label before provisioning")
    return label.Label(known.terminal, known.centre, known.window, known.board, known.version or "")


def _see_silence(job: Job, terminal: str) -> str:
    """See a terminal whose link is its UART start: no port of it is left, unless the jumper is set.

    :raises BoardFault: its console does not go.
    """
    deadline = time.monotonic() + START_S
    silent_since: float | None = None
    while not job.jumper:
        job.check_stop()
        now = time.monotonic()
        if job.bench.ports_of(job.group, terminal):
            silent_since = None
        elif silent_since is None:
            silent_since = now
        elif now - silent_since >= SILENT_S:
            break
        if now > deadline:
            what = f"terminal {terminal} does not start: its console is still there"
            raise BoardFault(faults.NO_ANSWER, what, job.port, "plug it in again; if it stays so, take another board")
        time.sleep(_LOOK_S)
    return "its link is its UART: it was tested before it started, and answers first at its window"


def _terminal(job: Job, terminal: str) -> DataPort:
    """Return an open session once the terminal answers; others that answer are left alone. Raises BoardFault."""
    deadline = time.monotonic() + START_S
    other: tuple[str, str] | None = None
    while True:
        job.check_stop()
        for device in job.bench.ports_of(job.group, terminal):
            try:
                port = DataPort(device)
            except BoardFault:
                continue
            if port.hello["terminal"] == terminal:
                return port
            port.close()
            other = device, str(port.hello["terminal"])
        if time.monotonic() > deadline:
            if other is not None:
                raise faults.another_board(other[0], f"terminal {terminal}", f"terminal {other[1]}")
            what = f"terminal {terminal} does not start"
            cure = "unplug it, plug it in again; if it stays dark, set the maintenance jumper and flash it anew"
            raise BoardFault(faults.NO_ANSWER, what, job.port, cure)
        time.sleep(_LOOK_S)
