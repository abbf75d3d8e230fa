"""The contract with the city: the AsyncAPI file is sound, and what is really sent follows it."""

import json
import threading
from pathlib import Path

import jsonschema
import paho.mqtt.client as mqtt
import pytest

from host_agent import config
from host_agent.agent import Agent
from host_agent.receiver.intake import Receipt
from host_agent.topics import Topics
from protocol import rating
from tests.contract import PROTOCOL, asyncapi, resolve, schema, schema_of_topic, validate
from tests.unit.agent_support import WAIT_S, AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.fake_terminal import FakeTerminal

NAMES = sorted(path.stem for path in (PROTOCOL / "schemas").glob("*.json"))
BASE = "yiping/v1/C01"


def _refs(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in _refs(value)]
    return []


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_sound_and_its_examples_follow_it(name: str) -> None:
    found = schema(name)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(found)
    checker = jsonschema.Draft202012Validator(found, format_checker=jsonschema.FormatChecker())
    assert found["examples"]
    for example in found["examples"]:
        checker.validate(example)
    assert '"level"' not in json.dumps(found), "no message has a level"


def test_asyncapi_is_version_3_and_every_reference_leads_somewhere() -> None:
    found = asyncapi()
    assert found["asyncapi"] == "3.0.0"
    files = set()
    for ref in _refs(found):
        if ref.startswith("#/"):
            assert isinstance(resolve(ref), dict), ref
        else:
            files.add(Path(ref).stem)
            assert (PROTOCOL / ref).is_file(), ref
    assert sorted(files) == NAMES, "each schema is used"


def test_asyncapi_channels_have_their_parameters_and_an_operation() -> None:
    found = asyncapi()
    used = {operation["channel"]["$ref"] for operation in found["operations"].values()}
    for name, channel in found["channels"].items():
        assert set(channel["parameters"]) == {part[1:-1] for part in channel["address"].split("/") if part[0] == "{"}
        assert f"#/channels/{name}" in used
    for operation in found["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["bindings"]["mqtt"]["qos"] in (0, 1)


def test_topics_of_the_agent_are_those_of_the_contract() -> None:
    topics = Topics("yiping/v1", "C01", "pc-01")
    found = {
        topics.state: "agent_state",
        topics.health: "agent_health",
        topics.receipt: "receipt",
        topics.event("YP-0001"): "event",
        topics.terminal_state("YP-0001"): "terminal_state",
        f"{BASE}/agent/pc-01/service": "service",
        f"{BASE}/agent/pc-01/command/pause": "command",
    }
    assert {topic: schema_of_topic(topic) for topic in found} == found
    with pytest.raises(KeyError):
        schema_of_topic(f"{BASE}/agent/pc-01/other")


@pytest.mark.parametrize("status", ["stored", "duplicate", "conflict", "refused"])
def test_receipts_of_the_receiver_follow_the_contract(status: str) -> None:
    receipt = Receipt("C01", "pc-01", "YP-0001-1-1", status, "not_opened" if status == "refused" else None, "0" * 16)
    validate(f"{BASE}/agent/pc-01/receipt", json.dumps([receipt.line()]).encode())


def test_foreign_messages_are_noticed() -> None:
    event = dict(schema("event")["examples"][0])
    validate(f"{BASE}/terminal/YP-0001/event", json.dumps({**event, "id": "YP-0001-1-7.2"}).encode())
    for change in ({"level": 5}, {"subject": "xyz"}, {"type": "cn.other.rated.v1"}, {"data": {"evidence": "AA=="}}):
        with pytest.raises(jsonschema.ValidationError):
            validate(f"{BASE}/terminal/YP-0001/event", json.dumps({**event, **change}).encode())
    with pytest.raises(jsonschema.ValidationError):
        validate(f"{BASE}/agent/pc-01/receipt", b'[{"id": "x", "status": "fine"}]')


def test_health_of_an_agent_follows_the_contract(tmp_path: Path) -> None:
    windows = [("W01", "YP-0001", tmp_path / "one"), ("W02", "YP-0002", tmp_path / "two")]
    agent = Agent(config.load(AgentProcess(tmp_path, 1, windows).config), "0.1.0")
    validate(f"{BASE}/agent/pc-01/health", json.dumps(agent._status.health()).encode())


class _Listener:
    """Keep every message of the broker."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes]] = []
        ready = threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="listener", protocol=mqtt.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda _c, _d, message: self.messages.append((message.topic, message.payload))
        self.client.connect("127.0.0.1", port, 30)
        self.client.loop_start()
        assert ready.wait(WAIT_S), "the listener cannot subscribe"

    def seen(self, end: str) -> list[bytes]:
        """Return the messages on topics that end so."""
        return [payload for topic, payload in list(self.messages) if topic.endswith(end)]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_every_message_of_a_running_agent_follows_the_contract(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    listener, receiver = _Listener(broker.port), StandInReceiver(broker.port)
    terminal = FakeTerminal(tmp_path / "tty").start()
    agent = AgentProcess(tmp_path, broker.port, [("W01", "YP-0001", tmp_path / "tty")]).start()
    try:
        for kind in (rating.BOOT, rating.MARK, 99):
            terminal.seal(kind)
        terminal.rate(2, bytes(range(16)))
        wait_until("the terminal", lambda: agent.status()["terminals"][0]["connected"])
        window = "/api/v1/windows/W01"
        assert agent.call("POST", f"{window}/login", {"number": "007"})[0] == 200
        assert agent.call("POST", f"{window}/serve", {"ticket": "A1", "case": {"project_no": "P1"}})[0] == 200
        body = {"project_no": "P2", "case": {"task_name": "社保卡补办", "pro_status": 1}, "real_name": True}
        assert agent.call("POST", f"{window}/invites", body)[0] == 201
        terminal.add_raw(b"no event at all")
        wait_until("five events at the city", lambda: len(listener.seen("/event")) >= 5)
        wait_until("two services", lambda: len(listener.seen("/service")) >= 2)
        wait_until("the terminal is ready", lambda: any(b'"ready"' in one for one in listener.seen("YP-0001/state")))
        terminal.unplug()
        wait_until("the terminal is lost", lambda: any(b'"lost"' in one for one in listener.seen("YP-0001/state")))
        agent.stop()
        wait_until("the agent is offline", lambda: any(b"offline" in one for one in listener.seen("pc-01/state")))
        wait_until("five receipts", lambda: len(listener.seen("/receipt")) >= 5)
    finally:
        agent.stop()
        terminal.close()
        receiver.close()
        listener.close()
        broker.stop()
    for topic, payload in listener.messages:
        validate(topic, payload)
    kinds = {schema_of_topic(topic) for topic, _ in listener.messages}
    assert kinds >= {"event", "receipt", "service", "terminal_state", "agent_state"}
