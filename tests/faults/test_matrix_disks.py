"""The fault matrix of disks, databases and clocks, at the agent and at the receiver; see test_matrix_city.py."""

import asyncio
import contextlib
import sqlite3
import sys
import time

import pytest

from host_agent import agent as agent_module
from host_agent.invites import Service
from host_agent.receiver import service as service_module
from protocol import messages
from simulator.demo.http_json import answers, call
from simulator.demo.parts import Part, yiping
from tests.faults.fault_hall import ALL_WELL, WAIT_S, FaultHall, hasten, lose_patience, opened
from tests.faults.small_disk import SmallDisk

DAY_MS = 86_400_000
MB = 1024 * 1024


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    hasten(monkeypatch)


@contextlib.asynccontextmanager
async def agent_on_small_disk(hall: FaultHall, size_bytes: int):
    """Run the hall's agent as a process whose data folder has little room."""
    disk = SmallDisk(hall.agent_data, size_bytes)
    url = f"http://{hall.listen}/api/v1/status"
    command = [*disk.prefix, *yiping("agent", "run", "--wait", "--config", str(hall.agent_config))]
    part = Part("agent", command, hall.folder, answers(url))
    try:
        await asyncio.to_thread(part.start)
        hall.ask = lambda: call("GET", url)[1]
        hall.read_agent = lambda query: disk.read(part.process.pid, "agent.db", query)
        yield disk, part.process.pid
    finally:
        await asyncio.to_thread(part.stop)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk needs Linux")
def test_matrix_disk_full_at_the_agent_recovers_without_a_restart(tmp_path):
    async def scenario():
        async with opened(tmp_path, agent=False) as hall, agent_on_small_disk(hall, 12 * MB) as (disk, pid):
            hall.flood(50)
            await hall.until("50 receipts", lambda: hall.status()["store"]["receipted_total"] == 50)
            await asyncio.to_thread(disk.fill, pid)

            def full():
                if hall.terminals[0].outbox.last() < 6000:
                    hall.flood(200)
                return not hall.status()["ok"]

            await hall.until("the fault", full)
            folder = tmp_path / "data"
            said = hall.says()
            if disk.really_full:
                assert said == f"the disk is full ({folder}): free some room; terminals keep their events until then"
            else:
                assert said.startswith(f"the store takes nothing ({folder}: ") and said.endswith(
                    "): check the folder, its rights and its disk; terminals keep their events until then"
                )
            acked, _ = hall.promises()
            assert acked < hall.terminals[0].outbox.last()
            # What is stored goes on to the city, and its receipts are written down: the reserve is for that.
            await hall.until("the receipts of all stored", lambda: hall.status()["store"]["waiting"] == 0)
            assert hall.promises()[1] == hall.status()["store"]["stored_total"]
            await asyncio.to_thread(disk.empty, pid)
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_database_read_only_at_the_agent(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(20)
            await hall.everything_arrived()
            await hall.break_agents_store("PRAGMA query_only = 1")
            hall.flood(20)
            await hall.agent_says(
                f"the store takes nothing ({hall.agent_data}: attempt to write a readonly database): check the folder,"
                " its rights and its disk; terminals keep their events until then"
            )
            assert hall.promises() == (20, 20)
            await hall.break_agents_store("PRAGMA query_only = 0")
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_data_folder_of_the_agent_gone(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(20)
            await hall.everything_arrived()
            folder, away = hall.agent_data, tmp_path / "away"
            folder.rename(away)
            hall.flood(20)
            await hall.agent_says(
                f"the store takes nothing ({folder}: its file is gone): check the folder, its rights and its disk;"
                " terminals keep their events until then"
            )
            hall.agent_data = away
            assert hall.promises() == (20, 20)
            away.rename(folder)
            hall.agent_data = folder
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_database_of_the_receiver_locked(tmp_path, monkeypatch):
    async def scenario():
        async with opened(tmp_path) as hall:
            await hall.break_citys_store("PRAGMA busy_timeout = 50")
            with contextlib.closing(sqlite3.connect(hall.city_data / "receiver.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                hall.flood(20)
                await hall.receiver_says(
                    f"the database takes nothing, database is locked ({hall.city_data}/receiver.db): end the program"
                    " that holds it; events stay with the agents until then"
                )
                await lose_patience(hall, 20, monkeypatch)
                await hall.agent_says(
                    "the city sends no receipts (20 events published without): check that its receiver runs"
                )
                assert hall.promises() == (20, 0)
                other.execute("ROLLBACK")
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_database_of_the_receiver_read_only(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            await hall.break_citys_store("PRAGMA query_only = 1")
            hall.flood(20)
            await hall.receiver_says(
                f"the database takes nothing, attempt to write a readonly database ({hall.city_data}/receiver.db): give"
                " this user the right to write it and its folder; events stay with the agents until then"
            )
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 20)
            assert hall.promises() == (20, 0)
            await hall.break_citys_store("PRAGMA query_only = 0")
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_data_folder_of_the_receiver_gone(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(20)
            await hall.everything_arrived()
            folder, away = hall.city_data, tmp_path / "away"
            folder.rename(away)
            hall.flood(20)
            await hall.receiver_says(
                f"the database takes nothing, its file is gone ({folder}/receiver.db): bring it back, or restart the"
                " receiver to begin a new one; events stay with the agents until then"
            )
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 40)
            hall.city_data = away
            assert hall.promises() == (40, 20)
            away.rename(folder)
            hall.city_data = folder
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


def test_matrix_registry_gone_and_municipal_system_down(tmp_path):
    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(5)
            await hall.everything_arrived()
            registry, records = tmp_path / "registry.db", tmp_path / "ratings.jsonl"
            registry.rename(tmp_path / "away.db")
            hall.flood(5)
            await hall.receiver_says(
                f"the registry cannot be read (No such file or directory): check {registry} and its rights; new"
                " terminals are unknown until then"
            )
            await hall.everything_arrived()  # what is known goes on
            (tmp_path / "away.db").rename(registry)
            records.rename(tmp_path / "ratings.jsonl.1")
            records.mkdir()
            hall.flood(5)

            async def down():
                said = await hall.city_says()
                return said.startswith("the municipal system takes no records (") and said.endswith(
                    "): see that it runs, or correct [forward]; 5 records wait here until then"
                )

            await hall.until("the fault", down)
            assert hall.promises()[0] >= 10
            records.rmdir()
            await hall.everything_arrived()
            await hall.all_is_well()

    asyncio.run(scenario())


class Clock:
    """The PC's clock, set now and then."""

    def __init__(self):
        self.jumped_ms = 0

    def utc_ms(self):
        return time.time_ns() // 1_000_000 + self.jumped_ms


@pytest.mark.parametrize(("days", "said"), [(400, "forward by 400 days"), (-400, "back by 400 days")])
def test_matrix_clock_of_the_pc_jumps(tmp_path, monkeypatch, days, said):
    clock = Clock()
    monkeypatch.setattr(agent_module, "utc_ms", clock.utc_ms)
    monkeypatch.setattr(service_module, "utc_ms", clock.utc_ms)

    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(20)
            await hall.everything_arrived()
            await hall.stop_receiver()
            hall.flood(20)
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 40)
            clock.jumped_ms = days * DAY_MS
            hall.flood(20)
            await hall.until("the acknowledgements", lambda: hall.terminals[0].acked() == 60)
            sentence = f"this PC's clock was set {said}: check its date, its time service and its battery"
            assert sentence in [warning["message"] for warning in hall.status()["warnings"]]
            assert hall.status()["store"]["oldest_waiting_s"] >= 0
            await hall.start_receiver()
            await hall.everything_arrived()
            assert hall.says() == sentence and hall.status()["ok"]
            clock.jumped_ms = 0
            hall.flood(20)
            await hall.everything_arrived()
            assert hall.says() == ALL_WELL

    asyncio.run(scenario())


@pytest.mark.parametrize("days", [400, -400])
def test_matrix_clock_of_the_citys_pc_jumps(tmp_path, monkeypatch, days):
    clock = Clock()
    monkeypatch.setattr(service_module, "utc_ms", clock.utc_ms)

    async def scenario():
        async with opened(tmp_path) as hall:
            hall.flood(20)
            await hall.everything_arrived()
            clock.jumped_ms = days * DAY_MS
            hall.flood(20)
            await hall.everything_arrived()
            way = "forward" if days > 0 else "back"
            await hall.receiver_says(
                f"this PC's clock was set {way} by 400 days: check its date, its time service and its battery"
            )

    asyncio.run(scenario())


def test_matrix_clock_set_back_makes_no_old_invite_new(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(agent_module, "utc_ms", clock.utc_ms)

    async def scenario():
        async with opened(tmp_path) as hall:
            terminal = hall.terminals[0]
            await hall.until("the terminal", lambda: hall.status()["terminals"][0]["connected"])
            window = hall.agent._windows["W-YP-0001"]

            async def unanswered():
                """Send an invite whose answer is lost: it will be sent again."""
                terminal.lose_replies, count = True, len(ages())
                row, _ = await window.invites.make("007", Service(None, None, 0, 1, None))
                window.send_invite(row)
                await hall.until("the invite", lambda: len(ages()) > count)

            def ages():
                return [fields["age_ms"] for type_, fields in list(terminal.requests) if type_ == messages.INVITE]

            async def again():
                """Return the age under which it comes in a new session."""
                terminal.lose_replies, count = False, len(ages())
                await hall.until("a new session", lambda: hall.status()["terminals"][0]["connected"])
                await hall.until("the invite again", lambda: len(ages()) > count)
                return ages()[-1]

            await unanswered()
            clock.jumped_ms = -DAY_MS
            window.close("a new session")
            assert 0 < await again() < WAIT_S * 1000, "its age is told by a clock that nobody sets"
            await unanswered()
            await hall.stop_agent()
            clock.jumped_ms = -2 * DAY_MS
            terminal.lose_replies, before = False, len(ages())
            await hall.start_agent()
            await hall.until("the invite of an earlier run", lambda: len(ages()) > before)
            assert ages()[-1] == 0xFFFFFFFF, "its age cannot be known"

    asyncio.run(scenario())
