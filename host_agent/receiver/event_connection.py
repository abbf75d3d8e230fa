"""A broker connection that acknowledges each event only when it is told to: after the event is durable here."""

from collections import deque
from typing import Any

import paho.mqtt.client as mqtt

from host_agent.mqtt_connection import BrokerConnection
from host_agent.receiver.intake import Raw

# Events that the broker may send ahead of our acknowledgements: bounds memory, and is a few commits' worth.
RECEIVE_MAXIMUM = 500
QOS = 1


class EventConnection(BrokerConnection):
    """Take events with their message ids; `acknowledge` tells the broker which of them are durable."""

    receive_maximum = RECEIVE_MAXIMUM

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Prepare the client as the base does, without a will."""
        super().__init__(*args, **kwargs)
        self._client.manual_ack_set(True)
        self._taken: list[tuple[int | None, Raw]] = []
        self._owed: deque[int] = deque()  # message ids in the order in which they came, not yet acknowledged
        self._done: set[int] = set()  # those of them that are durable, behind one that is not

    def take(self) -> list[tuple[int | None, Raw]]:
        """Return what has come since the last call: message id (None for QoS 0) and message."""
        taken, self._taken = self._taken, []
        self.messages.clear()
        return taken

    def acknowledge(self, mids: list[int]) -> None:
        """Tell the broker that these are durable; after a loss it sends them again, and they are known then.

        One that came behind another that is not durable yet has to wait for it (MQTT 5.0, 4.6.0-2).
        """
        if self._closing:
            return
        self._done.update(mids)
        while self._owed and self._owed[0] in self._done:
            mid = self._owed.popleft()
            self._done.remove(mid)
            self._client.ack(mid, QOS)
        self.flush()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # no topic of ours: taken, so that it does not come for ever, and counted as foreign
        mid = message.mid if message.qos else None
        if mid is not None:
            self._owed.append(mid)
        self._taken.append((mid, Raw(topic, bytes(message.payload))))
        self.messages.append((topic, b"", message.retain))  # the base tells of traffic when there is something
