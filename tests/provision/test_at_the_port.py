"""From the bare prompt of a board to another epoch, through mpremote and a pty: the board runs the real MicroPython."""

import json

import pytest
from mpremote.transport_serial import SerialTransport

from host_agent.board.caller import at_port
from host_agent.bundle import libraries
from host_agent.provision.station import Station
from host_agent.rescue import archive
from protocol import evidence, rating
from simulator.bare_board import BareBoard
from simulator.stage import FIRMWARE, PROTOCOL, _files
from tests.both.support import aes
from tests.provision.stations import make_station, yiping
from tests.unit.simulated import wait_for

NEEDED = ("bench", "boards", "drivers/nor", "drivers/rtc", "protocol", "store")
# The first start and an invite that stays open, by the firmware's own parts.
WORK = """
import bench, boards
from drivers import nor_w25q
from store import opening, settings
own = settings.load(settings.PATH)
nor, rtc = boards.at_the_bench(boards.load(own.board))
found, why = opening.open_journal(nor, own, settings.PATH, nor_w25q.NorError)
found.append_invite(b"i" * 16, 1)
print(why, found.boot)
"""


@pytest.fixture
def board(tmp_path):
    bare = BareBoard(tmp_path / "board", micropython=True, jumper=True).start()
    wait_for(lambda: bare.port is not None, "the console's port")
    flashed = _files(FIRMWARE, PROTOCOL, "k5")
    modules = libraries.unpack({path[2:]: data for path, data in flashed.items() if path.startswith("a/")})
    files = {path: data for path, data in modules.items() if path.startswith(NEEDED)}
    transport = SerialTransport(str(bare.port), 115_200)
    transport.enter_raw_repl(soft_reset=False)
    for folder in sorted({path.rpartition("/")[0] for path in files} - {""}):
        transport.fs_mkdir(folder)
    for path, data in files.items():
        transport.fs_writefile(path, data, chunk_size=4096)
    transport.exit_raw_repl()
    transport.close()
    yield bare
    bare.close()


def settings_on(board):
    with at_port(str(board.port)) as caller:
        return json.loads(caller.run("print(open('settings.json').read())"))


def test_board_at_a_port_is_provisioned_works_ends_and_is_rescued(board, tmp_path):
    station = make_station(tmp_path)
    station.close()
    words = ("--station", station.path, "--port", board.port, "--archives", tmp_path / "rescued")
    place = ("--centre", "C01", "--window", "W01")
    swapped = yiping("terminal", "swap", *words, *place, "--json")
    assert swapped.exit_code == 0, swapped.output
    own = settings_on(board)
    with at_port(str(board.port)) as caller:
        assert caller.run(WORK).split() == ["0", "1"]
    ended = yiping("terminal", "end", *words, "--json")
    assert ended.exit_code == 0, ended.output
    said = json.loads(ended.output)
    assert (said["terminal"], said["epoch"], said["last_seq"], said["events"]) == (own["terminal"], 1, 2, 2)
    key = evidence.event_key(bytes.fromhex(own["secret"]), 1)
    kinds = [
        evidence.open_event(aes, key, event.evidence)[0].kind for event in archive.read(tmp_path / said["archive"])
    ]
    assert kinds == [rating.INTERRUPTED, rating.LAST_OF_EPOCH]
    rescued = yiping("terminal", "rescue", "--port", board.port, "--out", tmp_path / "again.rescue", "--json")
    assert rescued.exit_code == 0 and json.loads(rescued.output)["terminals"][0]["last"] == 2, rescued.output
    assert own["secret"] not in swapped.output + ended.output + rescued.output
    again = yiping("terminal", "swap", *words, *place)
    assert again.exit_code == 0 and "epoch 2" in again.output, again.output
    assert settings_on(board)["epoch"] == 2
    after = Station(station.path)
    assert [(one.epoch, one.state) for one in after.epochs(own["terminal"])] == [(1, "ended"), (2, "written")]
    after.close()
