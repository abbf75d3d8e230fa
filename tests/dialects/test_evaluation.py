"""What every dialect has in common: a level is taken for one only if it is one, final, and of this very invite."""

import asyncio

import pytest

from host_agent import orders
from host_agent.changes import Changes
from host_agent.dialects import evaluation
from host_agent.dialects.evaluation import Desk, never_uploaded
from protocol import messages, reasons

INVITE = b"i" * 16


class Window:
    """Stand for a window whose terminal answers QUERY with what the test says."""

    def __init__(self, *rated, reveals=True, uploader="counter"):
        self.section = type("Section", (), {"id": "W01", "terminal": "YP-0001", "uploader": uploader})
        self.connected = True
        self.reveals = reveals
        self.asked = 0
        self._rated = list(rated)

    def request(self, type_, fields):
        assert type_ == messages.QUERY
        self.asked += 1
        rated = self._rated.pop(0) if len(self._rated) > 1 else self._rated[0]
        future = asyncio.get_running_loop().create_future()
        future.set_result((reasons.OK, None if rated is None else {"rated": rated}))
        return future


def rated(level, **fields):
    return {"invite": INVITE, "final": True, "level": level, **fields}


def level(window, monkeypatch):
    """Return what a dialect hears, within as many looks as the terminal has answers."""
    monkeypatch.setattr(evaluation, "LOOK_S", 0.0)
    monkeypatch.setattr(evaluation, "FINAL_S", 0.05)
    return asyncio.run(Desk(window, Changes()).level(INVITE))


@pytest.mark.parametrize("number", range(1, 6))
def test_level_of_a_final_rating_is_told(monkeypatch, number):
    found = level(Window(rated(number, tags=[510, 517])), monkeypatch)
    assert (found.level, found.tags) == (number, (510, 517))


@pytest.mark.parametrize("number", [0, 6, 10, -1, None, "5", 5.5, [5]])
def test_level_that_does_not_exist_is_none_and_never_five(monkeypatch, number):
    assert level(Window(rated(number)), monkeypatch) is None


def test_level_is_waited_for_until_nobody_can_change_it(monkeypatch):
    window = Window(rated(5, final=False), None, rated(5, final=False), rated(2))
    assert level(window, monkeypatch).level == 2
    assert window.asked == 4


@pytest.mark.parametrize("answer", [None, rated(5, final=False), rated(5, invite=b"o" * 16), rated(5, final="yes"), 5])
def test_level_that_is_not_final_or_not_of_this_invite_is_never_told(monkeypatch, answer):
    assert level(Window(answer), monkeypatch) is None


def test_level_of_a_terminal_that_reveals_nothing_is_not_even_asked_for(monkeypatch):
    window = Window(rated(5), reveals=False)
    assert level(window, monkeypatch) is None and window.asked == 0
    assert asyncio.run(orders.rated_level(window, INVITE)) is None


def test_warning_of_a_window_that_nobody_uploads_names_it_and_its_cure():
    windows = {"W01": Window(None, reveals=False), "W02": Window(None), "W03": Window(None, uploader="agent")}
    (warning,) = never_uploaded(windows)
    assert (warning["code"], warning["window"]) == ("never_uploaded", "W01")
    assert 'uploader = "agent"' in warning["message"]
