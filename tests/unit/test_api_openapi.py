"""The OpenAPI file: every answer of the running agent to any request of its making is one that the file describes."""

import base64
from pathlib import Path

import hypothesis
import pytest
import schemathesis
import yaml

from host_agent.content import card_file
from simulator.demo.parts import listens
from tests.unit.agent_support import AgentProcess, Broker, wait_until
from tests.unit.fake_terminal import FakeTerminal

FILE = Path(__file__).parents[2] / "host_agent" / "web" / "openapi.yaml"
WAIT_S = 60
TOKEN = "fuzz-0123456789abcdef012"


def _described():
    """Return the file with a window that the agent has and one that it has not: random names would all be unknown.

    So with cards: random bytes are none.
    """
    whole = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    card = card_file.encode([card_file.Tile(0, 0, 2, 1, (0,) * 16, b"\x01")])
    cards = whole["components"]["schemas"]["StaffMember"]["properties"]["cards"]
    cards["properties"]["k5"] = {"const": base64.b64encode(card).decode()}
    case = whole["components"]["schemas"]["Case"]["properties"]  # what must fit together, or exist
    fitting = {"task_code": "1{31}", "task_handle_item": "1{33}", "accept_date": "202[0-4]-0[1-9]-0[1-9]"}
    fitting |= {"service_time": "202[5-9]-0[1-9]-0[1-9] 0[0-9]:0[0-9]:0[0-9]", "project_no": "P1"}
    case.update({name: {"type": ["string", "null"], "pattern": f"^({text})?$"} for name, text in fitting.items()})
    for name in ("Service", "Served"):
        whole["components"]["schemas"][name]["properties"]["project_no"]["pattern"] = "^P1$"
    whole["components"]["parameters"]["window"]["schema"] = {"enum": ["W01", "W99"]}
    return whole


schema = schemathesis.openapi.from_dict(_described())


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Serve one window with a terminal, to one integration that may ask as often as it likes."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "fuzz.token").write_text(TOKEN, encoding="ascii")
    broker = Broker(folder).start()
    terminal = FakeTerminal(folder / "port").start()
    policy = '[api]\nrate_per_s = 1000\n[[integration]]\nname = "fuzz"\ntoken_file = "fuzz.token"\n'
    agent = AgentProcess(folder, broker.port, [("W01", "YP-0001", folder / "port")], policy=policy)
    agent.start("--wait", ready=False)
    wait_until("the agent listens", lambda: listens(agent.port), WAIT_S)
    yield f"http://127.0.0.1:{agent.port}/api/v1"
    agent.stop()
    terminal.close()
    broker.stop()


@pytest.mark.slow
@schema.parametrize()
@hypothesis.settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_openapi_describes_every_answer(case, address):
    case.call_and_validate(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"})
