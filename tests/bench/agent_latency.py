"""From press to receipt: a frame written to a pty by the terminal, until the city's receipt for it is at the agent."""

import json
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt

from tests.bench.agent_events import CENTRE, Terminal
from tests.bench.agent_rooms import AGENT_ID, WAIT_S, hall, receiver

RATE_PER_S = 40.0
EVENTS = 640
TERMINALS = 64


class Receipts:
    """Note when each receipt came, over the subscription that the agent has too."""

    def __init__(self, port: int, count: int) -> None:
        self.came_ns: dict[str, int] = {}
        self._count = count
        self._ready = threading.Event()
        self.complete = threading.Event()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="watch", protocol=mqtt.MQTTv5)
        client.on_connect = lambda *_: client.subscribe(f"yiping/v1/{CENTRE}/agent/{AGENT_ID}/receipt", 0)
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._message
        client.connect("127.0.0.1", port)
        client.loop_start()
        self._client = client
        assert self._ready.wait(WAIT_S), "no subscription to the receipts"

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        now_ns = time.monotonic_ns()
        for receipt in json.loads(message.payload):
            assert receipt["status"] == "stored", receipt
            self.came_ns.setdefault(receipt["id"], now_ns)
        if len(self.came_ns) >= self._count:
            self.complete.set()


def run(folder: Path, terminals: list[Terminal], broker_port: int) -> list[float]:
    """Return ms from press to receipt, of each event."""
    each = EVENTS // TERMINALS
    terminals = [terminal._replace(events=terminal.events[:each]) for terminal in terminals[:TERMINALS]]
    with receiver(folder / "receiver", terminals, broker_port):
        receipts = Receipts(broker_port, EVENTS)
        try:
            with hall(folder, terminals, broker_port, "city", RATE_PER_S) as (_agent, feeder):
                feeder.say("go")
                feeder.expect("done")
                pressed_ns = json.loads(feeder.hear())
                assert receipts.complete.wait(WAIT_S), f"{EVENTS - len(receipts.came_ns)} receipts are missing"
        finally:
            receipts.close()
    return [(receipts.came_ns[id_] - at_ns) / 1e6 for id_, at_ns in pressed_ns.items()]
