"""The way to the city: keeps one broker connection up and moves what the delivery rule hands out.

Promise: nothing is settled but by the rule (delivery.py); whatever happens to the broker, run() goes on; `fault` says
what is wrong and what to do.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from typing import Any

from host_agent import delivery as rule
from host_agent.certificates import Certificates
from host_agent.cloudevents import CONTENT_TYPE, EventWriter
from host_agent.config_model import Config
from host_agent.delivery import Delivery
from host_agent.errors import UserError
from host_agent.mqtt_connection import NOTES_IN_FLIGHT, BrokerConnection, publish_properties
from host_agent.reconnect import Backoff
from host_agent.store import Store
from host_agent.store_changes import shelve
from host_agent.store_rows import EventRow
from host_agent.topics import Topics, agent_client_id
from host_agent.writer import Writer

RECEIPT_LIMIT_BYTES = 256 * 1024
HEALTH_S = 60.0
GOODBYE_S = 2.0

_log = logging.getLogger(__name__)


class Uplink:
    """Own the broker connection; belongs to the event loop."""

    def __init__(
        self, config: Config, store: Store, writer: Writer, delivery: Delivery, utc_ms: Callable[[], int], version: str
    ) -> None:
        """Keep the parts; `run` connects."""
        self._config = config
        self._store = store
        self._writer = writer
        self._delivery = delivery
        self._utc_ms = utc_ms
        self._version = version
        agent = config.agent
        self.topics = Topics(config.broker.prefix, agent.centre, agent.id)
        self._events = EventWriter(agent.centre, agent.id)
        self._properties = publish_properties(CONTENT_TYPE)
        self._json = publish_properties("application/json")
        self._connection: BrokerConnection | None = None
        self._lost: asyncio.Future[str] | None = None
        self._under_way: dict[int, rule.Entry] = {}
        self._pump_due = False
        self._retained: dict[str, bytes] = {}
        self._notes: list[str] = []
        self._notes_under_way: dict[int, str] = {}
        self._goodbye: asyncio.Future[None] | None = None
        self.certificates = Certificates(config.broker, utc_ms)
        self.fault: UserError | None = None
        # Topics of commands → who takes their payload; the city says them once, and says them again while they hold.
        self.commands: dict[str, Callable[[bytes], None]] = {}
        self.connected_total = 0
        self.receipts_unknown = 0

    @property
    def connected(self) -> bool:
        """Say whether the broker is there."""
        return self._connection is not None

    # --- what the agent tells the city besides events

    def set_terminal_state(self, terminal: str, state: dict[str, Any]) -> None:
        """Publish a terminal's state, retained, if it changed."""
        self._set_retained(self.topics.terminal_state(terminal), state)

    def send_health(self, health: dict[str, Any]) -> None:
        """Publish the agent's health, QoS 0; dropped without a connection."""
        if self._connection is not None:
            self._connection.publish_once(self.topics.health, json.dumps(health).encode(), self._json)

    def _set_retained(self, topic: str, value: dict[str, Any]) -> None:
        payload = json.dumps(value, ensure_ascii=False).encode()
        if self._retained.get(topic) != payload:
            self._retained[topic] = payload
            if topic not in self._notes:
                self._notes.append(topic)
            self.pump()

    # --- life

    async def connect(self) -> None:
        """Connect once and subscribe.

        :raises UserError: the broker cannot be used.
        """
        will = json.dumps({"state": "lost", "version": self._version}).encode()
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connection = BrokerConnection(
            self._config.broker,
            agent_client_id(self._config.agent.centre, self._config.agent.id),
            (self.topics.state, will),
            self._traffic,
            lambda reason: lost.done() or lost.set_result(reason),
        )
        try:
            await connection.open()
            for topic in (self.topics.receipt, *self.commands):
                await connection.subscribe(topic)
        except BaseException:
            connection.close()
            raise
        self._connection, self._lost = connection, lost
        self._retained[self.topics.state] = json.dumps(
            {"state": "online", "version": self._version, "since_utc_ms": self._utc_ms()}
        ).encode()
        self._notes = list(self._retained)
        self.fault = None
        self.certificates.shown(connection.certificate)
        self.connected_total += 1
        self._delivery.connected(_now_ms(), connection.window)
        _log.info("connected to the broker", extra={"broker": self._config.broker.host})
        self._traffic()

    async def run(self, rng: random.Random) -> None:
        """Stay connected for ever; returns only by being cancelled."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(rng)
        ticker = asyncio.create_task(self._tick())
        try:
            while True:
                try:
                    if self._connection is None:
                        await self.connect()
                    backoff.opened(loop.time())
                    reason = await self._lost  # pyright: ignore[reportGeneralTypeIssues], made by connect
                    self._disconnected(reason)
                except UserError as error:
                    if self.fault is None or self.fault.message != error.message:
                        _log.warning("broker: %s", error.message)
                    self.fault = error
                await asyncio.sleep(backoff.pause_s(loop.time()))
        finally:
            ticker.cancel()

    async def stop(self) -> None:
        """Tell the city that we go, wait a moment for the broker, close."""
        connection = self._connection
        if connection is None:
            return
        self._goodbye = asyncio.get_running_loop().create_future()
        self._delivery.disconnected()
        self._set_retained(self.topics.state, {"state": "offline", "version": self._version})
        try:
            await asyncio.wait_for(self._goodbye, GOODBYE_S)
        except TimeoutError:
            _log.warning("the broker did not take the goodbye")
        self._connection = None
        connection.close()

    def _disconnected(self, reason: str) -> None:
        self._connection = None
        self._under_way.clear()
        self._notes_under_way.clear()
        self._delivery.disconnected()
        where = f"{self._config.broker.host}:{self._config.broker.port}"
        # Not every broker says that a second client of the same id has pushed the first one out.
        cure = "check that it runs and that no other agent has this agent.id; the agent reconnects"
        self.fault = UserError(f"the broker closed the connection: {reason}", where, cure)
        _log.warning("broker: %s", self.fault.message)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(rule.TICK_MS / 1000)
            self._delivery.tick(_now_ms())
            self.pump()

    # --- the hot path

    def offer(self, rows: list[EventRow]) -> None:
        """Take events that have just become durable, and publish what may go."""
        self._delivery.backlog.add(rows)
        if not self._pump_due:
            self._pump_due = True
            asyncio.get_running_loop().call_soon(self._pump_offered)

    def _pump_offered(self) -> None:
        """Publish once for all that a commit brings."""
        self._pump_due = False
        self.pump()

    def pump(self) -> None:
        """Publish all that the rule lets go now."""
        connection = self._connection
        if connection is None:
            return
        events, topics, properties, under_way = self._events, self.topics, self._properties, self._under_way
        for entry in self._delivery.take(_now_ms()):
            row = entry.row
            mid = connection.publish(topics.event(row.terminal), events.payload(row, entry.ce_id), False, properties)
            under_way[mid] = entry
        while self._notes and len(self._notes_under_way) < NOTES_IN_FLIGHT:
            topic = self._notes.pop(0)
            self._notes_under_way[connection.publish(topic, self._retained[topic], True, self._json)] = topic
        connection.flush()

    def _traffic(self) -> None:
        """Act upon what the connection noted."""
        connection = self._connection
        if connection is None:
            return
        acks = connection.take_acks()
        messages, connection.messages = connection.messages, []
        settled: list[int] = []
        now_ms = _now_ms()
        for mid, code in acks:
            entry = self._under_way.pop(mid, None)
            if entry is None:
                self._note_acked(mid)
                continue
            done = self._delivery.acked(entry, code, now_ms)
            if done == "settled":
                settled.append(entry.row.id)
            elif done == "shelved":
                self._shelve(entry.row, f"broker_0x{code:02x}")
        for topic, payload, retained in messages:
            if topic == self.topics.receipt and not retained:
                self._receipts(payload, settled, now_ms)
            elif topic in self.commands and not retained:
                self.commands[topic](payload)
        if settled:
            self._writer.add_receipted(settled)
        self.pump()

    def _note_acked(self, mid: int) -> None:
        topic = self._notes_under_way.pop(mid, None)
        if topic == self.topics.state and self._goodbye is not None and not self._goodbye.done():
            self._goodbye.set_result(None)

    def _receipts(self, payload: bytes, settled: list[int], now_ms: int) -> None:
        for ce_id, status, code, digest in read_receipts(payload):
            done = self._delivery.receipt(ce_id, status, code, now_ms, digest)
            if done is None:
                if status in rule.SETTLING and not self._delivery.knows(ce_id):
                    self._receipt_unseen(ce_id, digest, settled)
            elif done[0] == "settled":
                settled.append(done[1].id)
            else:
                self._shelve(done[1], code)

    def _receipt_unseen(self, ce_id: str, digest: str | None, settled: list[int]) -> None:
        """Settle what was published by an earlier run of this agent, or count a receipt that names nothing waiting."""
        identity = rule.parse_event_id(ce_id)
        waiting = self._store.waiting_event(*identity) if identity else None
        if waiting is None or not rule.means(digest, waiting[1]):
            self.receipts_unknown += 1
        else:
            self._delivery.backlog.settled_unseen(waiting[0])
            self._delivery.heard(_now_ms())
            settled.append(waiting[0])

    def _shelve(self, row: EventRow, code: str) -> None:
        _log.error("the city refused an event", extra={"event": rule.event_id(row), "code": code})
        self._writer.note(shelve(row.id, code, self._utc_ms()))


def read_receipts(payload: bytes) -> list[tuple[str, str, str, str | None]]:
    """Return (id, status, code, sha256 or None) of each receipt in a message; what is no receipt is left out."""
    if len(payload) > RECEIPT_LIMIT_BYTES:
        return []
    try:
        items = json.loads(payload)
    except (ValueError, RecursionError):
        return []
    if not isinstance(items, list):
        return []
    return [
        (item["id"], item["status"], _storable(str(item.get("code") or "")[:64]), _digest(item.get("sha256")))
        for item in items
        if isinstance(item, dict) and _is_text(item.get("id")) and _is_text(item.get("status"))
    ]


def _is_text(value: object) -> bool:
    """Say whether it is a text without half characters (lone surrogates), which JSON may hold and no store takes."""
    return isinstance(value, str) and (value.isascii() or value == _storable(value))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _digest(value: object) -> str | None:
    """Return the receipt's digest; one that is there and is no text means no bytes at all."""
    return None if value is None else value if isinstance(value, str) else ""


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)
