"""An ear of the demo's own at the broker: events published by the agent and receipts sent by the city.

It takes no part in the chain; it only notes when something was seen, so that the verdict does not rest on the parts'
own words. Its session outlives broken connections (session expiry), as the agent's does.
"""

import json
import threading
import time
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION_EXPIRY_S = 3600
KIND_PREFIX = "cn.yiping."
KIND_SUFFIX = ".v1"
QOS = 1


class BrokerWatch:
    """Note every event and receipt that passes the broker, with the monotonic second of its arrival here."""

    def __init__(self, port: int, prefix: str, centre: str) -> None:
        self._lock = threading.Lock()
        self._published: dict[str, tuple[str, str | None]] = {}
        self._receipts: dict[str, tuple[float, str]] = {}
        self._topics = [(f"{prefix}/{centre}/terminal/+/event", QOS), (f"{prefix}/{centre}/agent/+/receipt", QOS)]
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="demo-watch", protocol=mqtt.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 2)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect_async("127.0.0.1", port, keepalive=20, clean_start=False, properties=properties)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def published(self) -> dict[str, tuple[str, str | None]]:
        """Return event id → (kind, invite) of all events seen."""
        with self._lock:
            return dict(self._published)

    def receipts(self) -> dict[str, tuple[float, str]]:
        """Return event id → (second of its first receipt, status)."""
        with self._lock:
            return dict(self._receipts)

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object
    ) -> None:
        if not getattr(reason, "is_failure", False):
            client.subscribe(self._topics)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.monotonic()
        try:
            body = json.loads(message.payload)
        except ValueError:
            return  # judged by its absence
        if message.topic.endswith("/receipt"):
            self._note_receipts(body, now_s)
        else:
            self._note_event(body)

    def _note_receipts(self, rows: list[dict], now_s: float) -> None:
        with self._lock:
            for row in rows:
                self._receipts.setdefault(row["id"], (now_s, row["status"]))

    def _note_event(self, event: dict) -> None:
        kind = event["type"].removeprefix(KIND_PREFIX).removesuffix(KIND_SUFFIX)
        with self._lock:
            self._published[event["id"]] = (kind, event.get("subject"))
