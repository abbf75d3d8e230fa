"""The receiver at the broker: takes events, has them made durable, acknowledges them, sends receipts.

Promise: an event is acknowledged to the broker and receipted to its agent only after it is durable; whatever happens to
the broker or the database, `run` goes on, and `fault` says in one sentence what is wrong. Everything that comes while a
commit runs shares the next one.
"""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from host_agent.errors import UserError
from host_agent.mqtt_connection import publish_properties
from host_agent.receiver.config import Config
from host_agent.receiver.event_connection import RECEIVE_MAXIMUM, EventConnection
from host_agent.receiver.intake import Raw, Receipt
from host_agent.receiver.store import StoreError
from host_agent.reconnect import Backoff
from host_agent.topics import receiver_client_id

BATCH = 500  # events of one commit
# The broker sends at most RECEIVE_MAXIMUM without acknowledgement; only QoS 0, which is not ours, could exceed this.
WAITING_LIMIT = 2 * RECEIVE_MAXIMUM
RECEIPT_LINES = 200  # receipts of one message, about 20 KB
RECEIPTS_WAITING = 20_000  # dropped beyond it: the agents send again what got no receipt
RECEIPTS_IN_FLIGHT = 20
PUBACK_ERROR = 0x80
COMMAND_EXPIRY_S = 60

_log = logging.getLogger(__name__)
_Waiting = tuple[EventConnection, int | None, Raw]


class Subscriber:
    """Own the broker connection and what waits between it and the database; belongs to the event loop."""

    def __init__(
        self,
        config: Config,
        take: Callable[[list[Raw]], Awaitable[list[Receipt]]],
        rng: random.Random,
        hear: Callable[[str, bytes], bool] = lambda topic, payload: False,
    ) -> None:
        """Keep the parts; `take` makes a batch durable and returns its receipts, or raises StoreError.

        `hear` gets each message first and says whether it was a state, which nobody has to make durable.
        """
        self._config = config
        self._take = take
        self._hear = hear
        self._rng = rng
        self._connection: EventConnection | None = None
        self._lost: asyncio.Future[str] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._receipts: deque[tuple[str, bytes]] = deque()
        self._under_way: dict[int, tuple[str, bytes]] = {}
        self._json = publish_properties("application/json")
        self._command = publish_properties("application/json", COMMAND_EXPIRY_S)
        self.certificate: bytes | None = None  # the broker's, as it was shown last
        self.fault: UserError | None = None
        self.store_fault: str | None = None
        self.receipts_refused: int | None = None  # the broker's reason code for the last receipt it refused
        self.taken_total = 0
        self.dropped_total = 0

    @property
    def connected(self) -> bool:
        """Say whether the broker is there."""
        return self._connection is not None

    @property
    def receipts_waiting(self) -> int:
        """Return how many receipt messages the broker has not taken yet."""
        return len(self._receipts) + len(self._under_way)

    @property
    def topics(self) -> list[str]:
        """Return the subscriptions: shared by the receivers of one name, unless the configuration says otherwise."""
        section = self._config.receiver
        base = f"{self._config.broker.prefix}/{section.centre}"
        shared = f"$share/{section.name}/" if section.shared else ""
        # States are retained, and no retained message comes over a shared subscription.
        return [
            f"{shared}{base}/terminal/+/event",
            f"{shared}{base}/agent/+/service",
            f"{base}/terminal/+/state",
            f"{base}/agent/+/state",
        ]

    async def connect(self) -> asyncio.Future[str]:
        """Connect once and subscribe; return what tells of the loss; raises UserError when it cannot be done."""
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connection = EventConnection(
            self._config.broker,
            receiver_client_id(self._config.receiver.name),
            None,
            lambda: self._traffic(connection),
            lambda reason: lost.done() or lost.set_result(reason),
        )
        try:
            await connection.open()
            self._connection, self._lost = connection, lost
            for topic in self.topics:
                await connection.subscribe(topic)
        except BaseException:
            self._disconnected()
            connection.close()
            raise
        self.fault = None
        self.certificate = connection.certificate
        _log.info("connected to the broker")
        self._send_receipts()
        return lost

    async def run(self) -> None:
        """Stay connected and work for ever; returns only by being cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work())
            group.create_task(self._stay_connected())

    def send(self, receipts: Sequence[Receipt]) -> None:
        """Queue receipts, gathered by agent, and send what the broker takes now."""
        lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for receipt in receipts:
            lines.setdefault((receipt.centre, receipt.agent), []).append(receipt.line())
        for (centre, agent), rows in lines.items():
            topic = f"{self._config.broker.prefix}/{centre}/agent/{agent}/receipt"
            for start in range(0, len(rows), RECEIPT_LINES):
                self._receipts.append((topic, json.dumps(rows[start : start + RECEIPT_LINES]).encode()))
        while len(self._receipts) > RECEIPTS_WAITING:
            self._receipts.popleft()
        self._send_receipts()

    def command(self, topic: str, payload: bytes) -> None:
        """Send a command that only counts now, so nobody keeps it: whoever gives it gives it again."""
        if self._connection is not None:
            self._connection.publish_once(topic, payload, self._command)

    def close(self) -> None:
        """Say goodbye to the broker; it keeps the session, and what was not acknowledged."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._rng)
        while True:
            try:
                lost = self._lost or await self.connect()
                backoff.opened(loop.time())
                reason = await lost
                self._disconnected()
                where = f"{self._config.broker.host}:{self._config.broker.port}"
                cure = "check that it runs and that no other receiver bears this name; this one reconnects"
                self._note(UserError(f"the broker closed the connection: {reason}", where, cure))
            except UserError as error:
                self._note(error)
            await asyncio.sleep(backoff.pause_s(loop.time()))

    def _disconnected(self) -> None:
        """Forget what belongs to the connection: the broker sends events again that it has no acknowledgement for."""
        self._connection = self._lost = None
        self._waiting.clear()
        self._arrived.clear()
        # What has no PUBACK may or may not have reached its agent: a receipt may come twice.
        self._receipts.extendleft(reversed(self._under_way.values()))
        self._under_way.clear()

    def _note(self, fault: UserError) -> None:
        if self.fault is None or self.fault.message != fault.message:
            _log.warning("broker: %s", fault.message)
        self.fault = fault

    def _traffic(self, connection: EventConnection) -> None:
        """Take what came, and the broker's answers to receipts."""
        for mid, raw in connection.take():
            if self._hear(raw.topic, raw.payload):
                connection.acknowledge([] if mid is None else [mid])
            elif len(self._waiting) >= WAITING_LIMIT:
                self.dropped_total += 1
            else:
                self._waiting.append((connection, mid, raw))
                self._arrived.set()
        acks = connection.take_acks()
        for mid, code in acks:
            if self._under_way.pop(mid, None) is not None:
                self.receipts_refused = code if code >= PUBACK_ERROR else None
        if acks:
            self._send_receipts()

    async def _work(self) -> None:
        """Make what waits durable, batch after batch; a batch that fails is tried again until it holds."""
        backoff = Backoff(self._rng)
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            while True:
                try:
                    receipts = await self._take([raw for _, _, raw in batch])
                    break
                except StoreError as error:
                    if self.store_fault is None:
                        _log.error("the database takes nothing: %s", error)
                    self.store_fault = str(error)
                    await asyncio.sleep(backoff.pause_s(asyncio.get_running_loop().time()))
            if self.store_fault is not None:
                _log.warning("the database takes events again")
                self.store_fault = None
                backoff = Backoff(self._rng)
            self.taken_total += len(batch)
            self.send(receipts)
            # Each over the connection that brought it, which need not be the present one, nor be ready for more yet.
            for connection in {source for source, _, _ in batch}:
                connection.acknowledge([mid for source, mid, _ in batch if source is connection and mid is not None])

    def _send_receipts(self) -> None:
        connection = self._connection
        if connection is None:
            return
        room = min(RECEIPTS_IN_FLIGHT, connection.window)
        while self._receipts and len(self._under_way) < room:
            topic, payload = self._receipts.popleft()
            self._under_way[connection.publish(topic, payload, False, self._json)] = (topic, payload)
        connection.flush()
