"""The test at the prompt, before a board is a terminal (firmware/self_test/bench.py).

With a person, led by the board's display through keys, panel and voice; or of what needs none.
"""

import time

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.board.prompt import PromptError
from host_agent.flash.job import Job, Stage
from host_agent.self_test import bench, parts

ORDER = "do what its display asks: "
BENCH = "bench"
_LOOK_S = 0.2


class PersonTest(Stage):
    """Have a person test a board whose files are on it and which is no terminal yet; one board after the other."""

    name = BENCH

    def run(self, job: Job) -> str:
        """Wait for the person, then lead through the test."""
        is_free = job.bench.person_lock.acquire(blocking=False)
        if not is_free:
            job.tell("waits until the person has tested the board before")
        while not is_free:
            job.check_stop()
            is_free = job.bench.person_lock.acquire(timeout=_LOOK_S)
        try:
            job.tell(f"{ORDER}it begins")
            found = _tested(job, with_person=True)
        finally:
            job.bench.person_lock.release()
        _require_well(job, found, "the person found", "--only failed --bench")
        return parts.sentence(0)


class PromptTest(Stage):
    """Test what needs nobody, for a terminal that will not be heard at the station: its link is its UART."""

    name = BENCH

    def run(self, job: Job) -> str:
        """Have the board test itself at the prompt."""
        _require_well(job, _tested(job, with_person=False), "the self-test found", "--only failed")
        return f"without a person: {parts.sentence(0)}"


def _require_well(job: Job, found: bench.Result, who: str, options: str) -> None:
    if found.failed:
        cures = "; ".join(part.cure for part in found.parts)
        cure = f"{cures}; plug it in again and run with {options}"
        raise BoardFault(faults.SELF_TEST, f"{who}: {parts.sentence(found.failed)}", job.port, cure)


def _tested(job: Job, with_person: bool) -> bench.Result:
    """Return what the test found. Raises BoardFault, UserError, StoppedError."""
    orders = bench.Orders(lambda order: job.tell(ORDER + order))

    def heard(data: bytes) -> None:
        orders.hear(data)
        job.check_stop()

    try:
        return bench.run(job.open_prompt, job.wanted.board, with_person, int(time.time()), heard)
    except PromptError as error:
        cure = "plug it in again; if it happens again, take another board"
        raise BoardFault(faults.SELF_TEST, f"the test broke off: {error}", job.port, cure) from None
