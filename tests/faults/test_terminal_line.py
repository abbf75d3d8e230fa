"""The real firmware and the real agent in wall time: a damaged line, and an agent whose disk died."""

import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_agent.receiver.aes import Aes
from protocol import evidence, rating, record, record_scan
from simulator.faults import Noise
from simulator.terminal import SimTerminal
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until

PATIENCE_S = 90.0
POLICY = '[policy]\ndetail = "off"\nchange_ms = 0\nthanks_ms = 0\nguard_ms = 0\n'
LINES = {
    "lossy": {"lost": 0.2},
    "noisy": {"bit_errors": 1e-4},
    "very noisy": {"bit_errors": 1e-3},
    "doubling": {"doubled": 0.3},
    "all at once": {"lost": 0.05, "doubled": 0.05, "bit_errors": 2e-4},
}


class Window:
    """One terminal on its pty, the agent, a broker and a receiver that only keeps what arrives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.terminal = SimTerminal(state_dir=folder / "state", link_path=folder / "port").start()
        self.agent = AgentProcess(folder, self.broker.port, [("W01", "YP-0001", folder / "port")], policy=POLICY)

    def close(self) -> None:
        """End everything."""
        self.agent.stop(signal.SIGKILL)
        self.terminal.close()
        self.receiver.close()
        self.broker.stop()

    def connect(self) -> None:
        """Start the agent and log a clerk in at the terminal."""
        self.agent.start("--wait")
        wait_until("the terminal answers", lambda: self.row()["connected"], PATIENCE_S)
        self.agent.call("POST", "/api/v1/windows/W01/login", {"number": "007", "name": "李明"})
        wait_until("the clerk is shown", lambda: self.row()["state"] == "idle", PATIENCE_S)

    def row(self) -> dict:
        """Return what the agent says of the window."""
        return self.agent.status()["terminals"][0]

    def rate(self, key: int) -> str:
        """Invite and press; return the invite once the agent has its outcome."""
        status, made = self.agent.call("POST", "/api/v1/windows/W01/invites", {})
        assert status == 201, made
        wait_until("the lamps of the keys", lambda: all(self.terminal.lamps()), PATIENCE_S)
        self.terminal.press(key)
        path = f"/api/v1/windows/W01/invites/{made['invite']}"
        wait_until("the outcome", lambda: self.agent.call("GET", path)[1]["state"] == "rated", PATIENCE_S)
        return made["invite"]

    def on_chip(self) -> dict[int, bytes]:
        """Return the events that the terminal's journal holds."""
        image = (self.folder / "state" / "nor.bin").read_bytes()
        return {one.seq: one.payload for one in record_scan.scan(image) if one.type == record.EVENT}

    def arrived(self) -> dict[int, bytes]:
        """Return the events that reached the receiver; one seq with two contents fails."""
        found: dict[int, bytes] = {}
        for data in self.receiver.evidence():
            assert found.setdefault(evidence.parse(data).seq, data) == data
        return found

    def everything_arrived(self) -> None:
        """Wait until the receiver has the journal's events, byte for byte."""
        wait_until("every event at the receiver", lambda: self.arrived() == self.on_chip(), PATIENCE_S)
        store = self.agent.status()["store"]
        assert store["refused"] == 0

    def levels(self) -> list[tuple[str, int]]:
        """Return invite and level of each rating that arrived."""
        provision = self.terminal.state.provisioned()
        key = evidence.event_key(bytes.fromhex(provision["secret"]), provision["epoch"])
        opened = [evidence.open_event(Aes, key, data) for _, data in sorted(self.arrived().items())]
        return [(clear.invite.hex(), fields[6]) for clear, fields in opened if clear.kind == rating.RATED]


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    made = Window(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("line", LINES)
def test_ratings_over_a_damaged_cable_arrive_once_each(window: Window, line: str) -> None:
    seed = 11
    print(f"seed {seed}")
    noises = [Noise(random.Random(seed + n), **LINES[line]) for n in range(2)]
    window.terminal.set_line_faults(*noises)
    window.connect()
    wanted = [(window.rate(key), 6 - key) for key in (1, 2, 3, 4, 5, 1)]
    window.everything_arrived()
    assert window.levels() == wanted
    assert sum(noise.turned + noise.pieces_lost + noise.pieces_doubled for noise in noises) > 0
    assert window.row()["link"]["rtt_ms"] is not None
    if line == "noisy":  # elsewhere few answers to heartbeats, the longest frames, are sound
        wait_until("the terminal's own counters", lambda: "rtt_ms" in window.row()["status"], PATIENCE_S)
    assert window.terminal.violations == []


@pytest.mark.slow
def test_agent_whose_disk_died_has_every_event_again_from_the_terminals_chip(window: Window) -> None:
    window.connect()
    wanted = [(window.rate(key), 6 - key) for key in (5, 3, 1)]
    window.everything_arrived()
    before = window.on_chip()
    image = (window.folder / "state" / "nor.bin").read_bytes()
    assert all(one.acknowledged for one in record_scan.scan(image) if one.type == record.EVENT)
    window.agent.stop(signal.SIGKILL)
    shutil.rmtree(window.folder / "data")
    window.receiver.close()
    window.receiver = StandInReceiver(window.broker.port)
    window.connect()
    window.everything_arrived()
    assert {seq: window.arrived()[seq] for seq in before} == before
    assert window.levels() == wanted
    wanted.append((window.rate(2), 4))
    window.everything_arrived()
    assert window.levels() == wanted
