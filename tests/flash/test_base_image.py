"""Boards in boot mode get MicroPython: by `yiping flash base`, and within a batch that goes on with them to the end."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from host_agent.board import faults
from host_agent.cli import main
from host_agent.flash import base_image, boot_drive, ledger, uf2, worker
from host_agent.flash.worker import NAMES
from simulator import uf2 as simulated_uf2
from simulator.bare_board import BOOT_DRIVE, PROMPT
from simulator.chips.rp2_chip import CHIPS
from tests.flash.hall import Hall
from tests.unit.simulated import wait_for

PIECES = 4  # in which an image of these tests is copied


@pytest.fixture
def only_found(monkeypatch):
    """End the work on a board once it is identified."""
    for name in ("WRITING", "PROVISIONING", "ENDING"):
        monkeypatch.setattr(worker, name, ())


def micropython(folder: Path, release: str = "1.29.0", chip: str = "rp2350") -> Path:
    path = folder / f"micropython-{release}-{chip}.uf2"
    path.write_bytes(simulated_uf2.micropython(release, chip, PIECES * boot_drive.PIECE_BYTES // 2))
    return path


def no_micropython(folder: Path) -> Path:
    path = folder / "other.uf2"
    path.write_bytes(b"".join(simulated_uf2.blocks(bytes(65_536), CHIPS["rp2350"].family)))
    return path


def base(hall: Hall, image: Path, *words: str) -> Result:
    where = ("--drives", str(hall.folder / "drives" / "*"), "--ports", str(hall.folder / "ports" / "ttyACM*"))
    return CliRunner().invoke(main, ["flash", "base", "--uf2", str(image), *where, *words])


def blank(hall: Hall, *words: str, **more: str):
    board = hall.board(*words, micropython=False, **more)
    wait_for(lambda: board.drive is not None, "the drive")
    return board


def told(hall: Hall, stage: str = "base") -> list[tuple[str, str]]:
    """Return result and text of all that was told of a stage, each once."""
    return list(dict.fromkeys((line.result, line.text) for line in hall.lines if line.stage == stage and not line.gone))


# -- within a batch


def test_blank_board_in_boot_mode_becomes_a_working_terminal_in_one_run(hall):
    board = blank(hall)
    image = uf2.read(micropython(hall.folder))
    assert hall.batch(image=image).run(), hall.lines[-3:]
    (known,) = hall.book.boards()
    assert (known.state, board.usb_serial, board.state_name) == (ledger.DONE, known.terminal, "terminal")
    name = image.path.name
    assert told(hall) == [
        ("", f"{name} goes onto it"),
        ("", f"{name} is on it; it starts"),
        (ledger.OK, f"{name} is on it; it starts: its port is there"),
    ]
    stages = [(stage.stage, stage.result) for stage in hall.book.stages()]
    assert stages == [("base", ledger.OK), *((stage, ledger.OK) for stage in NAMES)]


def test_boards_in_boot_mode_are_served_together_and_one_of_another_chip_stops_none(hall, only_found):
    boards = [blank(hall), blank(hall), blank(hall, chip="rp2040")]
    hall.batch(wait_s=0.5, image=uf2.read(micropython(hall.folder))).run()
    assert [board.state_name for board in boards] == [PROMPT, PROMPT, BOOT_DRIVE]
    (failed,) = [line for line in hall.lines if line.result == ledger.STAGE_FAILED and line.stage == "base"]
    assert failed.text == "the image is for RP2350, the board has RP2040" and "RPI_PICO " in failed.cure
    assert sorted(stage.result for stage in hall.book.stages() if stage.stage == "base") == ["failed", "ok", "ok"]


def test_older_micropython_is_found_once_it_runs(hall):
    blank(hall, "version@1.24.0")
    assert not hall.batch(wait_s=0.5, image=uf2.read(micropython(hall.folder))).run()
    last = hall.lines[-1]
    assert (last.stage, last.code) == ("identify", faults.WRONG_IMAGE) and "1.24.0" in last.text


def test_cable_pulled_in_the_middle_of_the_copy_is_told_and_the_board_is_served_when_it_is_back(hall, only_found):
    board = blank(hall)
    again = []

    def show(line):
        hall.show(line)
        if line.stage == "base" and line.done and not again:
            again.append(line.done)
            board.unplug()
        elif line.gone and line.result == ledger.STAGE_FAILED:
            board.plug()

    hall.batch(wait_s=0.5, show=show, image=uf2.read(micropython(hall.folder))).run()
    results = [text for result, text in told(hall) if result == ledger.STAGE_FAILED]
    assert results == [f"the drive took {again[0]} of {PIECES * boot_drive.PIECE_BYTES} bytes: the board went away"]
    assert board.state_name == PROMPT and hall.lines[-1].stage == "identify"


def test_port_that_never_comes_is_told(hall, monkeypatch):
    monkeypatch.setattr(base_image, "PORT_S", 0.3)
    blank(hall)
    assert not hall.batch(wait_s=0.1, image=uf2.read(no_micropython(hall.folder))).run()
    (failed,) = [line for line in hall.lines if line.code and not line.gone]
    assert (failed.code, failed.text) == (faults.NO_ANSWER, "no port appeared in 0 s")
    assert "not MicroPython" in failed.cure
    assert [stage.result for stage in hall.book.stages()] == [ledger.STAGE_FAILED]


def test_drive_that_stays_after_the_copy_is_told(hall, monkeypatch):
    monkeypatch.setattr(base_image, "PORT_S", 0.3)
    drive = hall.folder / "drives" / "RP2350"
    drive.mkdir(parents=True)
    (drive / boot_drive.INFO).write_text("Board-ID: RP2350\n")
    assert not hall.batch(wait_s=0.1, image=uf2.read(micropython(hall.folder))).run()
    assert told(hall)[-1] == (ledger.STAGE_FAILED, "the board did not take the image: its drive is still there")


def test_run_without_an_image_says_so_of_a_board_in_boot_mode(hall):
    blank(hall)
    assert not hall.batch(wait_s=0.1).run()
    (line,) = hall.lines
    assert (line.result, line.code) == (ledger.STAGE_FAILED, faults.WRONG_IMAGE)
    assert "--uf2" in line.cure and "RPI_PICO2" in line.cure and hall.book.stages() == []


def test_dry_run_copies_nothing(hall):
    board = blank(hall)
    image = uf2.read(micropython(hall.folder))
    hall.batch(wait_s=0.1, image=image, dry=True).run()
    assert told(hall) == [(ledger.OK, f"would get {image.path.name}")]
    assert board.status()["drive_blocks"] == 0 and hall.book.stages() == []


def test_run_that_is_stopped_in_the_middle_of_the_copy_ends_soon_and_the_next_one_goes_on(hall, only_found):
    board = blank(hall)
    image = uf2.read(micropython(hall.folder))

    def show(line):
        hall.show(line)
        if line.done:
            hall.bench.stop.set()

    hall.batch(show=show, image=image).run()
    assert [stage.result for stage in hall.book.stages()] == [ledger.STOPPED]
    assert board.state_name == BOOT_DRIVE and 0 < board.status()["drive_blocks"] < len(image.data) // 512
    hall.batch(wait_s=0.5, image=image).run()
    assert board.state_name == PROMPT


# -- yiping flash base


def test_base_puts_the_image_on_each_board_and_says_which_micropython_answers_where(hall):
    boards = [blank(hall), blank(hall)]
    drives = [board.drive for board in boards]
    said = base(hall, micropython(hall.folder), "--board", "k5")
    lines = [
        f"{drive}: MicroPython 1.29.0 answers at {board.port}" for drive, board in zip(drives, boards, strict=True)
    ]
    assert (said.exit_code, said.stdout.splitlines()) == (0, lines), said.output


def test_base_without_a_board_in_boot_mode_says_how_to_bring_one(hall):
    said = base(hall, micropython(hall.folder))
    assert said.exit_code == 1
    assert "no board in boot mode" in said.stderr and "hold BOOTSEL" in said.stderr and "RP2350" in said.stderr


def test_base_refuses_an_image_that_says_it_is_too_old_before_any_board_is_touched(hall):
    board = blank(hall)
    said = base(hall, micropython(hall.folder, "1.28.1"))
    assert said.exit_code == 1 and "this is MicroPython 1.28, needed is 1.29 or newer" in said.stderr
    assert board.status()["drive_blocks"] == 0


def test_base_goes_on_after_a_board_that_it_refuses(hall):
    boards = [blank(hall, chip="rp2040"), blank(hall)]
    said = base(hall, micropython(hall.folder), "--board", "t35")
    assert said.exit_code == 1 and [board.state_name for board in boards] == [BOOT_DRIVE, PROMPT]
    assert "has the chip RPI-RP2, needed is RP2350" in said.stderr and "1.29.0 answers" in said.stdout


def test_base_tells_when_what_runs_after_the_copy_is_too_old(hall):
    blank(hall, "version@1.24.0")
    said = base(hall, micropython(hall.folder))
    assert said.exit_code == 1 and "MicroPython 1.24.0 for rp2 is on the board now" in said.stderr, said.output
    assert "--uf2" in said.stderr


def test_base_tells_when_what_runs_after_the_copy_does_not_say_what_it_is(hall, monkeypatch):
    monkeypatch.setattr(base_image, "_ASK", "import something_else")  # as an image answers that is another Python
    blank(hall)
    said = base(hall, micropython(hall.folder))
    assert said.exit_code == 1 and "does not say what it is: ImportError" in said.stderr, said.output


def test_base_tells_of_a_port_that_never_comes(hall, monkeypatch):
    monkeypatch.setattr(base_image, "PORT_S", 0.3)
    blank(hall)
    said = base(hall, no_micropython(hall.folder))
    assert said.exit_code == 1 and "no port appeared" in said.stderr and "not MicroPython" in said.stderr


@pytest.mark.parametrize("is_stopped", [False, True], ids=["cable", "Ctrl-C"])
def test_base_cut_off_in_the_middle_of_the_copy_is_told_and_works_the_next_time(hall, monkeypatch, is_stopped):
    board = blank(hall)
    image = micropython(hall.folder)
    real = os.fsync

    def cut(fd):
        real(fd)
        monkeypatch.setattr(os, "fsync", real)
        if is_stopped:
            raise KeyboardInterrupt
        board.unplug()

    monkeypatch.setattr(boot_drive.os, "fsync", cut)
    said = base(hall, image)
    cause = "stopped" if is_stopped else f"the drive took {boot_drive.PIECE_BYTES} of"
    assert said.exit_code == 1 and cause in said.stderr and "again" in said.stderr, said.output
    board.plug()
    wait_for(lambda: board.drive is not None, "the drive")
    assert base(hall, image).exit_code == 0
