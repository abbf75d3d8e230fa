"""The true firmware, provisioned with reveal_level, behind old software: it tells the level once it is final."""

import pytest

from host_agent.dialects.ff68_frame import Frame
from simulator.terminal import SimTerminal
from tests.dialects.hall import WAIT_S, Posting, SerialServer
from tests.dialects.test_gwq_call import FIRST
from tests.unit.agent_support import AgentProcess, wait_until

W = "/api/v1/windows/W01"
DIALECTS = """
[policy]
change_ms = 3000
[[dialect]]
kind = "gwq"
[[dialect]]
kind = "ff68_rater"
port = "socket://127.0.0.1:{port}"
addresses = {{ "1" = "W01" }}
grades = {{ "1" = 0, "2" = 1, "3" = 2, "4" = 3, "5" = 4 }}
"""


@pytest.fixture
def hall(tmp_path):
    """Run one agent without a broker, the terminal at its port, a clerk logged in."""
    bus = SerialServer()
    terminal = SimTerminal("k5", tmp_path / "terminal", tmp_path / "port", reveal_level=True).start()
    agent = AgentProcess(tmp_path, 1, [("W01", "YP-0001", tmp_path / "port")], policy=DIALECTS.format(port=bus.port))
    try:
        agent.start("--wait")
        wait_until("the terminal answers", lambda: agent.call("GET", W)[1]["connected"], WAIT_S)
        assert agent.call("POST", f"{W}/login", {"number": "007"})[0] == 200
        yield agent, terminal, bus
    finally:
        agent.stop()
        terminal.close()
        bus.close()


def press(agent, terminal, key):
    """Press a key as soon as the terminal asks, past the moment in which a new page takes none."""
    wait_until("the invited terminal", lambda: agent.call("GET", W)[1]["state"] == "invited", WAIT_S)
    wait_until("the press", lambda: pressed(agent, terminal, key), WAIT_S)


def pressed(agent, terminal, key):
    terminal.press(key)
    return agent.call("GET", W)[1]["invite"]["state"] == "rated"


@pytest.mark.slow
def test_firmware_that_reveals_tells_old_software_the_level_that_the_citizen_left(hall):
    agent, terminal, bus = hall
    posting = Posting(lambda: agent.call("POST", "/dialects/gwq/W01", FIRST))
    press(agent, terminal, 4)
    assert posting.answer()[1]["json"]["satisfaction"] == "2"
    bus.begin(1)
    press(agent, terminal, 1)
    assert bus.frame() == Frame(0x81, 0x11, b"\x04")
