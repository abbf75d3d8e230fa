"""The receiver as a process at a real broker: delivery, kills, outages, offline queues, the registry that grows."""

import json
import random
import sys
import time

import pytest

from protocol import rating
from simulator.demo.broker import BrokerPart, find_mosquitto
from simulator.demo.parts import free_port, run_once, yiping
from simulator.errors import UserError
from tests.city.live import Agent, Receiver, until
from tests.city.terminals import Raw, Terminal, message
from tests.faults.small_disk import SmallDisk

BROKERS = ["mosquitto", "iotcore"]


@pytest.fixture(params=BROKERS)
def broker(request, tmp_path):
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    part = BrokerPart(tmp_path, free_port(), request.param)
    part.start()
    yield part
    part.stop()


@pytest.fixture
def terminal():
    return Terminal(step_ms=50, now_ms=time.time_ns() // 1_000_000 - 600_000)


@pytest.fixture
def receiver(tmp_path, broker, terminal):
    receiver = Receiver(tmp_path, broker, terminal)
    receiver.part.start()
    yield receiver
    receiver.part.stop()


@pytest.fixture
def agent(broker):
    agent = Agent(broker.port)
    yield agent
    agent.close()


def ratings(terminal: Terminal, count: int) -> list[Raw]:
    batch = []
    for number in range(count):
        invite = terminal.invite()
        batch.append(message(terminal, terminal.rates(1 + number % 5, invite), invite.preimage))
    return batch


def ids(count: int, first: int = 1) -> set[str]:
    return {f"YP-0001-1-{seq}" for seq in range(first, first + count)}


def test_events_are_receipted_once_and_handed_on(receiver, agent, terminal):
    agent.publish(*ratings(terminal, 100))
    until(lambda: not agent.waiting, "the receipts")
    assert agent.receipts == {id_: [("stored", None)] for id_ in ids(100)}
    until(lambda: len(receiver.records()) >= 100, "the records")
    assert [record["id"] for record in receiver.records()] == [f"YP-0001-1-{seq}" for seq in range(1, 101)]
    assert [record["level"] for record in receiver.records()] == [1 + number % 5 for number in range(100)]
    status = receiver.status()
    assert (status["ok"], status["store"]["stored"]) == (True, 100)
    [row] = receiver.terminals()
    assert (row["last_seq"], row["missing"], row["conflicts"], row["chain_broken"]) == (100, 0, 0, 0)


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_status_command_says_one_sentence(receiver, agent, terminal, tmp_path):
    command = yiping("receiver", "status", "--config", str(tmp_path / "receiver.toml"))
    assert run_once("status", command, tmp_path) == "ready: no event has come yet\n"
    agent.publish(*ratings(terminal, 2))
    until(lambda: len(receiver.records()) == 2 and not receiver.status()["forward"]["waiting"], "the records")
    assert run_once("status", command, tmp_path) == "all is well: 2 events stored and receipted\n"
    assert json.loads(run_once("status", [*command, "--json"], tmp_path))["store"]["stored"] == 2
    receiver.part.stop()
    with pytest.raises(UserError, match="the receiver does not answer"):
        run_once("status", command, tmp_path)


def test_events_published_while_the_receiver_is_away_come_when_it_is_back(receiver, agent, terminal):
    agent.publish(*ratings(terminal, 5))
    until(lambda: not agent.waiting, "the first receipts")
    receiver.part.stop()
    agent.publish(*ratings(terminal, 20))
    until(lambda: agent.acked == 25, "the broker's acknowledgements")
    receiver.part.start()
    until(lambda: not agent.waiting, "the receipts of what was published meanwhile")
    until(lambda: {record["id"] for record in receiver.records()} == ids(25), "the records")


def kill_again_and_again(receiver: Receiver, agent: Agent, terminal: Terminal, kills: int, size: int) -> None:
    """Kill the receiver at a random moment of each batch; every event must arrive once."""
    seed = 1
    print("seed", seed)
    noise = random.Random(seed)
    batch = ratings(terminal, kills * size)
    for start in range(0, kills * size, size):
        agent.publish(*batch[start : start + size])
        enough = start + noise.randrange(size)
        until(lambda enough=enough: len(agent.receipts) >= enough or not agent.waiting, "some receipts")
        receiver.part.kill()
        receiver.part.start()
        agent.settle()
    until(lambda: {record["id"] for record in receiver.records()} == ids(kills * size), "the records")
    assert receiver.status()["store"]["stored"] == kills * size
    [row] = receiver.terminals()
    assert (row["events"], row["missing"], row["conflicts"], row["chain_broken"]) == (kills * size, 0, 0, 0)


def test_receiver_killed_again_and_again_loses_and_doubles_nothing(receiver, agent, terminal):
    kill_again_and_again(receiver, agent, terminal, kills=3, size=60)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_receiver_killed_two_hundred_times_loses_and_doubles_nothing(receiver, agent, terminal):
    kill_again_and_again(receiver, agent, terminal, kills=200, size=40)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk needs Linux")
@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_disk_full_receipts_nothing_and_recovers_without_a_restart(tmp_path, broker, agent, terminal):
    receiver = Receiver(tmp_path, broker, terminal)
    disk = SmallDisk(tmp_path / "data", 6 * 1024 * 1024)
    receiver.part.argv = [*disk.prefix, *receiver.part.argv]
    receiver.part.start()
    pid = receiver.part.process.pid
    try:
        agent.publish(*ratings(terminal, 20))
        until(lambda: not agent.waiting, "the first receipts")
        disk.fill(pid)
        agent.publish(*ratings(terminal, 900))
        until(lambda: receiver.status()["faults"], "the fault")
        assert receiver.status()["faults"][0]["code"] == "store"
        said = receiver.status()["message"]
        assert said.startswith("the database takes nothing, ") and said.endswith(
            "; events stay with the agents until then"
        )
        if disk.really_full:
            assert f", database or disk is full ({tmp_path / 'data' / 'receiver.db'}): free some room;" in said
        assert agent.waiting
        disk.empty(pid)
        agent.settle()
        until(lambda: {record["id"] for record in receiver.records()} == ids(920), "the records")
        until(lambda: receiver.status()["ok"], "the recovery")
        [row] = receiver.terminals()
        assert (row["events"], row["missing"], row["conflicts"], row["chain_broken"]) == (920, 0, 0, 0)
    finally:
        receiver.part.stop()


def test_broker_killed_is_told_and_survived(broker, receiver, agent, terminal):
    agent.publish(*ratings(terminal, 10))
    until(lambda: not agent.waiting, "the first receipts")
    broker.kill()
    until(lambda: not receiver.status()["ok"], "the fault")
    assert receiver.status()["faults"][0]["code"] == "broker"
    broker.start()
    until(lambda: receiver.status()["ok"], "the reconnection")
    until(agent.client.is_connected, "the agent's reconnection")
    agent.publish(*ratings(terminal, 10))
    agent.settle()
    until(lambda: {record["id"] for record in receiver.records()} == ids(20), "the records")


def test_terminal_registered_later_is_opened_without_the_agents_help(receiver, agent):
    late = Terminal("YP-0002", step_ms=50)
    agent.publish(message(late, late.boots()), message(late, late.seal(rating.MARK)))
    until(lambda: len(agent.receipts) == 2, "the refusals")
    assert agent.receipts["YP-0002-1-1"] == [("refused", "unknown_terminal")]
    assert "yiping registry import" in receiver.status()["message"]
    receiver.register(late)
    until(lambda: all(len(lines) == 2 for lines in agent.receipts.values()), "the receipts from the shelf")
    assert agent.receipts["YP-0002-1-2"][1] == ("stored", None)
    until(lambda: len(receiver.records()) == 2, "the records")


def test_agents_get_their_own_receipts_only(broker, receiver, agent, terminal):
    other = Agent(broker.port, "pc-02")
    agent.publish(message(terminal, terminal.boots()))
    other.publish(message(terminal, terminal.marks(), agent="pc-02"))
    until(lambda: agent.receipts and other.receipts, "both receipts")
    assert (set(agent.receipts), set(other.receipts)) == ({"YP-0001-1-1"}, {"YP-0001-1-2"})
    other.close()
