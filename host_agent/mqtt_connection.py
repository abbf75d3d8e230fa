"""One connection to the broker: a paho client driven from the event loop, used once and thrown away.

Promise: paho's callbacks only note what happened; it is acted upon after paho has returned, so that nothing is called
from inside its locks. The next connection gets a new client: the store is the only memory between two.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from host_agent import bounded
from host_agent.block_socket import Ack, BlockSocket, publish_packet
from host_agent.config_model import BrokerSection
from host_agent.errors import UserError

KEEPALIVE_S = 30
MAX_MID = 65_535
CONNECT_S = 10.0
MISC_S = 1.0
SESSION_EXPIRY_S = 7 * 24 * 3600
# The broker tells "lost" only after this: a reconnect within it is no news to the city.
WILL_DELAY_S = 30
# What two state messages may take from the broker's receive maximum beside the events.
NOTES_IN_FLIGHT = 2
_CURE = "check broker.url, that the broker runs and the network"

_log = logging.getLogger(__name__)
Message = tuple[str, bytes, bool]  # topic, payload, retained


def publish_properties(content_type: str, expiry_s: int | None = None) -> bytes:
    """Return the properties of messages of one kind, kept `expiry_s` at most; their bytes never change."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = content_type
    properties.PayloadFormatIndicator = 1  # UTF-8 text
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    return properties.pack()


class _BlockClient(mqtt.Client):
    """Give paho a socket that reads and writes blocks; a test sees that the method keeps its name."""

    certificate: bytes | None = None  # the broker's, in DER

    def _create_socket(self) -> Any:
        sock = cast(socket.socket, super()._create_socket())
        if isinstance(sock, ssl.SSLSocket):
            self.certificate = sock.getpeercert(binary_form=True)
        return BlockSocket(sock)


class BrokerConnection:
    """Own one paho client from connect to loss; `lost` is called once, `traffic` when something was noted."""

    # How much the broker may send ahead of our acknowledgements; None leaves it to the broker.
    receive_maximum: int | None = None

    def __init__(
        self,
        broker: BrokerSection,
        client_id: str,
        will: tuple[str, bytes] | None,
        traffic: Callable[[], None],
        lost: Callable[[str], object],
    ) -> None:
        """Prepare the client; `open` connects."""
        self._broker = broker
        self._traffic = traffic
        self._tell_lost = lost
        self._loop = asyncio.get_running_loop()
        self._sock: BlockSocket | None = None
        self._writing = False
        self._closing = False
        self._connack: asyncio.Future[tuple[int, str, int]] = self._loop.create_future()
        self._subacks: dict[int | None, asyncio.Future[int]] = {}
        self._misc: asyncio.TimerHandle | None = None
        self._acks: list[Ack] = []
        self._last_mid = 0
        self._unanswered: set[int] = set()  # ids of ours and of subscriptions
        self.messages: list[Message] = []
        self.window = 0
        self.reason = ""
        client = _BlockClient(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(0)  # the delivery rule counts, not paho
        client.connect_timeout = CONNECT_S / 2
        if will is not None:
            will_properties = Properties(PacketTypes.WILLMESSAGE)
            will_properties.WillDelayInterval = WILL_DELAY_S
            client.will_set(will[0], will[1], qos=1, retain=True, properties=will_properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_close = self._on_socket_close
        self._client = client

    # --- for the uplink

    async def open(self) -> None:
        """Connect and wait for the broker's yes.

        :raises UserError: it does not answer, its certificate does not verify, or it refuses us.
        """
        where = f"{self._broker.host}:{self._broker.port}"
        try:
            self._prepare_security()
            await bounded.call(self._connect, CONNECT_S, self._abandon)
            self._watch()
            code, text, receive_maximum = await asyncio.wait_for(self._connack, CONNECT_S)
        except ssl.SSLCertVerificationError as error:
            raise UserError(
                f"the broker's certificate does not verify: {error.verify_message}",
                where,
                "check ca_file, the certificate's dates and names, and this PC's clock",
            ) from None
        except ssl.SSLError as error:
            raise UserError(
                f"no TLS with the broker: {error.reason or error}",
                where,
                "check that the port speaks TLS and that cert_file and key_file are the right pair",
            ) from None
        except TimeoutError:
            raise UserError(
                "the broker does not answer", where, "check that it runs and that no firewall is between"
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(
                f"no connection to the broker: {reason}",
                where,
                _closed_cure(self._broker) if isinstance(error, ConnectionResetError) else _CURE,
            ) from None
        if code >= 0x80:
            raise UserError(f"the broker refuses this client: {text} (0x{code:02x})", where, _refusal_cure(code))
        self.window = max(1, receive_maximum - NOTES_IN_FLIGHT)

    @property
    def certificate(self) -> bytes | None:
        """Return the broker's certificate in DER; None without TLS."""
        return self._client.certificate

    async def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1.

        :raises UserError: the broker refuses it.
        """
        _, mid = self._client.subscribe(topic, qos=1)
        self._after_send()
        future = self._subacks[mid] = self._loop.create_future()
        self._unanswered.add(cast(int, mid))
        try:
            code = await asyncio.wait_for(future, CONNECT_S)
        except TimeoutError:
            raise UserError("the broker does not answer a subscription", topic, "restart the broker") from None
        self._unanswered.discard(cast(int, mid))
        if code >= 0x80:
            raise UserError(
                f"the broker refuses the subscription (0x{code:02x})",
                topic,
                "allow this client to read that topic in the broker's access rules",
            )

    def publish(self, topic: str, payload: bytes, retain: bool, properties: bytes) -> int:
        """Hand one message over, QoS 1; return its id, which `take_acks` gives back. `flush` after the last."""
        mid = self._last_mid % MAX_MID + 1
        while mid in self._unanswered:
            mid = mid % MAX_MID + 1
        self._last_mid = mid
        self._unanswered.add(mid)
        self._send(publish_packet(topic, mid, payload, retain, properties))
        return mid

    def publish_once(self, topic: str, payload: bytes, properties: bytes) -> None:
        """Send one message with QoS 0."""
        self._send(publish_packet(topic, 0, payload, False, properties))
        self.flush()

    def take_acks(self) -> list[Ack]:
        """Return the broker's answers since the last call."""
        acks = self._acks.copy()
        self._acks.clear()
        self._unanswered.difference_update(mid for mid, _ in acks)
        return acks

    def flush(self) -> None:
        """See that what the socket did not take goes out as soon as it can."""
        self._after_send()

    def close(self) -> None:
        """Say goodbye and let go of the socket; `lost` is not called."""
        if self._closing:
            return
        self._closing = True
        self._client.disconnect()
        self._client.loop_write()
        self._unwatch()

    # --- driving paho

    def _prepare_security(self) -> None:
        broker = self._broker
        password = broker.password()
        if broker.username is not None:
            self._client.username_pw_set(broker.username, password.reveal() if password else None)
        if broker.tls:
            context = ssl.create_default_context(cafile=broker.ca_file)
            if broker.cert_file is not None:
                context.load_cert_chain(broker.cert_file, broker.key_file)
            self._client.tls_set_context(context)

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        if self.receive_maximum is not None:
            properties.ReceiveMaximum = self.receive_maximum
        self._client.connect(
            self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=False, properties=properties
        )

    def _abandon(self, _connected: None) -> None:
        self._client.disconnect()

    def _watch(self) -> None:
        self._sock = cast(BlockSocket | None, self._client.socket())
        if self._sock is None:
            raise OSError("the connection closed at once")
        self._sock.acks = self._acks
        self._loop.add_reader(self._sock, self._readable)
        self._after_send()
        self._misc = self._loop.call_later(MISC_S, self._on_misc)

    def _unwatch(self) -> None:
        """Take the socket out of the loop, before it is closed: its number may be given to another at once."""
        if self._misc is not None:
            self._misc.cancel()
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _send(self, packet: bytes) -> None:
        """Take a packet for the next flush; dropped when the socket is gone, as the loss is told, or takes no more."""
        if self._sock is None:
            return
        try:
            self._sock.send(packet)
        except OSError:
            return

    def _readable(self) -> None:
        self._client.loop_read()
        while self._sock is not None and self._sock.pending():
            self._client.loop_read()
        self._after_send()
        if self._acks or self.messages:
            self._traffic()

    def _after_send(self) -> None:
        """Send what waits; watch for writability only while something is left over."""
        if self._sock is None:
            return
        if not self._sock.flush() or self._client.want_write():
            if not self._writing:
                self._loop.add_writer(self._sock, self._writable)
                self._writing = True
        elif self._writing:
            self._loop.remove_writer(self._sock)
            self._writing = False

    def _writable(self) -> None:
        self._client.loop_write()
        self._after_send()

    def _on_misc(self) -> None:
        self._misc = self._loop.call_later(MISC_S, self._on_misc)
        self._client.loop_misc()
        self._after_send()

    # --- paho's callbacks: note and return

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        maximum = getattr(properties, "ReceiveMaximum", None) or 65535
        if not self._connack.done():
            self._connack.set_result((reason.value, str(reason), maximum))

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.reason = f"{reason} (0x{reason.value:02x})"
        if not self._connack.done():
            self._connack.set_exception(ConnectionResetError("it closed the connection"))
        elif not self._closing:
            self._loop.call_soon(self._lost, reason.value)

    def _lost(self, code: int) -> None:
        if self._closing:
            return
        self._closing = True
        self._unwatch()
        if code == 0x8E:  # session taken over, MQTT 5.0 §3.14.2.1
            self.reason = "another client uses this one's id"
        self._tell_lost(self.reason)

    def _on_socket_close(self, _client: mqtt.Client, _data: Any, _sock: Any) -> None:
        self._unwatch()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload), message.retain))

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, mid: int, codes: Any, _properties: Any) -> None:
        future = self._subacks.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(codes[0].value)


def _closed_cure(broker: BrokerSection) -> str:
    """Return what to do about a broker that closes: in TLS 1.3 it refuses a certificate only after the handshake."""
    return f"{_CURE}, and that the broker takes cert_file" if broker.cert_file is not None else _CURE


def _refusal_cure(code: int) -> str:
    """Return what to do about a CONNACK reason code (MQTT 5.0 §3.2.2.2)."""
    if code in (0x86, 0x87, 0x8C):
        return "check broker.username, its password_file or cert_file, and the broker's access rules"
    if code == 0x85:
        return "the broker does not take this client id: check agent.id and the broker's access rules"
    if code in (0x84, 0x80):
        return "the broker must speak MQTT 5"
    return "try later, or look into the broker's log"
