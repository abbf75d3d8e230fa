"""Eight boards at once, each with a fault of its own, a Ctrl-C, and the next run: eight working terminals,
whose first ratings arrive at the city.
"""

import threading

import pytest

from host_agent.flash import faults, ledger, report
from tests.flash.city import City
from tests.flash.hall import Hall

FAULTS = (
    (),
    ("unplug@150000",),
    ("bad-write@9000",),
    ("small@300000",),
    ("version@1.24.0",),
    ("silent",),
    ("dead-nor",),
    (),
)


@pytest.mark.slow
def test_eight_boards_with_a_fault_each_become_eight_terminals_over_a_stop_and_replaced_boards(tmp_path):
    hall = Hall(tmp_path, len(FAULTS))
    try:
        for words in FAULTS:
            hall.board(*words)
        first = hall.batch(wait_s=4.0, show=stop_after_two(hall))
        assert not first.run()
        results = {stage.result for stage in hall.book.stages()}
        assert ledger.STOPPED in results and None not in results
        hall.lines.clear()
        assert not hall.batch(wait_s=4.0).run()
        codes = {line.code for line in hall.lines if line.result == ledger.STAGE_FAILED}
        assert codes >= {faults.FULL, faults.WRONG_IMAGE, faults.NO_ANSWER, faults.SELF_TEST}, codes
        for board, words in zip(list(hall.boards), FAULTS, strict=True):
            if words and words[0] in ("small@300000", "version@1.24.0", "silent", "dead-nor"):
                board.unplug()
                hall.board()  # another one in its place
            elif words and words[0].startswith("unplug"):
                board.plug()
        assert hall.batch(wait_s=20.0).run(), report.text(report.entries(hall.book, hall.rows, versions(hall)))
        boards = hall.book.boards()
        assert len(boards) == len({board.terminal for board in boards}) == len(FAULTS)
        working = [board for board in hall.boards if board.state_name == "terminal"]
        assert len(working) == len(FAULTS)
        with City(hall) as city:
            city.rate_first()
            city.wait_first()
    finally:
        hall.close()


def versions(hall: Hall) -> dict[str, str]:
    return {name: image.version for name, image in hall.images.items()}


def stop_after_two(hall: Hall):
    """Return what shows lines and stops the run, as Ctrl-C does, once two boards write at the same time."""
    writing: set[str] = set()
    lock = threading.Lock()

    def show(line):
        hall.show(line)
        if line.stage == "write" and line.done:
            with lock:
                writing.add(line.port)
                if len(writing) > 2:
                    hall.bench.stop.set()

    return show
