"""`yiping rollout` on a database that the test fills, and the control that gives the words; no broker, no processes."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from host_agent.bundle import keys
from host_agent.rollout import cli, control
from host_agent.rollout.control import Control
from host_agent.rollout.model import Report
from host_agent.rollout.store import RolloutStore
from host_agent.update import permits
from tests.rollout import small_bundles

COMMANDS = {"start": cli.start, "status": cli.status, "halt": cli.halt, "resume": cli.resume, "abort": cli.abort}


def report(terminal: str, **more: object) -> Report:
    told = {
        "agent": "pc-01", "window": "W01", "board": "k5", "firmware": "0.6.0", "running": "00000000", "state": "ready",
        "update_state": "none", "update_why": None, "update_manifest": None, "heard_ms": 1,
    }  # fmt: skip
    return Report(terminal, **(told | more))


class Desk:
    """A city's folder, and its administrator's commands."""

    def __init__(self, folder, key) -> None:
        self.folder, self.key = folder, key
        (folder / "bundle.key").write_bytes(key.modulus)
        self.config = folder / "receiver.toml"
        self.config.write_text(
            '[receiver]\nname = "city"\ndata_dir = "data"\n[forward]\nfile = "out"\n[rollout]\nkey = "bundle.key"\n'
        )

    def store(self) -> RolloutStore:
        return RolloutStore(self.folder / "data")

    def hear(self, *reports: Report) -> None:
        store = self.store()
        with store.change():
            for one in reports:
                store.hear("C01", one)
        store.close()

    def bundle(self, version: str = "0.7.0", board: str = "k5"):
        return small_bundles.write(self.folder, self.key, version, board)

    def run(self, verb: str, *arguments: object):
        made = [str(one) for one in (*arguments, "--config", self.config)]
        return CliRunner().invoke(COMMANDS[verb], made)


@pytest.fixture
def desk(tmp_path, key):
    return Desk(tmp_path, key)


def test_start_refuses_what_cannot_be_rolled_out_with_cause_and_cure(desk, tmp_path):
    bundle = desk.bundle()
    (tmp_path / "other").mkdir()
    foreign = small_bundles.write(tmp_path / "other", keys.make(tmp_path / "other.pem"), "0.9.0")

    def refused(said: str, *arguments: object) -> None:
        done = desk.run("start", *arguments)
        assert done.exit_code == 1 and said in done.output and done.output.count("\n") == 1, done.output

    refused("no terminal of this centre was heard of", bundle, "--centre", "C01")
    desk.hear(report("YP-1"))
    refused("its boards are k5, bundles are for t35", desk.bundle(board="t35"), "--centre", "C01")
    refused("signature", foreign, "--centre", "C01")
    refused("ui/screens.mpy", small_bundles.altered(bundle, tmp_path), "--centre", "C01")
    refused("two bundles for board k5", bundle, bundle, "--centre", "C01")
    refused("roll out one version", bundle, desk.bundle("0.8.0", "t35"), "--centre", "C01")
    refused("is no wave", bundle, "--centre", "C01", "--waves", "1,half")
    refused("give one for each bundle", bundle, "--centre", "C01", "--url", "a", "--url", "b")
    for verb in ("halt", "resume", "abort"):
        assert "it has none" in desk.run(verb, "--centre", "C01").output
    assert json.loads(desk.run("status", "--json").output)[0]["rollout"] is None


def test_commands_move_a_rollout_and_refuse_what_does_not_fit_its_state(desk):
    desk.hear(report("YP-1"), report("YP-2"))
    assert desk.run("start", desk.bundle(), "--centre", "C01").exit_code == 0
    assert "must be halted for this" in desk.run("resume", "--centre", "C01").output
    assert desk.run("halt", "--centre", "C01").exit_code == 0
    halted = desk.run("status", "--centre", "C01")
    assert halted.exit_code == 1 and "halted, by an administrator" in halted.output
    assert "is halted there" in desk.run("start", desk.bundle("0.8.0"), "--centre", "C01").output
    resumed = desk.run("resume", "--centre", "C01")
    assert resumed.exit_code == 0 and "goes on; none has failed" in resumed.output
    assert desk.run("abort", "--centre", "C01").exit_code == 0
    assert desk.run("start", desk.bundle("0.8.0"), "--centre", "C01").exit_code == 0
    (row,) = json.loads(desk.run("status", "--json").output)
    assert (row["rollout"]["version"], row["rollout"]["state"]) == ("0.8.0", "running")


class Room:
    """A control whose words are kept, under a clock of the test."""

    def __init__(self, desk: Desk) -> None:
        self.said: list[tuple[str, dict]] = []
        self.now_s = 0.0
        self.control = Control(desk.store(), "yiping/v1", self._send, lambda: 1_790_000_000_000)

    def _send(self, topic: str, payload: bytes) -> None:
        self.said.append((topic, json.loads(payload)))

    def state(self, terminal: str, **told: object) -> bool:
        message = {
            "agent": "pc-01",
            "state": "ready",
            "board": "k5",
            "firmware": "0.6.0",
            "manifest": "00000000",
        } | told
        return self.control.hear(f"yiping/v1/C01/terminal/{terminal}/state", json.dumps(message).encode())

    def look(self) -> list[tuple[str, dict]]:
        """Let it look once; return what it said."""
        self.said.clear()
        heard, self.control._heard = self.control._heard, {}
        agents, self.control._agents = self.control._agents, {}
        found, self.control._seen = self.control._step(heard, agents)
        self.control._give_words(found, self.now_s)
        return self.said


def test_control_says_the_word_at_once_renews_it_and_says_a_halt_once(desk):
    room = Room(desk)
    assert room.state("YP-1") and room.state("YP-2", agent="pc-02")
    assert not room.control.hear("yiping/v1/C01/terminal/YP-1/event", b"{}"), "events are not its"
    room.look()
    assert desk.run("start", desk.bundle(), "--centre", "C01", "--url", "https://x/y.zip").exit_code == 0
    ((topic, command),) = room.look()
    assert topic == "yiping/v1/C01/agent/pc-01/command/update"
    word = permits.read(json.dumps(command).encode())
    assert word.terminals == {"YP-1"} and word.offers["k5"].url == "https://x/y.zip"
    assert room.look() == []
    room.now_s += control.RENEW_S
    assert len(room.look()) == 1, "renewed before the lease ends"
    assert 3 * control.RENEW_S < permits.LEASE_S
    desk.run("halt", "--centre", "C01")
    ((_, command),) = room.look()
    assert command["arguments"]["terminals"] == []
    room.now_s += 10 * control.RENEW_S
    assert room.look() == [], "nobody has to be told again that there is nothing"
    room.control.close()


def test_control_counts_terminals_of_an_agent_that_is_gone_as_lost(desk):
    room = Room(desk)
    room.state("YP-1")
    room.control.hear("yiping/v1/C01/agent/pc-01/state", b'{"state": "lost"}')
    room.look()
    desk.run("start", desk.bundle(), "--centre", "C01")
    assert room.look() == [], "nobody is there to go first"
    room.control.hear("yiping/v1/C01/agent/pc-01/state", b'{"state": "online"}')
    assert len(room.look()) == 1
    room.control.close()


def test_control_takes_states_of_any_form_without_harm(desk):
    room = Room(desk)
    for payload in (
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"state": 1}',
        b'{"agent": "a\\u0000", "state": "ready"}',
        b"x" * 20_000,
    ):
        assert room.control.hear("yiping/v1/C01/terminal/YP-1/state", payload)
        assert room.control.hear("yiping/v1/C01/agent/pc-01/state", payload)
    room.look()
    assert room.control.overview() == []
    room.control.close()


def test_control_gives_no_word_while_its_store_cannot_be_read(desk):
    room = Room(desk)
    room.state("YP-1")
    room.look()
    desk.run("start", desk.bundle(), "--centre", "C01")

    async def tell() -> None:
        room.control._store._conn.close()
        room.control._store = SimpleNamespace(change=room.control._store.change)
        task = asyncio.create_task(room.control.run())
        while room.control.fault is None:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(tell())
    assert room.said == []
