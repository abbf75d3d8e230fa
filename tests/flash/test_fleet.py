"""Eight boards at once, with every fault that a board may have, a Ctrl-C, and the next run: eight working terminals,
whose first ratings arrive at the city.
"""

import threading

import zxingcpp
from PIL import Image

from host_agent.board import faults
from host_agent.flash import ledger, report, worker
from simulator import board_faults
from tests.flash.city import City
from tests.flash.hall import Hall

FAULTS = (
    ("renumber@20",),
    ("unplug@150000",),
    ("bad-write@9000", "swap@30"),
    ("small@300000",),
    ("version@1.24.0",),
    ("silent",),
    ("dead-nor",),
    ("full",),
)
REPLACED = ("small@300000", "version@1.24.0", "silent", "dead-nor")  # what no second try cures


def test_eight_boards_with_every_fault_become_eight_terminals_over_a_stop_and_their_first_ratings_arrive(tmp_path):
    assert {word.partition("@")[0] for words in FAULTS for word in words} == set(board_faults.KINDS)
    hall = Hall(tmp_path, len(FAULTS))
    try:
        for words in FAULTS:
            hall.board(*words)
        assert not hall.batch(wait_s=4.0, show=stop_as_boards_write(hall)).run()
        results = {stage.result for stage in hall.book.stages()}
        assert ledger.STOPPED in results and None not in results
        codes = {line.code for line in hall.lines}
        hall.lines.clear()
        assert not hall.batch(wait_s=4.0).run()
        codes |= {line.code for line in hall.lines if line.result == ledger.STAGE_FAILED}
        assert codes >= {faults.FULL, faults.WRONG_IMAGE, faults.NO_ANSWER, faults.SELF_TEST, faults.UNPLUGGED}, codes
        for board, words in zip(list(hall.boards), FAULTS, strict=True):
            if words[0] in REPLACED:
                board.unplug()
                hall.board()  # another one in its place
            elif words[0].startswith("unplug"):
                board.plug()
        assert hall.batch(wait_s=20.0).run(), report.text(report.entries(hall.book, hall.rows, versions(hall)))
        see_terminals(hall)
        with City(hall) as city:
            city.rate_first()
            city.wait_first()
    finally:
        hall.close()


def see_terminals(hall: Hall) -> None:
    """See that every window has its own terminal, which station, ledger and label know."""
    boards = hall.book.boards()
    assert len(boards) == len({board.terminal for board in boards}) == len(FAULTS)
    working = {bare.usb_serial: bare.state_name for bare in hall.boards if bare.data_port is not None}
    assert working == {board.terminal: "terminal" for board in boards}
    for board in boards:
        assert [place.terminal for place in hall.station.at(board.centre, board.window)] == [board.terminal]
        assert (board.state, board.epoch, hall.station.newest(board.terminal).state) == (ledger.DONE, 1, "written")
        passed = [stage.stage for stage in hall.book.stages(board.uid) if stage.result == ledger.OK]
        assert list(dict.fromkeys(passed)) == list(worker.NAMES)
        codes = zxingcpp.read_barcodes(Image.open(hall.folder / "labels" / f"{board.terminal}.png"))
        assert [code.text for code in codes] == [board.terminal]


def versions(hall: Hall) -> dict[str, str]:
    return {name: image.version for name, image in hall.images.items()}


def stop_as_boards_write(hall: Hall):
    """Return what shows lines and stops the run, as Ctrl-C does, once three boards write at the same time."""
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
