"""An ear of the demo's own at the broker: the receipts that the city sends to the agent.

It takes no part in the chain; it only notes when a receipt was seen, so that times do not rest on the parts' own words.
It does not listen to the events: one more subscriber would hide from the agent that the receiver is not there.
"""

import json
import threading
import time
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION_EXPIRY_S = 3600
ACCEPTED = ("stored", "duplicate")
"""A receipt that settles an event; another status may be followed by one of these."""
QOS = 1


class BrokerWatch:
    """Note every receipt that passes the broker, with the monotonic second of its arrival here."""

    def __init__(self, port: int, prefix: str, centre: str) -> None:
        self._lock = threading.Lock()
        self._receipts: dict[str, tuple[float, str]] = {}
        self._topic = f"{prefix}/{centre}/agent/+/receipt"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="demo-watch", protocol=mqtt.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(0.1, 0.5)  # pyright: ignore[reportArgumentType], takes fractions too
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect_async("127.0.0.1", port, keepalive=20, clean_start=False, properties=properties)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def receipts(self) -> dict[str, tuple[float, str]]:
        """Return event id → (second of its first receipt that settles it, status)."""
        with self._lock:
            return dict(self._receipts)

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object
    ) -> None:
        if not getattr(reason, "is_failure", False):
            client.subscribe(self._topic, QOS)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.monotonic()
        try:
            body = json.loads(message.payload)
        except ValueError:
            return  # judged by its absence
        self._note(body, now_s)

    def _note(self, rows: list[dict], now_s: float) -> None:
        with self._lock:
            for row in rows:
                known = self._receipts.get(row["id"])
                if known is None or known[1] not in ACCEPTED:
                    self._receipts[row["id"]] = (now_s, row["status"])
