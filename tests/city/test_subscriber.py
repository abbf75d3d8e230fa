"""The broker side in one process: nothing is acknowledged or receipted that is not durable; sentences about faults."""

import asyncio
import json
import random
import threading

import paho.mqtt.client as mqtt
import pytest

from host_agent.receiver import subscriber as module
from host_agent.receiver.config import load
from host_agent.receiver.event_connection import EventConnection
from host_agent.receiver.intake import Receipt
from host_agent.receiver.store import StoreError
from host_agent.receiver.subscriber import Subscriber
from simulator.demo.broker import BrokerPart, find_mosquitto
from simulator.demo.parts import free_port
from tests.city.live import WAIT_S, Agent, until
from tests.city.terminals import Raw

TOPIC = "yiping/v1/C01/terminal/YP-0001/event"


@pytest.fixture
def broker(tmp_path):
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    part = BrokerPart(tmp_path, free_port(), "mosquitto")
    part.start()
    yield part
    part.stop()


@pytest.fixture
def agent(broker):
    agent = Agent(broker.port)
    yield agent
    agent.close()


@pytest.fixture
def config(tmp_path, broker):
    path = tmp_path / "receiver.toml"
    path.write_text(f'[receiver]\nname = "city-01"\n[broker]\nurl = "{broker.url}"\n[forward]\nfile = "out"\n')
    return load(path)


def raws(count):
    return [Raw(TOPIC, json.dumps({"id": f"YP-0001-1-{number}"}).encode()) for number in range(1, count + 1)]


def receipts_of(batch):
    ids = [json.loads(raw.payload)["id"] for raw in batch]
    return [Receipt("C01", "pc-01", id_, "stored", None, "0" * 16) for id_ in ids]


async def working(subscriber, done, what):
    """Run a subscriber until something is true."""
    task = asyncio.create_task(subscriber.run())
    try:
        async with asyncio.timeout(WAIT_S):
            while not done():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"{what} did not come within {WAIT_S} s")
    finally:
        task.cancel()
        await asyncio.wait({task})
        subscriber.close()


def test_database_that_takes_nothing_acknowledges_and_receipts_nothing(config, agent, monkeypatch):
    monkeypatch.setattr(module, "Backoff", QuickBackoff)
    tried, taken = [], []

    async def refuse(batch):
        tried.append(batch)
        raise StoreError("database or disk is full")

    async def accept(batch):
        taken.extend(batch)
        return receipts_of(batch)

    async def main():
        failing = Subscriber(config, refuse, random.Random(1))
        await failing.connect()
        agent.publish(*raws(3))
        await working(failing, lambda: len(tried) > 3, "the tries")
        assert failing.store_fault == "database or disk is full"
        assert agent.receipts == {}
        # The broker still has all three for the receiver: none was acknowledged.
        later = Subscriber(config, accept, random.Random(1))
        await working(later, lambda: len(agent.receipts) == 3, "the receipts")
        assert {json.loads(raw.payload)["id"] for raw in taken} == {f"YP-0001-1-{n}" for n in (1, 2, 3)}
        # And now they are acknowledged: nothing comes again.
        again = Subscriber(config, accept, random.Random(1))
        taken.clear()
        agent.publish(Raw(TOPIC, b'{"id": "YP-0001-1-4"}'))
        await working(again, lambda: "YP-0001-1-4" in agent.receipts, "the fourth receipt")
        assert [raw.payload for raw in taken] == [b'{"id": "YP-0001-1-4"}']

    asyncio.run(main())


def test_database_that_recovers_goes_on_with_the_same_batch(config, agent, monkeypatch):
    monkeypatch.setattr(module, "Backoff", QuickBackoff)
    calls = []

    async def take(batch):
        calls.append([json.loads(raw.payload)["id"] for raw in batch])
        if len(calls) <= 2:
            raise StoreError("locked")
        return receipts_of(batch)

    async def main():
        subscriber = Subscriber(config, take, random.Random(1))
        await subscriber.connect()
        agent.publish(*raws(1))
        await working(subscriber, lambda: agent.receipts, "the receipt")
        assert calls[0] == calls[1] == calls[2] == ["YP-0001-1-1"]
        assert subscriber.store_fault is None

    asyncio.run(main())


def test_events_that_come_while_a_commit_runs_share_the_next(config, agent):
    sizes = []
    gate = asyncio.Event()

    async def take(batch):
        sizes.append(len(batch))
        await gate.wait()
        return receipts_of(batch)

    async def main():
        subscriber = Subscriber(config, take, random.Random(1))
        await subscriber.connect()
        agent.publish(*raws(1))

        def first_is_taken():
            if sizes == [1] and len(agent.waiting) == 1:
                agent.publish(*raws(20)[1:])
            if len(subscriber._waiting) == 19:
                gate.set()
            return len(agent.receipts) == 20

        await working(subscriber, first_is_taken, "all receipts")
        assert sizes == [1, 19]

    asyncio.run(main())


def test_receipts_and_acknowledgements_of_one_batch_leave_together(config, agent):
    gate, sizes = asyncio.Event(), []

    async def take(batch):
        sizes.append(len(batch))
        if len(sizes) > 1:
            await gate.wait()
        return receipts_of(batch)

    async def main():
        subscriber = Subscriber(config, take, random.Random(1))
        await subscriber.connect()
        agent.publish(*raws(1))
        line, published, publish = None, [], subscriber._connection.publish

        def step():
            nonlocal line
            if len(agent.receipts) == 1 and len(agent.waiting) == 0:
                agent.publish(*raws(200)[1:])
            if len(sizes) == 2 and line is None and len(subscriber._waiting) + sizes[1] == 199:
                line = Counted(subscriber._connection._sock._sock)
                subscriber._connection._sock._sock = line
                subscriber._connection.publish = lambda *args: published.append(args) or publish(*args)
                gate.set()
            return len(agent.receipts) == 200

        await working(subscriber, step, "all receipts")
        assert sum(sizes) == 200
        # One message and one write of acknowledgements a batch, not one an event.
        assert len(published) == len(sizes) - 1
        assert line.sends <= 2 * len(published) + 1

    asyncio.run(main())


def test_messages_are_acknowledged_in_the_order_in_which_they_came(config, agent, monkeypatch):
    """MQTT 5.0, 4.6.0-2. A broker may cut off who does otherwise; a state is done with before the event ahead of it."""
    gate, came, acked = asyncio.Event(), [], []

    async def take(batch):
        await gate.wait()
        return receipts_of(batch)

    def hear(topic, _payload):
        if topic.endswith("/state"):
            gate.set()
        return topic.endswith("/state")

    def on_message(connection, client, data, message, own=EventConnection._on_message):
        came.append(message.mid)
        own(connection, client, data, message)

    monkeypatch.setattr(EventConnection, "_on_message", on_message)
    monkeypatch.setattr(
        mqtt.Client, "ack", lambda client, mid, qos, own=mqtt.Client.ack: (acked.append(mid), own(client, mid, qos))[1]
    )

    async def main():
        subscriber = Subscriber(config, take, random.Random(1), hear)
        await subscriber.connect()
        agent.publish(*raws(2))
        agent.client.publish(TOPIC.replace("/event", "/state"), b"{}", 1)
        await working(subscriber, lambda: len(acked) == 3, "all acknowledgements")

    asyncio.run(main())
    assert len(came) == 3 and acked == came


class Counted:
    """Count the writes to a socket."""

    def __init__(self, sock):
        self._sock = sock
        self.sends = 0

    def send(self, data):
        self.sends += 1
        return self._sock.send(data)

    def __getattr__(self, name):
        return getattr(self._sock, name)


def test_receipts_of_one_batch_are_gathered_by_agent(config, broker, agent):
    other = Agent(broker.port, "pc-02")
    messages, subscribed = [], threading.Event()
    watch = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    watch.on_message = lambda _c, _d, message: messages.append(message.topic)
    watch.on_subscribe = lambda *_: subscribed.set()
    watch.connect("127.0.0.1", broker.port)
    watch.subscribe("yiping/v1/+/agent/+/receipt", 1)
    watch.loop_start()
    until(subscribed.is_set, "the watch's subscription")

    async def main():
        subscriber = Subscriber(config, None, random.Random(1))
        await subscriber.connect()
        lines = [Receipt("C01", f"pc-0{1 + n % 2}", f"T-1-{n}", "stored", None, "0" * 16) for n in range(1000)]
        subscriber.send(lines)
        await working(subscriber, lambda: len(agent.receipts) + len(other.receipts) == 1000, "all receipts")

    asyncio.run(main())
    until(lambda: len(messages) >= 6, "the six messages at the watch")
    watch.disconnect()
    watch.loop_stop()
    other.close()
    assert sorted(messages) == [f"yiping/v1/C01/agent/pc-0{n}/receipt" for n in (1, 2) for _ in range(3)]


class QuickBackoff:
    """Pause a moment instead of seconds."""

    def __init__(self, *_args, **_kwargs):
        pass

    def opened(self, _now_s):
        pass

    def pause_s(self, _now_s):
        return 0.01
