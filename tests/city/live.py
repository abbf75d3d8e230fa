"""Pieces for tests with a real broker: an agent that keeps what has no receipt, and a receiver as its own process."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt

from host_agent.receiver.intake import Raw
from simulator.demo.broker import BrokerPart
from simulator.demo.http_json import answers, call
from simulator.demo.parts import Part, free_port, run_once, yiping
from tests.city.terminals import Terminal

WAIT_S = 60.0


def until(true: Callable[[], object], what: str, wait_s: float = WAIT_S) -> None:
    """Wait for a named thing to become true."""
    deadline = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {wait_s} s"
        time.sleep(0.01)


def handed_on(path: Path) -> list[dict]:
    """Return the records of a file that is being written to; a line that is under way must become whole."""
    text = ""

    def whole() -> bool:
        nonlocal text
        text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
        return not text or text.endswith("\n")

    until(whole, f"the end of the last line of {path.name}")
    return [json.loads(line) for line in text.splitlines()]


class Agent:
    """Publish events and note receipts, over a session that outlives connections."""

    def __init__(self, port: int, name: str = "pc-01") -> None:
        self.waiting: dict[str, Raw] = {}
        self.receipts: dict[str, list[tuple[str, str | None]]] = {}
        self.acked = 0
        self._lock = threading.Lock()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        client.on_connect = lambda *_: client.subscribe(f"yiping/v1/+/agent/{name}/receipt", 1)
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.reconnect_delay_set(1, 1)
        properties = mqtt.Properties(mqtt.PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        client.loop_start()
        self.client = client
        until(subscribed.is_set, "the agent's subscription")

    def publish(self, *batch: Raw) -> None:
        for raw in batch:
            with self._lock:
                self.waiting[json.loads(raw.payload)["id"]] = raw
            self.client.publish(raw.topic, raw.payload, 1)

    def publish_waiting(self) -> None:
        """Send again what has no receipt, as an agent does after a while."""
        with self._lock:
            rows = list(self.waiting.values())
        for raw in rows:
            self.client.publish(raw.topic, raw.payload, 1)

    def settle(self) -> None:
        """Send what has no receipt again, whenever none came for a second; the true agent waits longer between."""
        deadline, again, left = time.monotonic() + WAIT_S, 0.0, 0
        while self.waiting:
            assert time.monotonic() < deadline, f"{len(self.waiting)} receipts did not come within {WAIT_S} s"
            if len(self.waiting) < left:
                again = time.monotonic() + 1.0
            elif time.monotonic() >= again:
                self.publish_waiting()
                again = time.monotonic() + 1.0
            left = len(self.waiting)
            time.sleep(0.01)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_publish(self, *_args: object) -> None:
        self.acked += 1

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            for line in json.loads(message.payload):
                self.receipts.setdefault(line["id"], []).append((line["status"], line["code"]))
                if line["status"] != "refused":
                    self.waiting.pop(line["id"], None)


class Receiver:
    """A receiver as its user starts it, in a folder with its registry, handing on to a file."""

    def __init__(self, folder: Path, broker: BrokerPart, *terminals: Terminal, forward: str | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        # rumqttd 0.20 panics ("group must exists") when a client that shares a subscription vanishes.
        shared = json.dumps(broker.kind != "iotcore")
        self.file = folder / "ratings.jsonl"
        (folder / "receiver.toml").write_text(
            f'[receiver]\nname = "city-01"\ndata_dir = "data"\nlisten = "127.0.0.1:{self.port}"\n'
            f"shared = {shared}\n"
            f'[broker]\nurl = "{broker.url}"\n[forward]\n{forward or "file = " + json.dumps(self.file.name)}\n'
        )
        self.register(*terminals)
        self.part = Part(
            "receiver",
            yiping("receiver", "run", "--wait", "--config", str(folder / "receiver.toml")),
            folder,
            answers(f"http://127.0.0.1:{self.port}/api/v1/status"),
        )

    def register(self, *terminals: Terminal) -> None:
        for terminal in terminals:
            path = self.folder / f"{terminal.id}.json"
            path.write_text(json.dumps(terminal.provision()))
            run_once("registry", yiping("registry", "add", "--registry", "registry.db", str(path)), self.folder)

    def status(self) -> dict:
        return call("GET", f"http://127.0.0.1:{self.port}/api/v1/status", timeout_s=WAIT_S)[1]

    def terminals(self) -> list[dict]:
        return call("GET", f"http://127.0.0.1:{self.port}/api/v1/terminals", timeout_s=WAIT_S)[1]["items"]

    def records(self) -> list[dict]:
        """Return the events' lines of the file in order; every line must be whole."""
        return [one for one in handed_on(self.file) if one.get("record") != "service"]

    def services(self) -> list[dict]:
        """Return the services' lines."""
        return [one for one in handed_on(self.file) if one.get("record") == "service"]
