"""The uplink against a real broker: receipts, a broker that dies, refuses or has nobody to give to."""

import asyncio
import contextlib
import json
import random
import signal
from hashlib import sha256

import pytest

from host_agent import config as agent_config
from host_agent import delivery as rule
from host_agent import mqtt_connection
from host_agent.backlog import Backlog
from host_agent.delivery import Delivery
from host_agent.errors import UserError
from host_agent.store import Store
from host_agent.store_rows import Batch
from host_agent.uplink import Uplink
from host_agent.writer import Writer, utc_ms
from tests.unit.agent_support import MOSQUITTO, WAIT_S, Broker, StandInReceiver, free_port, wait_until
from tests.unit.test_store import event

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


class Parts:
    """Hold a store and an uplink, as the agent puts them together."""

    def __init__(self, folder, port, scheme="mqtt", extra="", agent="pc-01"):
        path = folder / f"{agent}.toml"
        path.write_text(
            f'[agent]\nid = "{agent}"\ncentre = "C01"\ndata_dir = "{agent}"\n'
            f'[broker]\nurl = "{scheme}://127.0.0.1:{port}"\n{extra}\n'
            '[[window]]\nid = "W01"\nterminal = "YP-0001"\n',
            encoding="utf-8",
        )
        self.config = agent_config.load(path)
        self.store = Store(self.config.agent.data_dir)
        self.writer = Writer(self.store, 10**12, utc_ms)
        rng = random.Random(3)
        self.delivery = Delivery(
            Backlog(self.store.waiting, self.store.waiting_by_id, self.store.last_event_id()),
            self.config.broker.receipts == "city",
            rng,
        )
        self.uplink = Uplink(self.config, self.store, self.writer, self.delivery, utc_ms, "test")
        self.task = None

    async def start(self):
        await self.writer.start()
        self.task = asyncio.create_task(self.uplink.run(random.Random(4)))

    async def stop(self):
        await self.uplink.stop()
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.writer.stop()
        self.store.close()

    def add(self, numbers):
        rows = [event(number) for number in numbers]
        self.writer.add_events(rows, lambda error, _: error or self.uplink.offer(rows))

    async def until(self, what, condition):
        async def poll():
            while not condition():
                await asyncio.sleep(0.02)

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(poll(), WAIT_S)
        assert condition(), f"not within {WAIT_S} s: {what}"

    async def receipted(self, count):
        await self.until(f"{count} receipts", lambda: self.store.counts()["receipted_total"] == count)


@pytest.fixture
def broker(tmp_path):
    started = Broker(tmp_path).start()
    yield started
    started.stop()


@pytest.fixture
def receiver(broker):
    started = StandInReceiver(broker.port)
    yield started
    started.close()


def run(tmp_path, port, scenario, **options):
    async def whole():
        parts = Parts(tmp_path, port, **options)
        await parts.start()
        try:
            await scenario(parts)
        finally:
            await parts.stop()

    asyncio.run(whole())


def test_uplink_each_event_is_published_once_and_settled_by_its_receipt(tmp_path, broker, receiver, monkeypatch):
    monkeypatch.setattr(rule, "RETRY_FIRST_MS", rule.RETRY_LAST_MS)  # however slow this machine is

    async def scenario(parts):
        parts.add(range(1, 1001))
        await parts.receipted(1000)

    run(tmp_path, broker.port, scenario)
    assert receiver.ids() == [f"YP-0001-1-{number}" for number in range(1, 1001)]


def test_uplink_hands_commands_on_but_never_a_retained_one(tmp_path, broker, receiver):
    taken = []

    async def scenario(parts):
        topic = parts.uplink.topics.update
        receiver.client.publish(topic, b"kept by the broker", qos=1, retain=True).wait_for_publish(WAIT_S)
        parts.uplink.commands[topic] = taken.append
        await parts.until("the broker", lambda: parts.uplink.connected)
        receiver.client.publish(topic, b"said now", qos=0)
        await parts.until("the command", lambda: taken)
        assert taken == [b"said now"]

    run(tmp_path, broker.port, scenario)


def test_uplink_without_receipts_everything_stays_and_a_late_receipt_settles(tmp_path, broker, receiver):
    receiver.answer = False

    async def scenario(parts):
        parts.add(range(1, 11))
        await parts.until("publication", lambda: parts.delivery.reached == 10)
        await parts.until("the events at the receiver", lambda: len(receiver.ids()) == 10)
        assert parts.store.counts()["waiting"] == 10
        for one in list(receiver.received):
            receiver.receipt(one)
        await parts.receipted(10)

    run(tmp_path, broker.port, scenario)


def test_uplink_receipts_doubled_foreign_or_malformed_do_no_harm(tmp_path, broker, receiver):
    receiver.answer = False

    async def scenario(parts):
        parts.add([1, 2])
        await parts.until("publication", lambda: parts.delivery.reached == 2)
        topic = "yiping/v1/C01/agent/pc-01/receipt"
        for wrong in (b"", b"[{}]", b"nonsense", json.dumps([{"id": "YP-0001-1-99", "status": "stored"}]).encode()):
            receiver.client.publish(topic, wrong, qos=1)
        receiver.client.publish(topic, json.dumps([{"id": "YP-0001-1-1", "status": "stored"}] * 3), qos=1)
        await parts.receipted(1)
        assert parts.store.counts()["waiting"] == 1

    run(tmp_path, broker.port, scenario)


def test_uplink_receipts_of_one_message_share_one_note_to_the_store(tmp_path, broker, receiver):
    receiver.answer = False

    async def scenario(parts):
        settled, add_receipted = [], parts.writer.add_receipted
        parts.writer.add_receipted = lambda ids: settled.append(len(ids)) or add_receipted(ids)
        parts.add(range(1, 201))
        await parts.until("publication", lambda: parts.delivery.reached == 200)
        lines = [{"id": f"YP-0001-1-{number}", "status": "stored"} for number in range(1, 201)]
        receiver.client.publish("yiping/v1/C01/agent/pc-01/receipt", json.dumps(lines), qos=1)
        await parts.receipted(200)
        assert settled == [200]

    run(tmp_path, broker.port, scenario)


def test_uplink_backlog_drains_and_a_new_event_does_not_wait_for_its_end(tmp_path, broker, receiver, monkeypatch):
    monkeypatch.setattr(rule, "RETRY_FIRST_MS", rule.RETRY_LAST_MS)  # however slow this machine is
    store, old = Store(tmp_path / "pc-01"), Batch()
    old.events = [event(number) for number in range(1, 1501)]
    store.commit(old, 0)
    store.close()

    async def scenario(parts):
        received, offer = [], parts.uplink.offer
        parts.uplink.offer = lambda rows: received.append(len(receiver.ids())) or offer(rows)
        await parts.until("some of the backlog", lambda: len(receiver.ids()) >= 100)
        parts.add([1501])
        await parts.receipted(1501)
        ids = receiver.ids()
        assert set(ids) == {f"YP-0001-1-{number}" for number in range(1, 1502)}
        # Nothing was ahead of it but what had been published: what awaits the city, and the turn of an old one.
        assert ids.index("YP-0001-1-1501") <= received[0] + rule.UNRECEIPTED_LIMIT + rule.WINDOW + 1

    run(tmp_path, broker.port, scenario)


def test_uplink_refused_event_is_shelved_with_its_code(tmp_path, broker, receiver):
    receiver.status, receiver.code = "refused", "bad_signature"

    async def scenario(parts):
        parts.add([1])
        await parts.until("the shelf", lambda: parts.store.refused(9) == [("YP-0001", 1, 1, 1, "bad_signature")])

    run(tmp_path, broker.port, scenario)


def test_uplink_broker_killed_in_the_middle_comes_back_and_nothing_is_lost(tmp_path, broker):
    async def scenario(parts):
        receiver = await asyncio.to_thread(StandInReceiver, broker.port)
        parts.add(range(1, 201))
        await parts.receipted(200)
        broker.stop(signal.SIGKILL)
        parts.add(range(201, 401))
        await parts.until("the loss is told", lambda: parts.uplink.fault is not None)
        assert not parts.uplink.connected
        await asyncio.to_thread(broker.start)
        await parts.receipted(400)
        assert parts.uplink.connected and parts.uplink.fault is None
        assert set(receiver.ids()) == {f"YP-0001-1-{number}" for number in range(1, 401)}
        receiver.close()

    run(tmp_path, broker.port, scenario)


def test_uplink_receipt_for_an_earlier_run_settles_without_publishing_again(tmp_path, broker, receiver):
    receiver.answer = False

    async def before(parts):
        parts.add([1])
        await parts.until("publication", lambda: parts.delivery.reached == 1)
        await parts.until("the event at the receiver", lambda: receiver.ids())

    async def after(parts):
        await parts.receipted(1)
        assert parts.store.counts()["waiting"] == 0

    run(tmp_path, broker.port, before)
    receiver.receipt(receiver.received[0])
    run(tmp_path, broker.port, after)


def test_uplink_receipt_for_other_bytes_of_an_earlier_run_settles_nothing(tmp_path, broker, receiver):
    receiver.answer = False

    async def before(parts):
        parts.add([1, 2])
        await parts.until("publication", lambda: parts.delivery.reached == 2)

    async def after(parts):
        await parts.receipted(1)
        assert [row.seq for row in parts.store.waiting(0, 9, 9)] == [1]

    run(tmp_path, broker.port, before)
    topic = "yiping/v1/C01/agent/pc-01/receipt"
    digests = {1: sha256(b"other bytes").hexdigest(), 2: sha256(event(2).evidence).hexdigest()}
    # Both in one message: when the second has settled, the first has been judged.
    lines = [{"id": f"YP-0001-1-{seq}", "status": "stored", "sha256": digest} for seq, digest in digests.items()]
    receiver.client.publish(topic, json.dumps(lines), qos=1)
    run(tmp_path, broker.port, after)


@needs_mosquitto
def test_uplink_nobody_subscribed_is_no_success_and_flows_when_the_receiver_starts(tmp_path, broker):
    async def scenario(parts):
        parts.add(range(1, 31))
        await parts.until("the hold", lambda: parts.delivery.state == rule.NO_SUBSCRIBER)
        assert parts.store.counts()["waiting"] == 30
        receiver = await asyncio.to_thread(StandInReceiver, broker.port)
        await parts.receipted(30)
        receiver.close()

    run(tmp_path, broker.port, scenario)


def test_uplink_mode_puback_settles_by_the_broker_alone(tmp_path, broker, receiver):
    receiver.answer = False

    async def scenario(parts):
        parts.add(range(1, 101))
        await parts.receipted(100)

    run(tmp_path, broker.port, scenario, extra='receipts = "puback"')


@needs_mosquitto
def test_uplink_not_authorized_to_publish_is_told_and_nothing_is_lost(tmp_path):
    broker = Broker(tmp_path)
    (tmp_path / "acl").write_text("topic read yiping/v1/#\ntopic write yiping/v1/C01/agent/#\n", encoding="ascii")
    broker.extra = f"listener {broker.port} 127.0.0.1\nallow_anonymous true\nacl_file {tmp_path}/acl\n"
    broker.start()

    async def scenario(parts):
        parts.add([1, 2])
        await parts.until("the refusal", lambda: parts.delivery.state == rule.BROKER_REFUSES)
        assert parts.delivery.refusal == 0x87 and parts.store.counts()["waiting"] == 2

    try:
        run(tmp_path, broker.port, scenario, extra='receipts = "puback"')
    finally:
        broker.stop()


def connect_error(tmp_path, port, **options):
    async def scenario():
        parts = Parts(tmp_path, port, **options)
        await parts.writer.start()
        try:
            with pytest.raises(UserError) as caught:
                await parts.uplink.connect()
        finally:
            await parts.stop()
        return caught.value.message

    return asyncio.run(scenario())


def test_uplink_no_broker_is_one_sentence_with_address_and_cure(tmp_path):
    port = free_port()
    message = connect_error(tmp_path, port)
    assert message == (
        f"no connection to the broker: Connection refused (127.0.0.1:{port}): check broker.url, that the"
        " broker runs and the network"
    )


@needs_mosquitto
def test_uplink_wrong_password_is_one_sentence(tmp_path):
    broker = Broker(tmp_path)
    (tmp_path / "password").write_text("wrong", encoding="ascii")
    broker.extra = f"listener {broker.port} 127.0.0.1\nallow_anonymous false\n"
    broker.start()
    try:
        message = connect_error(tmp_path, broker.port, extra='username = "pc-01"\npassword_file = "password"')
    finally:
        broker.stop()
    assert message.startswith("the broker refuses this client: Not authorized (0x87)") and "password_file" in message


def test_uplink_state_is_retained_online_and_offline_at_the_end(tmp_path, broker, receiver):
    topic = "yiping/v1/C01/agent/pc-01/state"

    async def scenario(parts):
        parts.uplink.set_terminal_state("YP-0001", {"state": "ready"})
        await parts.until("the state", lambda: topic in receiver.other)
        await parts.until("the terminal's state", lambda: "yiping/v1/C01/terminal/YP-0001/state" in receiver.other)
        parts.uplink.set_terminal_state("YP-0001", {"state": "ready"})

    run(tmp_path, broker.port, scenario)
    wait_until("both states at the receiver", lambda: len(receiver.other[topic]) >= 2)
    assert [json.loads(payload)["state"] for payload in receiver.other[topic]] == ["online", "offline"]
    assert len(receiver.other["yiping/v1/C01/terminal/YP-0001/state"]) == 1


@needs_mosquitto
def test_uplink_second_agent_of_the_same_id_is_told(tmp_path, broker, receiver):
    async def scenario(parts):
        await parts.until("the connection", lambda: parts.uplink.connected)
        (tmp_path / "twin").mkdir()
        twin = Parts(tmp_path / "twin", broker.port)
        await twin.writer.start()
        await twin.uplink.connect()
        await parts.until("the loss", lambda: parts.uplink.fault is not None)
        assert parts.uplink.fault.message.startswith("the broker closed the connection")
        assert "no other agent has this agent.id" in parts.uplink.fault.message
        await twin.stop()

    run(tmp_path, broker.port, scenario)


def test_uplink_paho_still_makes_its_socket_where_ours_is_put_in():
    assert callable(getattr(mqtt_connection.mqtt.Client, "_create_socket", None))
