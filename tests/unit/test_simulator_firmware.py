"""The project's firmware on the simulator: starts in real time, repeats in virtual time, outlives a tick wrap."""

import serial

from protocol import frame
from protocol.link import AgentLink
from simulator.terminal import VIRTUAL_UTC_US, SimTerminal
from tests.unit.simulated import wait_for

HEARTBEAT, NO_SESSION = 0x04, 0x03
ESTABLISH_MS = 5_000


def connected(terminal: SimTerminal) -> object:
    """Attach an agent that holds nothing; return its peer once the session stands."""
    peer = terminal.attach(AgentLink(terminal.now_us // 1000, bytes(8), 1, VIRTUAL_UTC_US // 1000, 1, 0))
    assert terminal.run_until(lambda: any(event[0] == "established" for _, event in peer.events), ESTABLISH_MS)
    return peer


def test_terminal_starts_in_real_time_shows_a_page_and_answers_on_its_port(tmp_path):
    with SimTerminal("k5", tmp_path / "state", tmp_path / "port") as terminal:
        wait_for((tmp_path / "port").exists, "the port")
        wait_for(lambda: terminal.screenshot().getextrema() != ((0, 0),) * 3, "a page")
        wait_for(lambda: not any(terminal.lamps()), "dark lamps")
        with serial.Serial(str(tmp_path / "port"), 115_200, timeout=1.0, exclusive=True) as port:
            reader = frame.Reader()
            port.write(frame.encode(HEARTBEAT, 9, 1, b"\x81\x00"))
            got = wait_for(lambda: reader.feed(port.read(64)), "an answer")
            assert got[0][0] == NO_SESSION
        assert terminal.violations == [] and terminal.status()["error"] is None
        assert [cause for _, cause in terminal.resets] == ["power_on"]


def test_same_seed_gives_the_same_run_of_the_whole_firmware(tmp_path):
    def run(name: str) -> tuple:
        with SimTerminal("k5", tmp_path / name, clock="virtual", seed=3) as terminal:
            terminal.run_for(1500)
            peer = connected(terminal)
            for key in (1, "function", 5):
                terminal.press(key, 70)
                terminal.run_for(900)
            image = terminal.state.nor.read_bytes()[:8192]
            return peer.events, terminal.tones, terminal.display_version, terminal.engine.soc.messages, image

    assert run("a") == run("b")


def test_terminal_lives_on_over_the_wrap_of_its_tick_counter(tmp_path):
    before_ms = 900_000
    with SimTerminal("k5", tmp_path, clock="virtual", ticks_start_ms=2**30 - before_ms) as terminal:
        terminal.run_for(2000)
        peer = connected(terminal)
        terminal.run_for(2 * before_ms)
        status = [event[1] for _, event in peer.events if event[0] == "status"][-1]
        assert 2 * before_ms - 30_000 < status["up_ms"] < 2 * before_ms + 10_000
        assert not any(event[0] == "lost" for _, event in peer.events)
        version = terminal.display_version
        terminal.press(2)
        terminal.run_for(500)
        assert terminal.display_version > version
        assert len(terminal.resets) == 1 and terminal.violations == []
