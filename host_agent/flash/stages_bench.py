"""The stage that needs a person: keys, panel and voice, led by the board's display (firmware/self_test/bench.py)."""

import time

from host_agent.flash import faults
from host_agent.flash.faults import BoardFault
from host_agent.flash.job import Job, Stage
from host_agent.flash.prompt import PromptError
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
            found = _tested(job)
        finally:
            job.bench.person_lock.release()
        if found.failed:
            cures = "; ".join(part.cure for part in found.parts)
            cure = f"{cures}; plug it in again and run with --only failed --bench"
            raise BoardFault(faults.SELF_TEST, f"the person found: {parts.sentence(found.failed)}", job.port, cure)
        return parts.sentence(0)


def _tested(job: Job) -> bench.Result:
    """Return what the test found. Raises BoardFault, UserError, StoppedError."""
    orders = bench.Orders(lambda order: job.tell(ORDER + order))

    def heard(data: bytes) -> None:
        orders.hear(data)
        job.check_stop()

    job.tell(f"{ORDER}it begins")
    try:
        return bench.run(job.open_prompt, job.wanted.board, True, int(time.time()), heard)
    except PromptError as error:
        cure = "plug it in again; if it happens again, take another board"
        raise BoardFault(faults.SELF_TEST, f"the test broke off: {error}", job.port, cure) from None
