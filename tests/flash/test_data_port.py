"""What the station takes for a terminal's answer at its data port."""

from types import SimpleNamespace

import pytest

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.flash.data_port import DataPort
from protocol import messages, reasons


def port(*answers: object) -> DataPort:
    """Return an open port whose terminal answers so, one after the other."""
    made = DataPort.__new__(DataPort)
    made.port = "p"
    made._link = SimpleNamespace(request=lambda *_: 7)
    made._pump = lambda _s: []
    waiting = iter(answers)

    def wait(_name: str, _limit_s: float) -> tuple:
        answer = next(waiting)
        if isinstance(answer, BoardFault):
            raise answer
        return ("replied", 7, answer, None)

    made._wait = wait
    return made


def test_terminal_that_is_busy_to_the_end_is_busy_though_its_last_answer_comes_too_late():
    busy = port(reasons.BUSY, reasons.BUSY, faults.no_answer("p"))
    assert busy.request(messages.SELF_TEST, {}) == (reasons.BUSY, {})


@pytest.mark.parametrize("answers", [(faults.no_answer("p"),), (reasons.BUSY, faults.unplugged("p"))])
def test_terminal_that_never_answers_or_goes_away_is_told(answers):
    with pytest.raises(BoardFault):
        port(*answers).request(messages.SELF_TEST, {})
