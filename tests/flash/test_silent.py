"""Terminals that the station cannot ask once they have started, and those whose jumper is still set."""

import attrs
import pytest

from host_agent.board import faults
from host_agent.flash import ledger, report
from host_agent.flash.stages_end import TAKE_OFF
from tests.flash.hall import Hall
from tests.unit.simulated import wait_for


def jumpered(hall: Hall, *faults: str):
    board = hall.board(*faults)
    board.unplug()
    board.set_jumper(True)
    board.plug()
    return board


def test_terminal_with_its_link_on_the_uart_is_tested_before_it_starts_and_has_no_console_then(hall):
    hall.rows = [attrs.evolve(hall.rows[0], link="uart")]
    board = hall.board()
    assert hall.batch().run(), hall.lines[-3:]
    (known,) = hall.book.boards()
    stages = {stage.stage: stage.detail for stage in hall.book.stages(known.uid)}
    assert "all parts are well" in stages["bench"] and "answers first at its window" in stages["self-test"]
    assert report.entries(hall.book, hall.rows, {})[0].bench.startswith("without a person")
    assert (known.state, hall.station.newest(known.terminal).state) == (ledger.DONE, "written")
    assert (board.port, board.data_port) == (None, None)


@pytest.mark.slow
def test_terminal_on_the_uart_with_a_dead_part_gets_no_identity(hall):
    hall.rows = [attrs.evolve(hall.rows[0], link="uart")]
    board = hall.board("dead-nor")
    assert not hall.batch(wait_s=0.5).run()
    failed = next(line for line in hall.lines if line.code)
    assert (failed.stage, failed.code) == ("bench", faults.SELF_TEST)
    assert board.port is not None and hall.station.places() == []


@pytest.mark.slow
@pytest.mark.parametrize("link", ["usb", "uart"])
def test_jumper_that_is_still_set_is_to_be_taken_off(hall, link):
    hall.rows = [attrs.evolve(hall.rows[0], link=link)]
    board = jumpered(hall)
    assert hall.batch().run(), hall.lines[-3:]
    ended = [line for line in hall.lines if line.stage == "done" and line.result]
    assert ended[-1].text.endswith(TAKE_OFF)
    wait_for(lambda: board.port is not None, "the console that the jumper opens")
    board.unplug()
    board.set_jumper(False)
    board.plug()
    wait_for(lambda: board.port is None, "a terminal without a console")
