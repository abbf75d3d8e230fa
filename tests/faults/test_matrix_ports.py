"""The fault matrix of ports and many terminals; see test_matrix_city.py."""

import asyncio
import contextlib
import threading
from types import SimpleNamespace

import pytest

from host_agent import ports, window
from protocol import link_base
from tests.faults.fault_hall import FaultHall, hasten, opened
from tests.unit.fake_terminal import FakeTerminal

LOST_MS = 3_000
HEARTBEAT_MS = 500


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    hasten(monkeypatch)


def condition(hall: FaultHall, number: int = 0) -> str:
    return hall.status()["terminals"][number]["condition"]


async def others_are_ready(hall: FaultHall) -> None:
    await hall.until("three that are ready", lambda: {condition(hall, number) for number in (1, 2, 3)} == {"ready"})


def test_matrix_port_comes_back_under_another_name(tmp_path, monkeypatch):
    """The lister stands for the hardware: what is plugged in, by name and serial number."""
    usb: list[tuple[str, str]] = [("/dev/ttyACM9", "OTHER")]

    def listed():
        return [SimpleNamespace(device=name, serial_number=serial, description="") for name, serial in usb]

    monkeypatch.setattr(ports.list_ports, "comports", listed)

    async def scenario():
        async with opened(tmp_path, auto=True) as hall:
            terminal = hall.terminals[0]
            absent = (
                "no terminal YP-0001 is connected by USB (window.port = auto): plug in its cable, or name the port in"
                " agent.toml"
            )
            await hall.agent_says(absent)
            usb.append((terminal.link_path, "YP-0001"))
            hall.flood(20)
            await hall.everything_arrived()
            terminal.unplug()
            del usb[1]
            await hall.agent_says(absent)
            hall.flood(20)
            assert hall.promises() == (20, 20)
            other = terminal.link_path + "-again"
            terminal.link_path = other
            terminal.plug()
            usb.append((other, "YP-0001"))
            await hall.everything_arrived()
            assert hall.status()["terminals"][0]["port"] == other
            await hall.all_is_well()

    asyncio.run(scenario())


@contextlib.contextmanager
def hung(terminal: FakeTerminal):
    """Let a terminal neither read nor write: its end of the line fills up."""
    go, hangs = threading.Event(), threading.Event()

    def hang():
        hangs.set()
        go.wait()

    waiter = threading.Thread(target=terminal._call, args=(hang,))
    waiter.start()
    assert hangs.wait(60)
    try:
        yield
    finally:
        go.set()
        waiter.join()


def test_matrix_port_that_takes_nothing_any_more_stalls_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(link_base, "LOST_MS", LOST_MS)
    monkeypatch.setattr(link_base, "HEARTBEAT_MS", HEARTBEAT_MS)

    async def scenario():
        async with opened(tmp_path, terminals=4) as hall:
            hall.flood(10)
            await hall.everything_arrived()
            stuck, others = hall.terminals[0], hall.terminals[1:]
            with hung(stuck):
                # More than the line and the agent's own queue hold.
                for _ in range(200):
                    hall.agent._windows["W-YP-0001"]._connection._transport.write(bytes(1000))
                for terminal in others:
                    terminal.flood(50)
                await hall.until("the others' events", lambda: hall.status()["store"]["receipted_total"] == 190)
                await hall.until("the fault", lambda: condition(hall) in ("lost", "no_answer", "connecting"))
                said = hall.status()["faults"][0]
                assert said["window"] == "W-YP-0001" and f"({stuck.link_path}): " in said["message"]
                await others_are_ready(hall)
            stuck.flood(10)
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


class StuckPort:
    """A port without a descriptor whose driver never returns: neither read nor write nor close."""

    in_waiting = 0

    def __init__(self, go: threading.Event) -> None:
        self._go = go
        self.timeout = self.write_timeout = None

    def read(self, _size):
        self._go.wait()
        raise OSError("unplugged at last")

    def write(self, data):
        self._go.wait()
        return len(data)

    def close(self):
        self._go.wait()


@pytest.mark.parametrize("where", ["open", "read"])
def test_matrix_port_whose_driver_hangs_stalls_nobody(tmp_path, monkeypatch, where):
    go = threading.Event()
    true_open = ports.open_serial
    tries = []

    def open_(name, baud):
        if not name.endswith("YP-0001") or go.is_set():
            return true_open(name, baud)
        tries.append(name)
        if where == "open":
            go.wait()
            raise OSError("unplugged at last")
        return StuckPort(go)

    monkeypatch.setattr(ports, "OPEN_S", 1.0)
    monkeypatch.setattr(window, "ANSWER_S", 2.0)
    monkeypatch.setattr(ports, "open_serial", open_)

    async def scenario():
        async with opened(tmp_path, terminals=4) as hall:
            try:
                hall.flood(20)
                await hall.until("the others' events", lambda: hall.status()["store"]["receipted_total"] == 60)
                path = hall.terminals[0].link_path
                if where == "open":
                    await hall.agent_says(f"the port hangs ({path}): pull its cable and plug it in again")
                    assert len(tries) == 1, "each try that hangs costs a thread"
                else:
                    await hall.agent_says(
                        f"terminal YP-0001 does not answer ({path}): switch it on, or check that this is its port"
                    )
                await others_are_ready(hall)
                hall.promises()
            finally:
                go.set()
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_64_terminals_on_one_agent(tmp_path):
    async def scenario():
        async with opened(tmp_path, terminals=64) as hall:
            hall.flood(5)
            await hall.everything_arrived()
            await hall.until("64 windows ready", lambda: {condition(hall, n) for n in range(64)} == {"ready"})
            for terminal in hall.terminals[::2]:
                terminal.unplug()
            await hall.until("32 that are gone", lambda: len(hall.status()["faults"]) == 32)
            hall.flood(5)  # half of them while unplugged
            await hall.until("half of the events", lambda: hall.status()["store"]["receipted_total"] == 480)
            hall.promises()
            for terminal in hall.terminals[::2]:
                terminal.plug()
            await hall.everything_arrived()
            await hall.all_is_well()
            # Commits are shared: far fewer than events.
            assert hall.agent._writer.commits < 640

    asyncio.run(scenario())


def test_counters_and_round_trip_are_in_every_status(tmp_path, monkeypatch):
    monkeypatch.setattr(link_base, "HEARTBEAT_MS", HEARTBEAT_MS)

    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(20)
            await hall.everything_arrived()
            await hall.until("a heartbeat", lambda: hall.status()["terminals"][0]["status"].get("frames"))
            for whole in (hall.status(), hall.agent._status.health()):
                [terminal] = whole["terminals"]
                # Its own end, and the terminal's as its heartbeat told it.
                for end in (terminal["link"], terminal["status"]):
                    assert {
                        *("frames", "frames_sent", "bad_crc", "bad_length", "bad_cobs", "bad_session", "skipped_bytes"),
                        *("rtt_ms", "rto_ms"),
                    } <= end.keys()
                    assert end["frames"] > 0 and end["frames_sent"] > 0 and end["rtt_ms"] is not None
                assert "resent" in terminal["status"]
            health = hall.agent._status.health()
            assert health["oldest_waiting_s"] is None and health["certificate_days"] is None
            city = await hall.receiver.report()
            assert (city["store"]["stored"], city["broker"]["receipts_waiting"]) == (20, 0)
            assert city["broker"]["taken_total"] >= 20  # one whose receipt took long came twice

    asyncio.run(scenario())
