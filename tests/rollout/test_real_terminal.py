"""The real firmware updated by the real agent in wall time, while citizens rate: to the next version, to a bad one."""

import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_agent.bundle import archive, make
from host_agent.update import states
from protocol import rating
from simulator.stage import FIRMWARE, PROTOCOL, signing_key
from simulator.terminal import SimTerminal
from tests.rollout.centre import QUICK, yiping
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until

PATIENCE_S = 300.0
NEXT = "0.99.0"
POLICY = (
    '[policy]\ndetail = "off"\nchange_ms = 0\nthanks_ms = 0\nguard_ms = 0\n[update]\nkey = "bundle.key"\ngo = "agent"\n'
)
# What a citizen waits for an answer at most, beside an update: the frame that is on the line (46 ms at 115,200 baud),
# and what two busy cores cost a test.
PRESS_S = 2.0


def later(folder: Path, broken: bool) -> Path:
    """Return a bundle of this firmware under a later version; a broken one ends as soon as it starts."""
    copy = folder / "firmware"
    shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / "app" / "version.py"
    text, count = re.subn(r'^FIRMWARE = ".*"$', f'FIRMWARE = "{NEXT}"', path.read_text("utf-8"), flags=re.M)
    assert count == 1
    path.write_text(text, encoding="utf-8")
    if broken:
        assembly = copy / "assembly.py"
        assembly.write_text('"""Fail."""\n\nraise ValueError("a bad firmware")\n', encoding="utf-8")
    bundle = make.build("k5", signing_key(), copy, PROTOCOL)
    target = folder / make.file_name("k5", NEXT)
    archive.write(bundle, target)
    return target


class Window:
    """One terminal on its pty, the agent, a broker and a receiver that only keeps what arrives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bundle.key").write_bytes(signing_key().modulus)
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.terminal = SimTerminal(state_dir=folder / "state", link_path=folder / "port").start()
        windows = [("W01", "YP-0001", folder / "port")]
        self.agent = AgentProcess(folder, self.broker.port, windows, policy=POLICY, constants=QUICK)
        self.agent.start("--wait")
        wait_until("the terminal answers", lambda: self.row()["connected"], PATIENCE_S)
        self.agent.call("POST", "/api/v1/windows/W01/login", {"number": "007", "name": "李明"})
        wait_until("the clerk is shown", lambda: self.row()["state"] == "idle", PATIENCE_S)

    def close(self) -> None:
        self.agent.stop(signal.SIGKILL)
        self.terminal.close()
        self.receiver.close()
        self.broker.stop()

    def row(self) -> dict:
        return self.agent.status()["terminals"][0]

    def update(self) -> dict:
        return self.row()["update"]

    def offer(self, bundle: Path) -> None:
        done = yiping("update", "offer", bundle, "--config", self.agent.config)
        assert done.returncode == 0, done.stderr

    def rate(self, key: int) -> tuple[str, float] | None:
        """Invite and press; return the invite and how long its outcome took. None while the terminal restarts."""
        status, made = self.agent.call("POST", "/api/v1/windows/W01/invites", {})
        if status != 201:
            assert status in (409, 503), made
            return None
        wait_until("the lamps of the keys", lambda: all(self.terminal.lamps()), PATIENCE_S)
        begun_s = time.monotonic()
        self.terminal.press(key)
        path = f"/api/v1/windows/W01/invites/{made['invite']}"
        wait_until("the outcome", lambda: self.agent.call("GET", path)[1]["state"] == "rated", PATIENCE_S)
        took_s = time.monotonic() - begun_s
        wait_until("the terminal rests", lambda: self.row()["state"] in ("idle", None), PATIENCE_S)
        return made["invite"], took_s

    def rate_until(self, done: Callable[[], bool]) -> list[tuple[str, float]]:
        """Rate again and again until something is so."""
        rated, end_s = [], time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end_s, f"not within {PATIENCE_S} s: {self.update()}"
            one = self.rate(1 + len(rated) % 5)
            if one is not None:
                rated.append(one)
            time.sleep(1.0)  # citizens come one after the other; the terminal rests between two
        return rated

    def at_the_city(self) -> set[str]:
        return {event.invite.hex() for event in self.receiver.clear() if event.kind == rating.RATED}


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    made = Window(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_agent_updates_the_real_firmware_while_citizens_rate_and_no_rating_is_lost(window, tmp_path):
    old = window.row()["firmware"]
    window.offer(later(tmp_path / "next", broken=False))
    rated = window.rate_until(lambda: window.update()["state"] in (states.SWITCHING, states.TRIAL, states.DONE))
    wait_until("the update is confirmed", lambda: window.update()["state"] == states.DONE, PATIENCE_S)
    after = window.rate(5)
    assert after is not None and window.row()["firmware"] == NEXT != old
    wait_until("every rating is at the city", lambda: {invite for invite, _ in [*rated, after]} <= window.at_the_city())
    slowest_s = max(took_s for _, took_s in rated)
    print(f"{len(rated)} ratings beside the update, the slowest answered after {slowest_s:.2f} s")
    assert rated and slowest_s < PRESS_S


@pytest.mark.slow
def test_agent_leaves_a_real_terminal_alone_that_went_back_from_a_bad_firmware(window, tmp_path):
    old = window.row()["firmware"]
    window.offer(later(tmp_path / "bad", broken=True))
    wait_until("it has failed", lambda: window.update()["state"] == states.FAILED, PATIENCE_S)
    assert window.update()["why"] == states.ROLLED_BACK and window.row()["firmware"] == old
    wait_until("it rests", lambda: window.row()["state"] == "idle", PATIENCE_S)
    assert window.rate(3) is not None
    assert window.update()["state"] == states.FAILED
