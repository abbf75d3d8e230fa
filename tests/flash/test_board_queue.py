"""What keeps a board from being erased: its queue has to be on the station whole."""

import threading
from types import SimpleNamespace

import pytest

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.flash.board_queue import end_epoch
from host_agent.provision import ending
from tests.provision.bench_board import BenchBoard
from tests.provision.stations import make_station


def test_queue_with_a_hole_is_refused_as_ending_refuses_it(tmp_path):
    station = make_station(tmp_path)
    board = BenchBoard()
    _, made = ending.renew(board, station, tmp_path / "a", station.next_terminal(), ("C01", "W01"), False)
    board.work(30)
    terminal = made.entry.terminal
    at = bytes(board.image).find(board.sealed[(terminal, 1, 12)])
    board.image[at : at + 170] = bytes(170)

    def run(code, _limit_s):
        return board.run(code.removeprefix("import gc\ngc.collect()\n"))

    prompt = SimpleNamespace(port="p", run=run)
    bench = SimpleNamespace(station=station, station_lock=threading.Lock(), archive=tmp_path / "kept")
    job = SimpleNamespace(
        open_prompt=prompt, port="p", progress=lambda _done, _all: None, check_stop=lambda: None, bench=bench
    )
    with pytest.raises(BoardFault, match="events 12 to 12") as caught:
        end_epoch(job, terminal, 1)
    assert caught.value.code == faults.QUEUE and not bench.archive.exists()
    assert station.newest(terminal).state == "written"
    station.close()
