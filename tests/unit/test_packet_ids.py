"""Packet ids towards the broker: one that is in use is not given to a second packet (MQTT 5.0 §2.2.1)."""

import asyncio

from host_agent import mqtt_connection
from host_agent.config_model import BrokerSection
from host_agent.mqtt_connection import BrokerConnection
from tests.unit.agent_support import WAIT_S

CONNACK = b"\x20\x03\x00\x00\x00"
CONNECT, PUBLISH, SUBSCRIBE = 0x10, 0x30, 0x80
LAST_ID = 12


class SlowBroker:
    """Answer CONNECT at once; keep every other packet until the test answers it."""

    def __init__(self):
        self.packets = asyncio.Queue()

    async def talk(self, reader, writer):
        self.writer = writer
        try:
            while True:
                first, size = await reader.readexactly(2)
                if size & 0x80:
                    size = size & 0x7F | (await reader.readexactly(1))[0] << 7
                body = await reader.readexactly(size)
                if first == CONNECT:
                    writer.write(CONNACK)
                else:
                    self.packets.put_nowait((first, body))
        except asyncio.IncompleteReadError:
            writer.close()

    async def next_id(self, kind):
        first, body = await asyncio.wait_for(self.packets.get(), WAIT_S)
        assert first & 0xF0 == kind
        at = 2 + int.from_bytes(body[:2], "big") if kind == PUBLISH else 0
        return int.from_bytes(body[at : at + 2], "big")


async def connected(scenario):
    """Run a scenario with a connection, its broker, and an event that is set when something came."""
    broker, came = SlowBroker(), asyncio.Event()
    server = await asyncio.start_server(broker.talk, "127.0.0.1", 0)
    section = BrokerSection(url=f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    connection = BrokerConnection(section, "c", None, came.set, lambda _reason: None)
    try:
        await connection.open()
        await scenario(connection, broker, came)
    finally:
        connection.close()
        server.close()


def send(connection):
    mid = connection.publish("a/b", b"x", False, b"\x00")
    connection.flush()
    return mid


def test_packet_id_without_answer_is_not_used_again(monkeypatch):
    monkeypatch.setattr(mqtt_connection, "MAX_MID", LAST_ID)

    async def scenario(connection, broker, came):
        kept = {send(connection), send(connection)}
        for _ in range(3 * LAST_ID):
            mid = send(connection)
            assert mid not in kept and 1 <= mid <= LAST_ID
            came.clear()
            broker.writer.write(b"\x40\x02" + mid.to_bytes(2, "big"))
            await asyncio.wait_for(came.wait(), WAIT_S)
            assert connection.take_acks() == [(mid, 0)]

    asyncio.run(connected(scenario))


def test_packet_id_of_a_subscription_under_way_is_not_used_for_an_event():
    async def scenario(connection, broker, _came):
        subscribing = asyncio.create_task(connection.subscribe("a/receipt"))
        subscription = await broker.next_id(SUBSCRIBE)
        assert send(connection) != subscription
        assert await broker.next_id(PUBLISH) != subscription
        broker.writer.write(b"\x90\x04" + subscription.to_bytes(2, "big") + b"\x00\x01")
        await asyncio.wait_for(subscribing, WAIT_S)

    asyncio.run(connected(scenario))
