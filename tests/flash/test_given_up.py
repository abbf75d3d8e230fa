"""A board that failed and gave its window away: its terminal is lost for the city, its secret stands nowhere."""

import base64
import json
from pathlib import Path

import pytest

from host_agent.board import faults, files
from host_agent.provision import swap
from host_agent.provision.station import LOST, WRITTEN
from tests.flash.flash_process import FlashProcess
from tests.flash.hall import Hall


@pytest.mark.slow
def test_terminal_of_a_replaced_board_is_told_to_be_lost(hall):
    first = hall.board("dead-nor")
    assert not hall.batch(wait_s=4.0).run()
    (old,) = hall.station.at("C01", "W01")
    first.unplug()
    hall.board()
    assert hall.batch(wait_s=20.0).run(), hall.lines[-3:]
    (new,) = hall.station.at("C01", "W01")
    assert new.terminal != old.terminal
    assert (hall.station.newest(old.terminal).state, hall.station.newest(new.terminal).state) == (LOST, WRITTEN)
    assert old.terminal in lost(hall)
    assert swap.old_at(hall.station, "C01", "W01", None).terminal == new.terminal


@pytest.mark.slow
def test_settings_of_a_board_that_was_cut_off_before_they_were_in_force_are_worth_nothing(hall, monkeypatch):
    def broken(_self, _pairs):
        raise faults.unplugged("x")

    with monkeypatch.context() as planted:
        planted.setattr(files.BoardFiles, "rename", broken)
        board = hall.board()
        assert not hall.batch(wait_s=2.0).run()
    board.unplug()
    assert "settings.json.new" not in board.files()  # the board was there: it was removed
    (old,) = hall.station.at("C01", "W01")
    hall.board()
    assert hall.batch(wait_s=20.0).run(), hall.lines[-3:]
    assert old.terminal in lost(hall)


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("dead-nor",)], ids=["done", "failed"])
def test_secret_of_a_terminal_stands_in_no_file_of_the_station_and_in_nothing_that_is_printed(hall, words):
    board = hall.board(*words)
    code, said = FlashProcess(hall).run()
    assert code == len(words), said
    board.unplug()
    secret = bytes.fromhex(json.loads(board.files()["settings.json"])["secret"])
    forms = [secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret)[:40]]
    assert any(form in board.files()["settings.json"] for form in forms)  # it would be found
    own = [path for path in hall.folder.rglob("*") if path.is_file() and not is_boards(hall, path)]
    assert {"bench-1.db", "flash.db"} <= {path.name for path in own}
    for text in (*(path.read_bytes() for path in own), said.encode()):
        assert not any(form in text for form in forms)


def is_boards(hall: Hall, path: Path) -> bool:
    """Say whether a file is one of a board's own chips."""
    return any(path.is_relative_to(board.folder) for board in hall.boards)


def lost(hall: Hall) -> set[str]:
    told = [json.loads(public) for _, public, _ in hall.station.records(1)]
    return {one["terminal"] for one in told if one["what"] == LOST}
