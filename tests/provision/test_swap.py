"""Swapping a terminal: the window keeps its code, the old one is over, the agent's configuration names the new one."""

import json

import pytest

from host_agent import config as configuration
from host_agent.board import caller
from host_agent.errors import UserError
from host_agent.provision import agent_file, ending
from host_agent.provision.station import ENDED, LOST, WRITTEN, Station
from host_agent.provision.swap import swap
from tests.provision.bench_board import BenchBoard
from tests.provision.stations import make_station, yiping
from tests.provision.test_ending import PLACE, YP1, archived

YP2 = "YP-000002-Q"
TOML = """\
# the hall's first PC
[agent]
id = "pc-01"
centre = "C01"

[[window]]
id = "W01"   # by the door
name = "1号窗口"
terminal = '{w01}'  # label on the back
port = "auto"

[[window]]
terminal = "{w02}"
id = "W02"
"""


@pytest.fixture
def station(tmp_path):
    made = make_station(tmp_path)
    yield made
    made.close()


def standing(station, folder, reveal=False, link="usb"):
    board = BenchBoard()
    ending.renew(board, station, folder, station.next_terminal(), PLACE, reveal, link)
    board.work(4)
    return board


def told(station):
    rows = station._db.conn.execute("SELECT public FROM records ORDER BY n").fetchall()
    return [(one["what"], one["terminal"], one["epoch"]) for one in map(json.loads, (row[0] for row in rows))]


def test_terminal_in_use_is_not_replaced_before_it_is_ended_or_lost(station, tmp_path):
    old = standing(station, tmp_path)
    new = BenchBoard()
    with pytest.raises(UserError, match=f"terminal {YP1} still stands at C01/W01") as caught:
        swap(new, station, tmp_path, PLACE)
    assert "--old-lost" in caught.value.cure and new.settings is None
    ending.end(old, station, tmp_path)
    done = swap(new, station, tmp_path, PLACE)
    assert (done.old.terminal, done.old_state, done.made.entry.terminal) == (YP1, ENDED, YP2)
    assert archived(tmp_path) == old.sealed


def test_new_terminal_shows_the_same_code_and_tells_levels_as_the_old_one(station, tmp_path):
    old = standing(station, tmp_path, reveal=True, link="uart")
    new = BenchBoard()
    done = swap(new, station, tmp_path, PLACE, old_lost=True)
    assert new.settings["qr"] == old.settings["qr"] and done.made.window_address
    assert new.settings["reveal_level"] is True and new.settings["link"] == "uart"
    assert new.settings["secret"] != old.settings["secret"]
    quiet = BenchBoard()
    swap(quiet, station, tmp_path, PLACE, old_lost=True, reveal_level=False)
    assert quiet.settings["reveal_level"] is False


def test_lost_one_is_told_to_the_city_only_when_the_new_one_stands(station, tmp_path):
    standing(station, tmp_path)
    new = BenchBoard()
    new.write = None
    with pytest.raises(TypeError):
        swap(new, station, tmp_path, PLACE, old_lost=True)
    assert station.newest(YP1).state == WRITTEN
    del new.write
    done = swap(new, station, tmp_path, PLACE, new=YP2, old_lost=True)
    assert done.old_state == LOST and station.newest(YP1).state == LOST
    assert told(station)[-2:] == [("provisioned", YP2, 2), ("lost", YP1, 1)]


def test_spare_keeps_its_id_and_its_own_queue_is_archived_first(station, tmp_path):
    standing(station, tmp_path)
    spare = BenchBoard()
    ending.renew(spare, station, tmp_path, YP2, ("C01", "W09"), False)
    spare.work(3)
    sealed = dict(spare.sealed)
    done = swap(spare, station, tmp_path, PLACE, old_lost=True)
    assert (done.made.entry.terminal, done.made.entry.epoch) == (YP2, 2)
    assert set(sealed) <= set(archived(tmp_path)) and done.ended.last_seq == 4


def test_window_where_none_stood_gets_its_first(station, tmp_path):
    board = BenchBoard()
    done = swap(board, station, tmp_path, ("C01", "W05"))
    assert done.old is None and board.settings["window"] == "W05" and board.settings["reveal_level"] is False


def test_window_where_two_stand_is_for_people(station, tmp_path):
    standing(station, tmp_path)
    standing(station, tmp_path)
    with pytest.raises(UserError, match="several terminals stand"):
        swap(BenchBoard(), station, tmp_path, PLACE, old_lost=True)


def config_file(folder, w01=YP1, w02="YP-000009-C"):
    path = folder / "agent.toml"
    path.write_text(TOML.format(w01=w01, w02=w02), encoding="utf-8")
    return path


def test_configuration_names_the_new_terminal_and_keeps_every_other_byte(tmp_path):
    path = config_file(tmp_path)
    before = path.read_text(encoding="utf-8")
    assert agent_file.put_terminal(path, "W01", YP2) == YP1
    assert path.read_text(encoding="utf-8") == before.replace(f"'{YP1}'", f'"{YP2}"')
    assert agent_file.put_terminal(path, "W01", YP2) is None
    assert agent_file.put_terminal(path, "W02", YP1) == "YP-000009-C"
    assert [one.terminal for one in configuration.load(path).windows] == [YP2, YP1]
    assert [one.name for one in tmp_path.iterdir()] == ["agent.toml"]


def test_configuration_that_cannot_be_changed_safely_is_left_alone(tmp_path):
    path = config_file(tmp_path)
    before = path.read_bytes()
    for window, terminal, said in (
        ("W03", YP2, "no window W03"),
        ("W01", "YP-000009-C", "stands at another window"),
    ):
        with pytest.raises(UserError, match=said):
            agent_file.put_terminal(path, window, terminal)
        assert path.read_bytes() == before
    odd = before.decode().replace("terminal = '", '"terminal" = \'').encode()
    path.write_bytes(odd)
    with pytest.raises(UserError, match="was not found") as caught:
        agent_file.put_terminal(path, "W01", YP2)
    assert f'terminal = "{YP2}"' in caught.value.cure and path.read_bytes() == odd


class Port:
    """A prompt at a port that has a board of the bench behind it."""

    def __init__(self, board):
        self.board = board

    def __call__(self, port):
        return self

    def __enter__(self):
        return self.board

    def __exit__(self, *exc):
        return None


def test_commands_end_lose_and_swap_and_never_show_a_secret(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    station = make_station(tmp_path)
    old, new = standing(station, tmp_path / "rescued"), BenchBoard()
    station.close()
    words = ("--station", station.path, "--port", "/dev/ttyACM7")
    monkeypatch.setattr(caller, "at_port", Port(old))
    runs = [yiping("terminal", "end", *words)]
    assert f"{YP1} epoch 1 has ended with event 5" in runs[0].output and "--deliver agent.toml" in runs[0].output
    runs.append(yiping("terminal", "end", *words, "--json"))
    assert json.loads(runs[1].output)["last_seq"] == 5
    monkeypatch.setattr(caller, "at_port", Port(new))
    place = ("--centre", "C01", "--window", "W01")
    runs.append(yiping("terminal", "swap", *words, *place))
    assert f'terminal = "{YP2}"; then restart' in runs[2].output and f"old: {YP1} epoch 1 has ended" in runs[2].output
    config = config_file(tmp_path)
    runs.append(yiping("terminal", "swap", *words, *place, "--agent", config, "--json"))
    assert json.loads(runs[3].output)["epoch"] == 2 and f'"{YP2}"' in config.read_text(encoding="utf-8")
    runs.append(yiping("terminal", "lost", YP2, "--station", station.path))
    runs.append(yiping("station", "list", "--station", station.path))
    assert [run.exit_code for run in runs] == [0] * 6, [run.output for run in runs]
    again = yiping("terminal", "lost", YP2, "--station", station.path)
    assert again.exit_code == 1 and "epoch 2 is lost" in again.output
    typo = yiping("terminal", "lost", "YP-000002-R", "--station", station.path)
    assert typo.exit_code == 1 and "mistyped" in typo.output
    shown = "".join(run.output for run in (*runs, again, typo)) + "".join(capfd.readouterr())
    for board in (old, new):
        secret = board.settings["secret"]
        assert secret not in shown
        for path in tmp_path.rglob("*"):
            if path.is_file():
                raw = path.read_bytes()
                assert secret.encode() not in raw and bytes.fromhex(secret) not in raw, path
    with_states = Station(station.path)
    assert [one.state for one in with_states.places()] == [ENDED, LOST]
    with_states.close()
