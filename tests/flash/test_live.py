"""What the technician sees while boards are flashed: which board, how far, what to do with it now."""

import io

import pytest
from rich.console import Console

from host_agent.flash import ledger
from host_agent.flash.live import FAILED, LEAVE, UNPLUG, PlainView, TableView
from host_agent.flash.stages_end import TAKE_OFF
from host_agent.flash.worker import Line
from tests.flash import moments


def drawn(view: TableView) -> str:
    view._console.print(view.table())
    said = view._console.file.getvalue()
    view._console.file.seek(0)
    view._console.file.truncate()
    return said


def table(columns: int = 120, rows: int = 50, done: tuple[str, ...] = ()) -> TableView:
    return TableView(Console(file=io.StringIO(), width=columns, height=rows), 8, done)


def at(port: str, board: str, stage: str = "write", result: str = "", **more: object) -> Line:
    return Line(port, window=f"C01/{board}", terminal=f"T-{board}", stage=stage, result=result, group=board, **more)


def test_boards_whose_ports_swapped_names_keep_a_row_each():
    view = table()
    view.show(at("ttyACM0", "W1"))
    view.show(at("ttyACM1", "W2"))
    view.show(at("ttyACM1", "W1", "done", ledger.OK))
    view.show(at("ttyACM1", "W2", "verify"))
    rows = drawn(view).splitlines()
    assert UNPLUG in next(row for row in rows if "C01/W1" in row)
    assert LEAVE in next(row for row in rows if "C01/W2" in row)


def test_row_goes_with_a_finished_board_and_stays_with_a_failed_one_until_another_takes_its_place():
    view = table()
    view.show(at("ttyACM0", "W1", "done", ledger.OK))
    view.show(at("ttyACM1", "W2", "write", ledger.STAGE_FAILED, text="went away", cure="plug it in"))
    for board in ("W1", "W2"):
        view.show(Line("any", group=board, gone=True))
    said = drawn(view)
    assert "C01/W1" not in said and "1 of 8 windows done" in said
    assert "→ plug it in" in said and "it is unplugged" in said
    view.show(at("ttyACM1", "W3"))
    said = drawn(view)
    assert "went away" not in said and "0 failed" in said


def test_row_of_a_terminal_that_shows_no_port_stays_until_another_board_stands_at_its_port():
    view = table()
    view.show(at("ttyACM0", "W1", "done", ledger.OK, silent=True))
    view.show(Line("ttyACM0", group="W1", gone=True))
    assert UNPLUG in drawn(view)
    view.show(at("ttyACM0", "W2"))
    said = drawn(view)
    assert "C01/W1" not in said and "1 of 8 windows done" in said


def test_jumper_is_told_where_the_hand_is():
    view = table(80)
    view.show(at("ttyACM0", "W1", "done", ledger.OK, text=f"C01/W1: unplug it {TAKE_OFF}"))
    assert "take the maintenance jumper off" in drawn(view)


def test_windows_done_before_count_once():
    view = table(done=("C01/W1", "C01/W2"))
    view.show(at("ttyACM0", "W1", "done", ledger.OK))
    assert "2 of 8 windows done" in drawn(view)


@pytest.mark.parametrize("columns", [80, 120])
def test_every_word_of_cause_and_cure_is_on_the_screen(columns):
    view = table(columns)
    lines = moments.failing()
    for line in lines:
        view.show(line)
    shown = drawn(view)
    assert "…" not in shown and max(map(len, shown.splitlines())) <= columns
    for line in lines:
        for word in f"{line.text} {line.cure} {line.terminal}".split():
            assert word in shown, word


def test_boards_that_wait_for_a_hand_come_first_where_not_all_have_room():
    view = table(80, 24)
    for line in moments.many():
        view.show(line)
    rows = drawn(view).splitlines()
    assert len(rows) <= 24
    assert [any(word in row for row in rows[:11]) for word in (UNPLUG, FAILED, "asks: press key")] == [True] * 3
    assert any("boards more" in row for row in rows)


def test_plain_lines_tell_each_stage_once_with_cause_and_cure():
    said: list[str] = []
    view = PlainView(said.append)
    for line in [*moments.working(), *moments.working(), Line("p", group="g", gone=True)]:
        view.show(line)
    assert said == [
        "/dev/ttyACM1  C01/W01  YP-000001-S: ok: C01/W01: unplug it",
        "/dev/ttyACM2  C01/W02: failed: the board went away: plug it in again: it goes on where it was",
        "/dev/ttyACM6  C01/W06: identify: waits for the first board to succeed",
    ]
