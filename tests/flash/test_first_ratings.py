"""Two bare boards, a cable pulled while writing, the next run: two working terminals whose first ratings arrive."""

import zxingcpp
from PIL import Image

from host_agent.flash import faults, ledger, worker
from tests.flash.city import City
from tests.flash.hall import Hall


def test_two_boards_are_flashed_over_a_pulled_cable_and_their_first_ratings_arrive_once(tmp_path):
    hall = Hall(tmp_path, 2)
    try:
        hall.board()
        hall.board("unplug@150000")
        assert not hall.batch(wait_s=0.5).run()
        assert [line.code for line in hall.lines if line.code] == [faults.UNPLUGGED]
        assert sorted(board.state for board in hall.book.boards()) == [ledger.DONE, ledger.FAILED]
        first = next(board for board in hall.book.boards() if board.state == ledger.DONE)
        assert [(stage.stage, stage.result) for stage in hall.book.stages(first.uid)] == [
            (name, ledger.OK) for name in worker.NAMES
        ]
        hall.boards[1].plug()
        assert hall.batch().run(), hall.lines[-3:]
        for board in hall.book.boards():
            assert (board.state, board.epoch, hall.station.newest(board.terminal).state) == (ledger.DONE, 1, "written")
            codes = zxingcpp.read_barcodes(Image.open(tmp_path / "labels" / f"{board.terminal}.png"))
            assert [code.text for code in codes] == [board.terminal]
        with City(hall) as city:
            city.rate_first()
            city.wait_first()
    finally:
        hall.close()
