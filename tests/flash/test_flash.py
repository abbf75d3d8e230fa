"""Bare boards become working terminals: real MicroPython, driven by mpremote's code, with ledger and station."""

import pytest

from host_agent.board import faults
from host_agent.board.ports import BoardPorts
from host_agent.flash import ledger, report, worker
from host_agent.flash.job import Stage
from host_agent.rescue import archive
from tests.device.new_firmware import NEXT, later


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


@pytest.mark.slow
def test_terminal_in_service_is_left_alone_until_its_jumper_is_set_and_its_queue_archived(hall, tmp_path):
    board = hall.board()
    assert hall.batch().run(), hall.lines[-3:]
    first = hall.book.boards()[0]
    hall.book.note(first.uid, version="0.0.1")  # as if it had been updated over its link since
    board.unplug()
    board.plug()
    assert hall.batch(wait_s=8.0).run(), hall.lines[-3:]
    assert hall.book.boards()[0].version == hall.images["k5"].version
    hall.images = {"k5": later(tmp_path)}
    board.unplug()
    board.plug()
    assert not hall.batch(wait_s=8.0).run()
    assert hall.lines[-1].code == faults.LOCKED, hall.lines[-3:]
    assert board.state_name == "terminal"
    board.unplug()
    board.set_jumper(True)
    board.plug()
    assert hall.batch(wait_s=10.0).run(), hall.lines[-3:]
    again = hall.book.boards()[0]
    assert (again.uid, again.terminal, again.epoch, again.version) == (first.uid, first.terminal, 2, NEXT)
    (kept,) = (tmp_path / "archive").iterdir()
    events = archive.read(kept)
    assert [event.seq for event in events] == list(range(1, len(events) + 1)) and len(events) > 1
    assert {(event.terminal, event.epoch) for event in events} == {(first.terminal, 1)}
    ended = hall.station.epochs(first.terminal)[0]
    assert (ended.state, ended.last_seq) == ("ended", events[-1].seq)


def test_fault_of_the_program_ends_on_the_line_of_its_board_and_in_the_ledger(hall, monkeypatch):
    class Broken(Stage):
        name = "detect"

        def run(self, job):
            raise ValueError("unforeseen")

    monkeypatch.setattr(worker, "FINDING", (Broken(),))
    hall.batch()
    worker.Worker(hall.bench, BoardPorts("g", ("p",)), worker.Canary(open_=False), hall.show).run()
    assert hall.lines[-1].result == ledger.STAGE_FAILED and "unforeseen" in hall.lines[-1].text
    assert [stage.result for stage in hall.book.stages()] == [ledger.STAGE_FAILED]
