"""Bare boards become working terminals: real MicroPython, driven by mpremote's code, with ledger and station."""

import pytest
import zxingcpp
from PIL import Image

from host_agent.flash import faults, ledger, report
from tests.flash.hall import Hall


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path, 1)
    yield made
    made.close()


def test_bare_board_becomes_a_working_terminal_with_its_label(hall, tmp_path):
    hall.board()
    assert hall.batch().run(), hall.lines[-3:]
    board = hall.book.boards()[0]
    assert (board.state, board.window, board.epoch) == (ledger.DONE, "W01", 1)
    assert [(stage.stage, stage.result) for stage in hall.book.stages(board.uid)] == [
        (name, ledger.OK)
        for name in ("detect", "identify", "drain", "write", "verify", "provision", "self-test", "label", "done")
    ]
    assert hall.station.newest(board.terminal).state == "written"
    assert hall.boards[0].state_name == "terminal"
    codes = zxingcpp.read_barcodes(Image.open(tmp_path / "labels" / f"{board.terminal}.png"))
    assert [code.text for code in codes] == [board.terminal]


@pytest.mark.slow
def test_cable_pulled_while_writing_is_told_and_the_next_run_ends_the_work(hall):
    board = hall.board("unplug@200000")
    assert not hall.batch(wait_s=3.0).run()
    known = hall.book.boards()[0]
    last = hall.book.stages(known.uid)[-1]
    assert (known.state, last.stage, last.result) == (ledger.FAILED, "write", ledger.STAGE_FAILED)
    assert last.detail.startswith(faults.UNPLUGGED)
    board.plug()
    assert hall.batch().run(), hall.lines[-3:]
    entry = report.entries(hall.book, hall.rows, {"k5": hall.images["k5"].version})[0]
    assert (entry.state, entry.stage) == (ledger.DONE, "done")
    again = next(stage for stage in reversed(hall.book.stages(known.uid)) if stage.stage == "write")
    assert not again.detail.endswith(" 0 were there")
