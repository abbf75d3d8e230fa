"""Content by command and API, with the agent and without: all or nothing, and no byte left of who was removed."""

import base64
import importlib.util
import random
import sys

import pytest
from click.testing import CliRunner

from host_agent import data_lock, store_staff
from host_agent.cli import main
from host_agent.content import card_file
from host_agent.content.card_boards import BOARDS
from host_agent.store import Store
from tests.unit.agent_support import AgentProcess, Broker, wait_until
from tests.unit.fake_terminal import FakeTerminal
from tests.unit.photos import rough

W = "/api/v1/windows/W01"
TABLE = "工号,姓名,岗位,星级,照片\n007,张晓敏,社保窗口,5,a.jpg\n008,买买提·吐尔逊江,税务窗口,4,\n"


class Hall:
    """Hold an agent that the test starts and stops, and a table with a photo."""

    def __init__(self, folder, extra=""):
        self.folder = folder
        self.broker = Broker(folder).start()
        self.terminal = FakeTerminal(folder / "port").start()
        windows = [("W01", "YP-0001", folder / "port"), ("W02", "YP-0002", folder / "none")]
        self.agent = AgentProcess(folder, self.broker.port, windows, policy=extra)
        self.table = folder / "staff.csv"
        self.table.write_text(TABLE, encoding="gb18030")
        rough(1).save(folder / "a.jpg")

    def start(self):
        self.agent.start("--wait")
        wait_until("the terminal answers", lambda: self.agent.status()["terminals"][0]["connected"])

    def run(self, *words, code=0):
        result = CliRunner().invoke(main, ["staff", *words, "--config", str(self.agent.config)])
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    def store_files(self):
        return b"".join(path.read_bytes() for path in (self.folder / "data").glob("agent.db*"))

    def close(self):
        self.agent.stop()
        self.terminal.close()
        self.broker.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    hall = Hall(tmp_path_factory.mktemp("staff"))
    hall.start()
    yield hall
    hall.close()


@pytest.fixture
def stopped(tmp_path):
    """Return a folder with a configuration and a table; no agent runs."""
    hall = Hall.__new__(Hall)
    hall.folder, hall.table = tmp_path, tmp_path / "staff.csv"
    hall.agent = AgentProcess(tmp_path, 1, [("W01", "YP-0001", tmp_path / "port")])
    hall.table.write_text(TABLE, encoding="utf-8-sig")
    rough(1).save(tmp_path / "a.jpg")
    return hall


def traces(card):
    """Return pieces of a card's portrait; its plain areas are in every file."""
    pieces = (card[start : start + 24] for start in range(1000, 6000, 40))
    return [piece for piece in pieces if len(set(piece)) > 8]


def test_staff_import_list_and_remove_through_the_running_agent(running):
    assert "2 clerks: 2 new" in running.run("import", str(running.table))
    assert "2 clerks: 0 new, 0 changed, 2 unchanged" in running.run("import", str(running.table))
    running.table.write_text(TABLE.replace("社保窗口,5", "社保窗口,4"), encoding="utf-8")
    told = running.run("import", str(running.table))
    assert "0 new, 1 changed, 1 unchanged" in told and "the agent runs" in told
    assert "007  张晓敏  社保窗口  4  k5, t35" in running.run("list")
    assert "张晓敏".encode() in running.store_files()
    told = running.run("remove", "007")
    assert "1 clerk removed" in told and "terminal YP-0002 still has to remove 007" in told
    assert "YP-0001" not in told, "a connected terminal without content confirms at once"
    assert "张晓敏".encode() not in running.store_files()
    assert "terminal YP-0002 still has to remove 007" in running.run("list")
    assert "no longer waiting for YP-0002" in running.run("give-up", "YP-0002")
    assert "still has to" not in running.run("list")
    running.run("give-up", "YP-0002", code=1)
    log = (running.folder / "data" / "agent.log").read_text(encoding="utf-8")
    assert "张晓敏" not in log and "买买提" not in log


def test_staff_login_by_number_alone_shows_the_imported_name_and_a_removal_takes_it_away(running):
    running.run("import", str(running.table))
    status, view = running.agent.call("POST", f"{W}/login", {"number": "008"})
    clerk = {"number": "008", "name": "买买提·吐尔逊江", "post": "税务窗口", "stars": 4}
    assert status == 200 and view["clerk"] == clerk
    wait_until("the terminal has the clerk", lambda: running.terminal.clerk == clerk)
    given = {"number": "008", "name": "另一个名字"}
    assert running.agent.call("POST", f"{W}/login", given)[1]["clerk"] == given
    running.agent.call("POST", f"{W}/login", {"number": "008"})
    running.run("remove", "008")
    assert running.agent.call("GET", W)[1]["clerk"] == {"number": "008"}
    wait_until("the terminal has the number alone", lambda: running.terminal.clerk == {"number": "008"})
    assert "买买提".encode() not in running.store_files()


def test_staff_commands_without_agent_use_the_store_itself(stopped):
    assert "the agent does not run" in stopped.run("import", str(stopped.table))
    card = BOARDS["k5"]
    assert "008  买买提·吐尔逊江  税务窗口  4  k5" in stopped.run("list")
    with data_lock.take(stopped.folder / "data"):
        pass  # the commands let the folder go
    store = Store(stopped.folder / "data")
    data = store_staff.card(store, "007", "k5")
    store.close()
    assert card_file.decode(data, card.width, card.height) and len(traces(data)) > 20
    assert all(trace in stopped.store_files() for trace in traces(data))
    told = stopped.run("remove", "007", "008")
    assert "2 clerks removed from this PC" in told and "terminal YP-0001 still has to remove 007, 008" in told
    held = stopped.store_files()
    assert not any(trace in held for trace in traces(data)) and "张晓敏".encode() not in held


def test_staff_import_with_faults_changes_nothing(stopped):
    stopped.run("import", str(stopped.table))
    stopped.table.write_text(TABLE + "009,𠮷田,,,\n010,王五,,,none.jpg\n", encoding="utf-8")
    told = stopped.run("import", str(stopped.table), code=1)
    assert "line 4" in told and "U+20BB7" in told and "line 5" in told and "none.jpg" in told
    assert "2 clerks" in stopped.run("list")


def test_staff_dry_run_makes_pictures_and_no_store(stopped):
    told = stopped.run("import", str(stopped.table), "--dry-run", "--preview", str(stopped.folder / "look"))
    assert "2 clerks could be imported; nothing was changed" in told
    assert not (stopped.folder / "data").exists()
    pictures = sorted((stopped.folder / "look").iterdir())
    assert [path.name for path in pictures] == ["007-k5.png", "007-t35.png", "008-k5.png", "008-t35.png"]
    assert {path.stat().st_mode & 0o777 for path in pictures} == {0o600}


def test_staff_remove_unknown_clerks_names_all_and_removes_none(stopped):
    stopped.run("import", str(stopped.table))
    told = stopped.run("remove", "007", "1", "2", code=1)
    assert "no such clerk (1)" in told and "no such clerk (2)" in told and "2 clerks" in stopped.run("list")


def test_staff_import_without_pillow_says_which_extra(stopped, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "PIL" else real(name, *rest))
    told = stopped.run("import", str(stopped.table), code=1)
    assert "Pillow is not installed" in told and "yiping[content]" in told


def test_staff_commands_but_import_need_no_pillow(stopped, monkeypatch):
    stopped.run("import", str(stopped.table))
    for name in list(sys.modules):
        if name.split(".")[0] == "PIL" or name in ("host_agent.content.card_render", "host_agent.content.portrait"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "2 clerks" in stopped.run("list") and "removed" in stopped.run("remove", "007")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "张\x07"}, "name"),
        ({"name": "张", "post": "岗" * 29}, "post"),
        ({"name": "张", "stars": 6}, "stars"),
        ({"name": "张", "cards": []}, "cards"),
        ({"name": "张", "cards": {"k9": ""}}, "k9"),
        ({"name": "张", "cards": {"k5": "***"}}, "k5"),
        ({"name": "张", "cards": {"k5": base64.b64encode(b"YPC1" + bytes(90)).decode()}}, "k5"),
        ({"name": "张", "level": 5}, "level"),
    ],
)
def test_api_staff_refuses_what_does_not_fit(running, body, words):
    status, answer = running.agent.call("PUT", "/api/v1/staff/100", body)
    assert status == 400 and words in answer["error"]["message"], answer
    assert "100  " not in running.run("list")


def test_api_staff_unknown_clerk_terminal_and_number_are_named(running):
    for method, path, status, code in (
        ("DELETE", "/api/v1/staff/999", 404, "unknown_clerk"),
        ("DELETE", "/api/v1/staff/a%20b", 404, "unknown_clerk"),
        ("DELETE", "/api/v1/removals/YP-0099", 404, "unknown_terminal"),
        ("PUT", "/api/v1/staff/a%20b", 400, "bad_request"),
        ("POST", "/api/v1/staff", 405, "wrong_method"),
    ):
        found, answer = running.agent.call(method, path, {"name": "x"} if method == "PUT" else None)
        assert (found, answer["error"]["code"]) == (status, code), path


@pytest.mark.slow
def test_staff_import_of_many_goes_on_though_the_agent_bounds_its_callers(tmp_path):
    hall = Hall(tmp_path, "[api]\nrate_per_s = 10\n")
    try:
        hall.start()
        rows = "".join(f"{n},王{n},,,\n" for n in range(33))
        hall.table.write_text("工号,姓名,岗位,星级,照片\n" + rows, encoding="utf-8")
        assert "33 clerks: 33 new" in hall.run("import", str(hall.table))
        numbers = [str(n) for n in random.Random(1).sample(range(33), 4)]
        assert "4 clerks removed" in hall.run("remove", *numbers)
        assert "29 clerks" in hall.run("list")
    finally:
        hall.close()
