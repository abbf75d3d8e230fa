"""Whatever ends the work on a board, at any stage: the next run makes it one working terminal and loses no event."""

import json

import pytest

from host_agent.board import faults
from host_agent.board.files import BoardFiles
from host_agent.flash import ledger, stages_end, stages_find, worker
from host_agent.flash.worker import NAMES
from host_agent.provision.station import ENDED, WRITTEN
from host_agent.rescue import archive
from tests.flash.flash_process import FlashProcess
from tests.flash.hall import Hall
from tests.unit.simulated import wait_for

STATION = ("host_agent.provision.station", "Station")
FILES = ("host_agent.board.files", "BoardFiles")


def finished(hall: Hall) -> ledger.Board:
    """See that the hall's one board is the one terminal that station and ledger know, and return it."""
    (known,) = hall.book.boards()
    places = hall.station.places()
    assert [place.terminal for place in places] == [known.terminal]
    epochs = hall.station.epochs(known.terminal)
    assert (epochs[-1].epoch, epochs[-1].state) == (known.epoch, WRITTEN)
    assert (known.state, known.drained) == (ledger.DONE, False)
    (board,) = hall.boards
    assert (board.state_name, board.usb_serial) == ("terminal", known.terminal)
    assert (hall.folder / "labels" / f"{known.terminal}.png").is_file()
    return known


def replug(hall: Hall) -> None:
    hall.boards[0].unplug()
    hall.boards[0].plug()


def settings(journal: str) -> bytes:
    return json.dumps({"terminal": "YP-000001-S", "epoch": 1, "journal": journal}).encode()


@pytest.mark.parametrize(
    ("files", "drained", "result"),
    [
        ({"settings.json": settings("ready"), "boot.py": b""}, True, ledger.STAGE_FAILED),  # it may have started since
        pytest.param({"settings.json": settings("ready")}, False, ledger.STAGE_FAILED, marks=pytest.mark.slow),
        ({"settings.json": settings("ready")}, True, ledger.OK),  # a run that ended while it removed files
        pytest.param({"settings.json": settings("new"), "boot.py": b""}, False, ledger.OK, marks=pytest.mark.slow),
        ({"settings.json.new": settings("new"), "boot.py.new": b""}, False, ledger.OK),
    ],
)  # fmt: skip
def test_queue_counts_as_archived_only_while_the_board_cannot_start(hall, monkeypatch, files, drained, result):
    monkeypatch.setattr(worker, "WRITING", (stages_find.Drain(),))
    monkeypatch.setattr(worker, "PROVISIONING", ())
    monkeypatch.setattr(worker, "ENDING", ())
    board = hall.board()
    board.unplug()
    board.put_files(files)
    board.plug()
    wait_for(lambda: board.port is not None, "the console's port")
    hall.batch()
    (ports,) = hall.finder.look()
    hall.book.assign(board.usb_serial, "RP2350", hall.rows[0])
    hall.book.note(board.usb_serial, drained=int(drained))
    worker.Worker(hall.bench, ports, worker.Canary(open_=True), hall.show).run()
    assert (hall.lines[-1].stage, hall.lines[-1].result) == ("drain", result)
    assert hall.lines[-1].code == ("" if result == ledger.OK else faults.QUEUE)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [name for name in NAMES if name not in ("label", "done")])
def test_cable_pulled_as_a_stage_begins_is_told_and_the_next_run_ends_the_work(hall, stage, monkeypatch):
    board = hall.board()
    with monkeypatch.context() as planted:
        planted.setattr(stages_end, "START_S", 1.0)  # a board without a cable does not start
        assert not hall.batch(wait_s=0.5, show=hall.unplug_at(stage, board)).run()
    codes = [(line.stage, line.code) for line in hall.lines if line.code]
    assert codes[0][0] == stage and codes[0][1] in (faults.UNPLUGGED, faults.NO_ANSWER), codes
    board.plug()
    assert hall.batch().run(), hall.lines[-3:]
    finished(hall)


@pytest.mark.slow
def test_label_and_result_need_no_cable(hall):
    board = hall.board()
    assert hall.batch(show=hall.unplug_at("label", board)).run(), hall.lines[-3:]
    board.plug()
    wait_for(lambda: board.data_port is not None, "the terminal")
    finished(hall)


@pytest.mark.slow
@pytest.mark.parametrize("renamed", range(4))
def test_power_cut_between_the_final_renames_leaves_a_board_that_the_next_run_finishes(hall, monkeypatch, renamed):
    board = hall.board()
    real = BoardFiles.rename

    def cut(self, pairs):
        real(self, pairs[:renamed])
        board.unplug()
        real(self, pairs[renamed:])

    with monkeypatch.context() as planted:
        planted.setattr(BoardFiles, "rename", cut)
        assert not hall.batch(wait_s=0.5).run()
    assert [line.code for line in hall.lines if line.code] == [faults.UNPLUGGED]
    left = board.files()
    assert ("settings.json" in left, "main.py" in left, "boot.py" in left) == tuple(renamed > n for n in range(3))
    board.plug()
    assert hall.batch().run(), hall.lines[-3:]
    finished(hall)


@pytest.mark.slow
@pytest.mark.parametrize("restarts", [False, True], ids=["at the prompt", "restarted"])
@pytest.mark.parametrize(
    "cut",
    [(*STATION, "add", False), (*FILES, "rename", True), (*FILES, "rename", False), (*STATION, "written", False)],
    ids=["secret made", "settings on the board", "in force on the board", "told to the station"],
)
def test_run_killed_around_the_identity_gives_the_board_no_second_one(hall, cut, restarts):
    hall.board()
    flash = FlashProcess(hall)
    code, said = flash.run(cut)
    assert code == -9, said
    if restarts:
        replug(hall)
    code, said = flash.run()
    assert code == 0, said
    known = finished(hall)
    assert [place.state for place in hall.station.epochs(known.terminal)[:-1]] in ([], [ENDED], ["made"])


@pytest.mark.slow
def test_queue_of_a_terminal_that_a_killed_run_left_behind_is_archived_before_it_is_flashed_again(hall, tmp_path):
    board = hall.board()
    flash = FlashProcess(hall)
    assert flash.run((*FILES, "rename", False))[0] == -9
    board.unplug()
    board.plug()
    wait_for(lambda: board.data_port is not None, "the terminal")
    board.unplug()
    board.set_jumper(True)
    board.plug()
    code, said = flash.run()
    assert code == 0, said
    (kept,) = (tmp_path / "archive").iterdir()
    events = archive.read(kept)
    assert events and {event.epoch for event in events} == {1}
    board.unplug()
    board.set_jumper(False)
    board.plug()
    wait_for(lambda: board.data_port is not None and board.port is None, "the terminal")
    assert finished(hall).epoch == 2


@pytest.mark.slow
@pytest.mark.parametrize("at", ["write: ", "self-test: ", "provision: "])
def test_ctrl_c_ends_the_process_between_two_steps_and_the_next_run_goes_on(hall, at):
    hall.board()
    flash = FlashProcess(hall)
    code, said = flash.interrupt_at(at)
    assert code in (0, 1) and "Traceback" not in said, said
    assert None not in {stage.result for stage in hall.book.stages()}
    code, said = flash.run()
    assert code == 0, said
    finished(hall)
