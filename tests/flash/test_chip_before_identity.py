"""Whatever became of its settings: what a board's queue chip holds is in an archive before it gets an identity."""

import json

import pytest

from host_agent.board import faults
from host_agent.flash import ledger, stages_find, worker
from host_agent.provision.record import BOARDS, provision
from host_agent.provision.station import LOST, WRITTEN
from host_agent.rescue import archive, chip_prompt
from host_agent.rescue import image as chip_image
from simulator.bare_board import BareBoard
from simulator.wiring import load_board
from tests.flash.hall import Hall
from tests.provision.bench_board import BenchBoard
from tests.unit.simulated import wait_for


def on_chip(board: BareBoard) -> set[bytes]:
    return {one.evidence for one in chip_image.read((board.folder / "nor.bin").read_bytes()).events}


def in_archive(hall: Hall) -> set[bytes]:
    return {event.evidence for path in (hall.folder / "archive").glob("*.rescue") for event in archive.read(path)}


def without_files(hall: Hall) -> BareBoard:
    """End the hall's one board and plug it in again as a stock image leaves it that formatted its file system."""
    (old,) = hall.boards
    old.unplug()
    old.close()
    (old.folder / "flash.img").unlink()
    again = BareBoard(old.folder, seed=1, ports=hall.folder / "ports", drives=hall.folder / "drives", micropython=True)
    again._make_flash()
    hall.boards[:] = [again]
    return again.start()


def drain(hall: Hall) -> tuple[str, str]:
    """Run the drain alone on the hall's one board; return how it ended and what it said."""
    (board,) = hall.boards
    wait_for(lambda: board.port is not None, "the console's port")
    hall.batch()
    (ports,) = hall.finder.look()
    worker.Worker(hall.bench, ports, worker.Canary(open_=True), hall.show).run()
    return hall.lines[-1].code, hall.lines[-1].text


@pytest.fixture
def only_drain(monkeypatch):
    monkeypatch.setattr(worker, "WRITING", (stages_find.Drain(),))
    monkeypatch.setattr(worker, "PROVISIONING", ())
    monkeypatch.setattr(worker, "ENDING", ())


def made_before(hall: Hall, board: BareBoard, chip: BenchBoard) -> str:
    """Make the board the terminal that a chip worked for, as the station and its ledger know it; return its id."""
    place = hall.rows[0].place
    terminal = hall.station.next_terminal()
    chip.settings = json.loads(provision(hall.station, terminal, "k5", *place).settings)
    hall.station.written(terminal, 1)
    chip.work(3)
    hall.book.assign(board.usb_serial, "RP2350", hall.rows[0])
    hall.book.note(board.usb_serial, terminal=terminal, epoch=1)
    return terminal


def put_chip(hall: Hall, board: BareBoard, chip: BenchBoard) -> None:
    """Solder a chip in."""
    board.unplug()
    board.close()
    path = board.folder / "nor.bin"
    size = path.stat().st_size
    path.write_bytes(bytes(chip.image).ljust(size, b"\xff"))
    again = BareBoard(board.folder, seed=1, ports=hall.folder / "ports", drives=hall.folder / "drives")
    hall.boards[:] = [again.start()]


@pytest.mark.parametrize("settings", [None, b'{"terminal": "YP', b"[1]"], ids=["none", "cut short", "of another form"])
def test_chip_is_archived_and_its_epoch_told_to_be_lost_before_a_board_without_settings_goes_on(
    hall, only_drain, settings
):
    board, chip = hall.board(), BenchBoard()
    terminal = made_before(hall, board, chip)
    put_chip(hall, board, chip)
    if settings is not None:
        hall.boards[0].unplug()
        hall.boards[0].put_files({"settings.json": settings})
        hall.boards[0].plug()
    code, said = drain(hall)
    assert not code, said
    assert in_archive(hall) == set(chip.sealed.values()) and len(chip.sealed) == 3
    assert hall.station.newest(terminal).state == LOST and "its secret is gone" in hall.book.stages()[-1].detail
    assert drain(hall)[0] == "" and len(list((hall.folder / "archive").iterdir())) == 1  # it stands there once


@pytest.mark.parametrize(("is_known", "code"), [(True, faults.QUEUE), (False, "")])
def test_dead_chip_stops_only_a_board_that_the_station_knows_as_a_terminal(hall, only_drain, is_known, code):
    board = hall.board("dead-nor")
    terminal = made_before(hall, board, BenchBoard()) if is_known else ""
    assert drain(hall)[0] == code
    if is_known:
        assert f"yiping terminal lost {terminal}" in hall.lines[-1].cure
        hall.station.lost(terminal, 1)
        assert drain(hall)[0] == ""


def test_chip_that_cannot_be_archived_keeps_its_board_from_going_on(hall, only_drain):
    board, chip = hall.board(), BenchBoard()
    terminal = made_before(hall, board, chip)
    put_chip(hall, board, chip)
    (hall.folder / "archive").write_text("no folder")
    assert drain(hall)[0] == faults.QUEUE
    assert hall.station.newest(terminal).state == WRITTEN


def test_stop_ends_the_reading_of_a_chip_between_two_parts(hall, only_drain):
    board, chip = hall.board(), BenchBoard()
    made_before(hall, board, chip)
    put_chip(hall, board, chip)
    show = hall.show

    def stop_at_first_progress(line):
        show(line)
        if line.stage == "drain" and line.total:
            hall.bench.stop.set()

    hall.show = stop_at_first_progress
    drain(hall)
    assert hall.book.stages()[-1].result == ledger.STOPPED and not (hall.folder / "archive").exists()


def test_board_that_tells_nothing_of_its_files_is_named_with_a_cure(hall, only_drain, monkeypatch):
    monkeypatch.setattr(stages_find, "_HELD", "raise OSError(5)")
    hall.board()
    code, said = drain(hall)
    assert code == faults.BOARD and "a fault of this program" not in said and "BOOTSEL" in hall.lines[-1].cure


def test_reader_finds_the_chip_where_every_board_has_it():
    for name in BOARDS:
        data = load_board(name)
        nor = data["chips"]["nor"]
        pins = data["spi"][nor["spi"]]
        assert (nor["spi"], pins["sck"], pins["mosi"], pins["miso"], nor["cs"], nor["jedec"], nor["size_bytes"]) == (
            chip_prompt.SPI, chip_prompt.SCK, chip_prompt.MOSI, chip_prompt.MISO, chip_prompt.CS, chip_prompt.JEDEC,
            chip_prompt.CHIP_BYTES,
        )  # fmt: skip


@pytest.mark.slow
def test_terminal_whose_file_system_was_formatted_becomes_one_again_and_loses_no_event(hall):
    board = hall.board()
    assert hall.batch().run()
    board.unplug()
    before = on_chip(board)
    hall.book.note(hall.book.boards()[0].uid, version="0.0.1")
    again = without_files(hall)
    assert hall.batch(wait_s=20.0).run(), hall.lines[-3:]
    (known,) = hall.book.boards()
    assert before and before <= in_archive(hall)
    assert [place.state for place in hall.station.epochs(known.terminal)] == [LOST, WRITTEN]
    assert before.isdisjoint(on_chip(again))
