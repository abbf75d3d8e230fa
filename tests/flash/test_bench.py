"""`yiping flash --bench`: a person at the simulated board does what is asked, and once hears nothing."""

import threading
from types import SimpleNamespace

import pytest

from host_agent.board import faults
from host_agent.board.faults import BoardFault, StoppedError
from host_agent.board.prompt import PromptError
from host_agent.flash import ledger, report
from host_agent.flash.job import PROMPT, Job
from host_agent.flash.live import percent
from host_agent.flash.stages_bench import BENCH, ORDER, PersonTest
from host_agent.flash.worker import Line
from protocol import self_test_parts as parts
from simulator.bare_board import BareBoard
from tests.flash.hall import Hall

KEYS = {6: "function", 7: "clerk"}
YES, NO = 1, 5


class Person:
    """Does what the station tells to do, at the board in work; `deaf` who hears no voice."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.deaf = False
        self.orders: list[str] = []

    def show(self, line: Line) -> None:
        """See the line, and act in a moment."""
        self.hall.show(line)
        order = line.text.removeprefix(ORDER)
        if line.text.startswith(ORDER) and order != "it begins" and not line.result:
            self.orders.append(order)
            threading.Timer(0.1, self.obey, (self.hall.boards[-1], order)).start()

    def obey(self, board: BareBoard, order: str) -> None:
        if order.startswith("press key "):
            number = int(order.split()[-1])
            board.press(KEYS.get(number, number))
        elif order.endswith("the case"):
            board.open_case(order.startswith("open"))
        else:
            board.press(NO if self.deaf and order.endswith("voice") else YES)


@pytest.mark.slow
def test_board_whose_voice_nobody_hears_fails_and_becomes_a_terminal_once_it_is_heard(tmp_path):
    hall = Hall(tmp_path, 1)
    person = Person(hall)
    try:
        board = hall.board()
        person.deaf = True
        assert not hall.batch(wait_s=1.0, show=person.show, person=True).run()
        failed = next(line for line in hall.lines if line.code)
        assert (failed.stage, failed.code) == (BENCH, faults.SELF_TEST), failed
        assert "the voice module does not play" in failed.text
        assert person.orders[:2] == ["press key 1", "press key 2"] and "open the case" in person.orders
        assert told(hall).bench.startswith("self_test: the person found: the voice module does not play")
        board.unplug()
        assert "main.py" not in board.files()  # no terminal before a person found it well
        person.deaf = False
        board.plug()
        assert hall.batch(show=person.show, person=True).run(), hall.lines[-3:]
        assert (told(hall).state, told(hall).bench) == (ledger.DONE, "all parts are well")
        names = [stage.stage for stage in hall.book.stages() if stage.result == ledger.OK]
        assert names[names.index(BENCH) - 1 :][:3] == ["verify", BENCH, "provision"]
    finally:
        hall.close()


def told(hall: Hall) -> report.Entry:
    return report.entries(hall.book, hall.rows, {})[0]


class ScriptedPrompt:
    """A board's prompt that prints what a test prints, or fails."""

    port = "p"

    def __init__(self, said: str) -> None:
        self.said = said

    def run(self, _code: str, _limit_s: float, heard) -> str:
        if not self.said:
            raise PromptError("MemoryError: ")
        for byte in self.said.encode():
            heard(bytes((byte,)))
        heard(b"")
        return self.said


def job(said: str) -> tuple[Job, list[str]]:
    bench = SimpleNamespace(person_lock=threading.Lock(), stop=threading.Event())
    texts: list[str] = []
    made = Job(bench, "g", ["p"], state=PROMPT, prompt=ScriptedPrompt(said), row=SimpleNamespace(board="k5"))
    made.tell = texts.append
    return made, texts


def test_orders_are_told_in_words_as_they_are_given():
    made, texts = job("ask key 6\r\nask case shut\r\nask voice\r\nfailed 0 judged 16383\r\n")
    assert PersonTest().run(made) == "all parts are well"
    assert [text.removeprefix(ORDER) for text in texts[1:]] == [
        "press key 6", "shut the case", "look or listen, answer: voice"
    ]  # fmt: skip
    assert 40 < percent(Line("p", stage=BENCH)) < 70


@pytest.mark.parametrize(
    ("said", "cause"),
    [(f"failed {parts.KEYS} judged 16383\n", "a key is stuck, dead or wired wrongly"), ("", "broke off: MemoryError")],
)
def test_failed_and_broken_tests_are_faults_of_the_board_and_free_the_person(said, cause):
    made, _ = job(said)
    with pytest.raises(BoardFault, match=cause) as caught:
        PersonTest().run(made)
    assert caught.value.code == faults.SELF_TEST and not made.bench.person_lock.locked()


def test_stop_ends_the_waiting_for_the_person_and_the_test():
    made, texts = job("ask key 1\nfailed 0 judged 1\n")
    made.bench.stop.set()
    with pytest.raises(StoppedError):
        PersonTest().run(made)
    assert not made.bench.person_lock.locked()
    made.bench.person_lock.acquire()
    with pytest.raises(StoppedError):
        PersonTest().run(made)
    assert texts[-1] == "waits until the person has tested the board before"
