"""A self-service terminal: invited without a clerk, as a kiosk's, with the code for its own screen."""

import pytest

from host_agent import qr_token
from protocol import messages
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.fake_terminal import FakeTerminal

BASE = "HTTPS://PJ.EXAMPLE.CN/T"
W = "/api/v1/windows/K01"


@pytest.fixture
def kiosk(tmp_path):
    """Run an agent with one kiosk and its terminal."""
    (tmp_path / "qr.key").write_text(qr_token.new_key_text(1))
    broker = Broker(tmp_path).start()
    receiver = StandInReceiver(broker.port)
    terminal = FakeTerminal(tmp_path / "port").start()
    policy = 'channel = "kiosk"\n' + f'[qr]\nbase_url = "{BASE}"\nkey_file = "qr.key"\n'
    agent = AgentProcess(tmp_path, broker.port, [("K01", "YP-0001", tmp_path / "port")], policy=policy).start("--wait")
    wait_until("the terminal answers", lambda: agent.call("GET", W)[1]["connected"])
    yield agent, terminal, receiver, qr_token.read_key(tmp_path / "qr.key")
    agent.stop()
    terminal.close()
    receiver.close()
    broker.stop()


def test_kiosk_invites_without_a_clerk_and_shows_the_code_itself(kiosk):
    agent, terminal, receiver, key = kiosk
    told = [fields["policy"] for type_, fields in terminal.requests if type_ == messages.CONFIG]
    assert told and told[0]["no_clerk"] == "unassigned"
    status, invite = agent.call("POST", f"{W}/invites", {"project_no": "P-9"})
    assert (status, invite["state"]) == (201, "open")
    token = qr_token.check(invite["qr"].rpartition("/")[2], {1: key}, 0)
    assert (token.kind, token.subject.hex()) == (qr_token.INVITE, invite["invite"])
    shown = next(fields["qr"] for type_, fields in terminal.requests if type_ == messages.INVITE)
    assert shown.startswith("33:")
    topic = "yiping/v1/C01/agent/pc-01/service"
    sent = wait_until("the record", lambda: b"".join(receiver.other.get(topic, [])))
    assert b'"kiosk"' in sent and b"unassigned" in sent
    terminal.rate(5)
    wait_until("the outcome", lambda: agent.call("GET", f"{W}/invites/{invite['invite']}")[1]["state"] == "rated")
