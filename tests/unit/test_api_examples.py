"""The examples of docs/examples, run as a reader runs them: each takes one case from login to outcome."""

import shutil
import subprocess
import sys

import pytest

from tests.unit.agent_support import ROOT, AgentProcess, Broker, wait_until
from tests.unit.fake_terminal import FakeTerminal

EXAMPLES = ROOT / "docs" / "examples"
WAIT_S = 60
TOKEN = "example-0123456789abcdef"


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    (folder / "token.txt").write_text(TOKEN + "\n", encoding="ascii")
    broker = Broker(folder).start()
    terminal = FakeTerminal(folder / "port").start()
    policy = '[[integration]]\nname = "example"\ntoken_file = "token.txt"\nwindows = ["W01"]\n'
    agent = AgentProcess(folder, broker.port, [("W01", "YP-0001", folder / "port")], policy=policy)
    agent.start("--wait", ready=False)
    wait_until("the agent greets the terminal", lambda: terminal.requests, WAIT_S)
    yield folder, terminal, f"http://127.0.0.1:{agent.port}"
    agent.stop()
    terminal.close()
    broker.stop()


@pytest.mark.parametrize(
    ("program", "case"),
    [
        ([sys.executable, str(EXAMPLES / "counter.py")], "P-1"),
        pytest.param(
            ["sh", str(EXAMPLES / "counter.sh")],
            "P-2",
            marks=pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
        ),
    ],
)
def test_example_takes_a_case_to_its_outcome_and_tells_no_level(hall, program, case):
    folder, terminal, address = hall
    command = [*program, address, str(folder / "token.txt"), "W01", "007", case]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        wait_until("the invite", lambda: terminal.open_invite is not None or running.poll() is not None, WAIT_S)
        assert running.poll() is None, running.stdout.read()
        terminal.rate(1)
        output, _ = running.communicate(timeout=WAIT_S)
    assert (running.returncode, output) == (0, "rated\n")
    assert terminal.clerk == {"number": "007"}
