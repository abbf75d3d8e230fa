"""The fault matrix towards the city: broker, rights, receipts, certificates.

In each: nothing lost, nothing doubled, nothing acknowledged or receipted that is not durable, and one sentence that
says what is wrong and what to do. The sentences stand in docs/agent.md and docs/receiver.md.
"""

import asyncio
import signal
from contextlib import AbstractAsyncContextManager

import attrs
import pytest

from host_agent import delivery as rule
from host_agent.receiver.intake import Receipt
from tests.faults.fault_hall import ALL_WELL, FaultHall, hasten, lose_patience, opened
from tests.unit.agent_support import MOSQUITTO
from tests.unit.tls_files import Authority

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
PLAIN = "listener {plain} 127.0.0.1\nallow_anonymous true\n"
WITH_RULES = "listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {folder}/acl\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    hasten(monkeypatch)


async def received(hall: FaultHall, count: int) -> None:
    await hall.until(f"{count} receipts", lambda: hall.status()["store"]["receipted_total"] == count)


def test_matrix_broker_down_and_back(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(30)
            await received(hall, 30)
            hall.broker.stop(signal.SIGKILL)
            hall.flood(30)
            where = f"127.0.0.1:{hall.broker.port}"
            said = (
                f"no connection to the broker: Connection refused ({where}): check broker.url, that the broker runs"
                " and the network"
            )
            await hall.agent_says(said)
            await hall.receiver_says(said)
            await hall.until("30 more acknowledged", lambda: hall.terminals[0].acked() == 60)
            assert hall.promises() == (60, 30)
            await asyncio.to_thread(hall.broker.start)
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


@needs_mosquitto
def test_matrix_broker_that_forgets_what_it_acknowledged(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            await hall.stop_receiver()  # its session stays, so the broker takes events for it and says yes
            hall.flood(30)
            await hall.until("the broker's yes", lambda: hall.agent._delivery.reached == 30)
            hall.broker.stop(signal.SIGKILL)
            await asyncio.to_thread(hall.broker.start)  # it keeps nothing on a disk
            await hall.agent_says(
                "nobody at the city takes the events (30 wait): start the receiver, or check broker.prefix"
            )
            assert hall.promises() == (30, 0)
            await hall.start_receiver()
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


@needs_mosquitto
def test_matrix_nobody_subscribed(tmp_path):
    async def scenario():
        async with opened(tmp_path, receiver=False) as hall:
            hall.flood(30)
            await hall.agent_says(
                "nobody at the city takes the events (30 wait): start the receiver, or check broker.prefix"
            )
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 30)
            assert hall.promises() == (30, 0)
            await hall.start_receiver()
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def allow(hall: FaultHall, *rules: str) -> None:
    """Change the broker's access rules while it runs."""
    (hall.folder / "acl").write_text("".join(f"topic {rule}\n" for rule in rules), encoding="ascii")
    if hall.broker.process is not None:
        hall.broker.process.send_signal(signal.SIGHUP)


@needs_mosquitto
def test_matrix_not_authorized_to_write_events_then_receipts(tmp_path):
    async def scenario():
        rest = ("read #", "write yiping/v1/C01/agent/pc-01/state", "write yiping/v1/C01/terminal/+/state")
        events, receipts = "write yiping/v1/C01/terminal/+/event", "write yiping/v1/C01/agent/+/receipt"
        (tmp_path / "acl").write_text("".join(f"topic {rule}\n" for rule in (*rest, receipts)), encoding="ascii")
        async with opened(tmp_path, broker=WITH_RULES) as hall:
            hall.flood(5)
            await hall.agent_says(
                "the broker refuses this agent's events (0x87): allow it to write yiping/v1/C01/terminal/+/event in the"
                " broker's access rules"
            )
            assert hall.promises()[1] == 0
            allow(hall, *rest, events)
            await hall.receiver_says("the broker refuses receipts (0x87): allow this client to write them")
            assert hall.promises()[1] == 0
            allow(hall, *rest, events, receipts)
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


class Meddler:
    """Stand between the receiver and its receipts: keep them, change them, or pass them on."""

    def __init__(self, hall: FaultHall) -> None:
        self._send = hall.receiver.subscriber.send
        self.kept: list[Receipt] = []
        self.change = lambda receipts: []
        hall.receiver.subscriber.send = self._take

    def _take(self, receipts):
        self.kept += receipts
        self._send(self.change(receipts))

    def release(self):
        """Pass on what was kept, and all that comes."""
        self.change = lambda receipts: receipts
        self._send(self.kept)


def changed(**fields):
    return lambda receipts: [attrs.evolve(receipt, **fields) for receipt in receipts]


def test_matrix_receipts_never_then_late(tmp_path, monkeypatch):
    async def scenario():
        async with opened(tmp_path) as hall:
            meddler = Meddler(hall)
            hall.flood(5)
            await lose_patience(hall, 5, monkeypatch)
            await hall.agent_says(
                "the city sends no receipts (5 events published without): check that its receiver runs"
            )
            assert hall.promises() == (5, 0)
            tries = len(meddler.kept)
            await hall.until("more tries", lambda: len(meddler.kept) >= tries + 3)
            meddler.release()
            await hall.everything_arrived()
            await hall.all_is_well()
            assert {receipt.status for receipt in meddler.kept} == {"stored", "duplicate"}

    asyncio.run(scenario())


def test_matrix_receipts_doubled(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            meddler = Meddler(hall)
            meddler.change = lambda receipts: [*receipts, *receipts, *receipts]
            hall.flood(30)
            await hall.everything_arrived()
            assert hall.says() == ALL_WELL

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "wrong",
    [{"sha256": "0" * 16}, {"id": "YP-0001-1-99"}, {"id": "YP-0009-1-1"}, {"id": "nonsense"}],
    ids=["other bytes", "a number never sealed", "another terminal", "no id"],
)
def test_matrix_receipts_that_are_wrong(tmp_path, wrong, monkeypatch):
    async def scenario():
        async with opened(tmp_path) as hall:
            meddler = Meddler(hall)
            meddler.change = changed(**wrong)
            hall.flood(5)
            await lose_patience(hall, 5, monkeypatch)
            await hall.until("the hold", lambda: hall.agent._delivery.state == rule.NO_RECEIPTS)
            said = hall.says()
            assert said.startswith("the city's receipts fit none of the 5 events that wait (")
            assert said.endswith(" came): check that the right receiver runs and that no other agent is called pc-01")
            assert hall.promises()[1] == 0
            meddler.release()
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def over_tls(folder, from_days: int, to_days: int) -> AbstractAsyncContextManager[FaultHall]:
    """Open a hall whose agent speaks TLS with a broker whose certificate is good from and to then."""
    authority = Authority(folder)
    cert_file, key_file = authority.server("broker", from_days, to_days)
    lines = f"{PLAIN}listener {{port}} 127.0.0.1\ncertfile {cert_file}\nkeyfile {key_file}\n"
    return opened(folder, broker=lines, tls=f'ca_file = "{authority.ca_file}"\n')


@needs_mosquitto
def test_matrix_certificate_of_the_broker_expired(tmp_path):
    async def scenario():
        async with over_tls(tmp_path, -9, -1) as hall:
            hall.flood(5)
            await hall.agent_says(
                f"the broker's certificate does not verify: certificate has expired (127.0.0.1:{hall.broker.port}):"
                " check ca_file, the certificate's dates and names, and this PC's clock"
            )
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 5)
            assert hall.promises() == (5, 0)
            hall.broker.stop()
            renew(tmp_path, "broker")
            await asyncio.to_thread(hall.broker.start)
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def renew(folder, name: str) -> None:
    """Put a certificate that is in date, with its key and its authority, in the place of an old one."""
    Authority(folder).server(name, -1, 90)


@needs_mosquitto
def test_matrix_certificate_of_the_broker_about_to_expire(tmp_path):
    async def scenario():
        async with over_tls(tmp_path, -9, 9) as hall:
            hall.flood(5)
            await hall.everything_arrived()
            await hall.agent_says(
                f"the broker's certificate expires in 8 days (127.0.0.1:{hall.broker.port}): have its operator renew it"
            )
            status = hall.status()
            assert status["ok"] and status["warnings"][0]["code"] == "certificate"
            assert status["broker"]["certificate_days"] == hall.agent._status.health()["certificate_days"] == 8

    asyncio.run(scenario())


@needs_mosquitto
def test_matrix_certificate_of_the_agent_expired_and_renewed_without_a_restart(tmp_path):
    async def scenario():
        authority = Authority(tmp_path)
        cert_file, key_file = authority.client("pc-01", -9, -1)
        broker_files = authority.server("broker", -1, 90)
        lines = (
            f"{PLAIN}listener {{port}} 127.0.0.1\ncertfile {broker_files[0]}\nkeyfile {broker_files[1]}\n"
            f"cafile {authority.ca_file}\nrequire_certificate true\n"
        )
        tls = f'ca_file = "{authority.ca_file}"\ncert_file = "{cert_file}"\nkey_file = "{key_file}"\n'
        async with opened(tmp_path, broker=lines, tls=tls) as hall:
            hall.flood(5)
            await hall.until("the fault", lambda: hall.says().startswith("this side's certificate"))
            said = hall.says()
            assert said.startswith("this side's certificate for the broker expired on 20")
            assert said.endswith(f" ({cert_file}): put a new one there")
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 5)
            assert not hall.status()["broker"]["connected"] and hall.promises() == (5, 0)
            authority.client("pc-01", -1, 90)
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())
