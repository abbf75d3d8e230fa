"""Which window a board gets: what a person at the bench expects of boards that failed, of new ones and of terminals."""

import threading
from types import SimpleNamespace

import pytest

from host_agent.board.faults import BoardFault
from host_agent.flash import chips, ledger, stages_find
from host_agent.flash.fleet_table import FleetRow
from host_agent.flash.ledger import Ledger
from host_agent.flash.rows import Rows
from host_agent.provision.station import ENDED, WRITTEN

ROWS = [FleetRow(n + 1, "C01", f"W{n:02}", "k5") for n in range(1, 4)]
FIRST, SECOND, NEW = (f"e66141040319{n:04x}" for n in (1, 2, 0xFF))


class Desk:
    """A ledger, the boards that are at ports, and what the station knows of terminals."""

    def __init__(self, folder):
        self.book = Ledger(folder / "flash.db")
        self.plugged: set[str] = set()
        self.stands: dict[str, tuple[str, str, str]] = {}
        self.rows = self.run(ROWS)

    def run(self, rows):
        self.rows = Rows(rows, self.book, lambda: {name.casefold() for name in self.plugged})
        return self.rows

    def newest(self, terminal):
        found = self.stands.get(terminal)
        return found and SimpleNamespace(centre=found[0], window=found[1], state=found[2])

    def note(self, uid, row, state, terminal=None):
        self.book.assign(uid, "RP2350", row)
        self.book.note(uid, state=state, terminal=terminal, epoch=1, version="1")

    def claim(self, uid, terminal=None):
        self.plugged.add(terminal or uid)
        bench = SimpleNamespace(station=self, station_lock=threading.Lock())
        job = SimpleNamespace(uid=uid, chip=chips.RP2350, kind="k5", port="/dev/ttyACM0", bench=bench)
        return self.rows.claim(job, terminal).window

    def refusal(self, uid, terminal=None):
        with pytest.raises(BoardFault) as caught:
            self.claim(uid, terminal)
        return f"{caught.value.what}: {caught.value.cure}"


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.book.close()


def test_new_board_gets_a_free_window_before_one_whose_board_failed(desk):
    desk.note(FIRST, ROWS[0], ledger.FAILED)
    assert desk.claim(NEW) == "W02"


@pytest.mark.parametrize(("terminal", "serial"), [(None, FIRST.upper()), ("YP-000001-S", "yp-000001-s")])
def test_failed_window_is_kept_for_its_board_that_is_at_a_port_and_not_identified_yet(desk, terminal, serial):
    desk.run(ROWS[:1])
    desk.note(FIRST, ROWS[0], ledger.FAILED, terminal)
    desk.plugged.add(serial)  # as a bare board, or as a terminal whose jumper is set
    said = desk.refusal(NEW)
    assert "C01/W01 is kept for the board that failed there, which is plugged in" in said and "unplug it" in said
    assert desk.claim(FIRST, terminal) == "W01"


def test_failed_window_goes_to_another_board_once_its_own_is_at_no_port(desk):
    desk.run(ROWS[:1])
    desk.note(FIRST, ROWS[0], ledger.FAILED)
    assert desk.claim(NEW) == "W01"
    assert desk.book.board(FIRST).state == ledger.REPLACED


def test_window_of_a_board_that_failed_in_this_run_is_free_once_it_is_unplugged(desk):
    desk.run(ROWS[:1])
    assert desk.claim(FIRST) == "W01"
    desk.book.note(FIRST, state=ledger.FAILED)
    desk.plugged.clear()
    assert "no window" in desk.refusal(NEW)  # it may only restart just now
    desk.rows.release(FIRST)
    assert desk.claim(NEW) == "W01"


def test_window_of_a_locked_terminal_under_test_is_kept_though_its_port_names_nobody(desk):
    desk.run(ROWS[:1])
    desk.note(FIRST, ROWS[0], ledger.FAILED, "YP-000001-S")
    desk.rows.hold(FIRST, ROWS[0])
    assert "no window" in desk.refusal(NEW)


@pytest.mark.parametrize("terminal", ["YP-000001-S", None], ids=["its jumper is set", "at the bare prompt"])
def test_finished_board_never_gets_another_window(desk, terminal):
    desk.note(FIRST, ROWS[0], ledger.DONE, "YP-000001-S")
    desk.note(SECOND, ROWS[1], ledger.FAILED)
    desk.run(ROWS[1:])
    said = desk.refusal(FIRST, terminal)
    assert "terminal YP-000001-S of C01/W01, which is not in this run" in said and "yiping terminal swap" in said
    assert (desk.book.board(FIRST).window, desk.book.board(SECOND).state) == ("W01", ledger.FAILED)


def test_finished_board_gets_its_own_window_again(desk):
    desk.note(FIRST, ROWS[1], ledger.DONE, "YP-000001-S")
    assert desk.claim(FIRST, "YP-000001-S") == "W02"


def test_terminal_that_the_station_knows_gets_its_window_in_a_new_ledger_or_none(desk):
    desk.stands["YP-000001-S"] = ("C01", "W03", WRITTEN)
    assert desk.claim(FIRST, "YP-000001-S") == "W03"
    desk.stands["YP-000002-M"] = ("C01", "W03", WRITTEN)
    assert "C01/W03, for which the ledger has another board" in desk.refusal(SECOND, "YP-000002-M")
    desk.stands["YP-000002-M"] = ("C09", "W01", WRITTEN)
    assert "C09/W01, which is not in this run" in desk.refusal(SECOND, "YP-000002-M")
    desk.stands["YP-000002-M"] = ("C09", "W01", ENDED)
    assert desk.claim(SECOND, "YP-000002-M") == "W01"


def test_board_that_was_swapped_to_another_window_goes_there(desk):
    desk.note(FIRST, ROWS[0], ledger.DONE, "YP-000001-S")
    desk.stands["YP-000001-S"] = ("C01", "W02", WRITTEN)
    assert desk.claim(FIRST, "YP-000001-S") == "W02"
    assert desk.claim(NEW) == "W01"


def test_failed_board_whose_window_is_no_longer_in_the_table_gets_another_one(desk):
    desk.note(FIRST, ROWS[0], ledger.FAILED, "YP-000001-S")
    desk.stands["YP-000001-S"] = ("C01", "W01", WRITTEN)
    desk.run(ROWS[1:])
    assert desk.claim(FIRST, "YP-000001-S") == "W02"


def test_replaced_board_that_comes_back_gets_a_free_window(desk):
    desk.note(FIRST, ROWS[0], ledger.FAILED, "YP-000001-S")
    desk.stands["YP-000001-S"] = ("C01", "W01", WRITTEN)
    desk.note(NEW, ROWS[0], ledger.DONE)
    assert desk.claim(FIRST, "YP-000001-S") == "W02"


def test_locked_terminal_of_a_window_that_is_not_in_the_run_is_told_as_such(desk, tmp_path):
    desk.note(FIRST, ROWS[0], ledger.DONE, "YP-000001-S")
    bench = SimpleNamespace(ledger=desk.book, rows=desk.run(ROWS[1:]))
    hello = {"terminal": "YP-000001-S", "epoch": 1, "firmware": "1"}
    job = SimpleNamespace(bench=bench, hello=hello, state="terminal", terminal="YP-000001-S", port="p")
    with pytest.raises(BoardFault, match="terminal YP-000001-S of C01/W01, which is not in this run"):
        stages_find.Identify().run(job)
