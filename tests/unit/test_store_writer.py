"""The writer: shared commits, nothing told before it is durable, a full or failing disk and the way back."""

import asyncio
import threading

import pytest

from host_agent import writer as writer_module
from host_agent.errors import AgentError, StoreFaultError, StoreFullError
from host_agent.store import Store
from host_agent.store_changes import put_window
from host_agent.store_rows import WindowRow
from host_agent.store_space import Reserve
from host_agent.writer import FAULT, FULL, OK, Writer
from tests.unit.test_store import event

NOW = 1_790_000_000_000
WAIT_S = 60


class Gate(Store):
    """A store whose commit waits until it is let go, and fails when told to."""

    def __init__(self, folder):
        super().__init__(folder, Reserve(folder / "reserve.bin", 64 * 1024, 0))
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()
        self.error: AgentError | None = None
        self.error_with_events_only = False
        self.batches = []

    def commit(self, batch, settled_utc_ms):
        self.entered.set()
        assert self.go.wait(WAIT_S)
        if self.error is not None and (batch.events or not self.error_with_events_only):
            raise self.error
        super().commit(batch, settled_utc_ms)
        self.batches.append(batch)

    def probe(self):
        if self.error is not None:
            raise self.error
        super().probe()


@pytest.fixture
def gate(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_module, "PROBE_S", 0.05)
    store = Gate(tmp_path)
    yield store
    store.go.set()
    store.close()


def run(gate, scenario):
    async def whole():
        writer = Writer(gate, 10**9, lambda: NOW)
        await writer.start()
        try:
            await asyncio.wait_for(scenario(writer), WAIT_S)
        finally:
            gate.go.set()
            gate.error = None
            await writer.stop()

    asyncio.run(whole())


def add(writer, rows):
    """Add events; the future gets the error or None when they are told."""
    future = asyncio.get_running_loop().create_future()
    writer.add_events(rows, lambda error, _preimages: future.set_result(error))
    return future


async def entered(gate):
    await asyncio.to_thread(gate.entered.wait, WAIT_S)
    gate.entered.clear()


async def reached(writer, state):
    while writer.state != state:
        await asyncio.sleep(0.01)


def test_store_writer_what_arrives_during_a_commit_shares_the_next_one(gate):
    async def scenario(writer):
        gate.go.clear()
        first = add(writer, [event(1)])
        await entered(gate)
        others = [add(writer, [event(number, terminal=f"T{number}")]) for number in range(2, 30)]
        writer.add_receipted([1])
        assert not first.done()
        gate.go.set()
        assert [await future for future in [first, *others]] == [None] * 29
        assert [len(batch.events) for batch in gate.batches] == [1, 28]

    run(gate, scenario)
    assert gate.counts()["receipted_total"] == 1


def test_store_writer_events_of_one_turn_of_the_loop_share_a_commit(gate):
    async def scenario(writer):
        await asyncio.gather(*[add(writer, [event(number, terminal=f"T{number}")]) for number in range(1, 9)])
        assert [len(batch.events) for batch in gate.batches] == [8]

    run(gate, scenario)


def test_store_writer_nothing_is_told_before_the_commit_returned(gate):
    async def scenario(writer):
        gate.go.clear()
        future = add(writer, [event(1)])
        await entered(gate)
        await asyncio.sleep(0)
        assert not future.done()
        gate.go.set()
        assert await future is None
        assert gate.counts()["rows"] == 1

    run(gate, scenario)


def test_store_writer_full_disk_refuses_events_but_keeps_receipts_and_recovers(gate):
    async def scenario(writer):
        assert await add(writer, [event(1)]) is None
        assert gate.reserve.held
        gate.error, gate.error_with_events_only = StoreFullError("database or disk is full"), True
        writer.add_receipted([1])
        assert isinstance(await add(writer, [event(2)]), StoreFullError)
        assert writer.state == FULL and not writer.accepting
        assert gate.counts()["receipted_total"] == 1
        assert isinstance(await add(writer, [event(3)]), StoreFullError)
        gate.error = None
        await reached(writer, OK)
        assert gate.reserve.held
        assert await add(writer, [event(2)]) is None

    run(gate, scenario)


def test_store_writer_events_that_wait_behind_a_full_commit_do_not_use_the_reserve(gate):
    async def scenario(writer):
        told = []
        writer.recovered = lambda: told.append(writer.state)
        assert await add(writer, [event(9)]) is None  # the first probe is over
        gate.entered.clear()
        gate.go.clear()
        gate.error, gate.error_with_events_only = StoreFullError("database or disk is full"), True
        first = add(writer, [event(1)])
        await entered(gate)
        second = add(writer, [event(2)])
        gate.go.set()
        assert isinstance(await first, StoreFullError) and isinstance(await second, StoreFullError)
        gate.error = None
        await reached(writer, OK)
        assert told == [OK] and gate.counts()["rows"] == 1

    run(gate, scenario)


def test_store_writer_receipt_on_a_failing_store_is_written_when_it_recovers(gate):
    async def scenario(writer):
        assert await add(writer, [event(1)]) is None
        gate.error = StoreFaultError("disk I/O error")
        writer.add_receipted([1])
        await reached(writer, FAULT)
        assert gate.counts()["receipted_total"] == 0
        gate.error = None
        await reached(writer, OK)
        while gate.counts()["receipted_total"] == 0:
            await asyncio.sleep(0.01)

    run(gate, scenario)


def test_store_writer_asked_write_fails_with_the_store_and_works_after_it(gate):
    async def scenario(writer):
        gate.error = StoreFaultError("attempt to write a readonly database")
        with pytest.raises(StoreFaultError):
            await writer.write(put_window(WindowRow("W01", None, 1)))
        gate.error = None
        await reached(writer, OK)
        await writer.write(put_window(WindowRow("W01", None, 1)))
        assert gate.window("W01").paused == 1

    run(gate, scenario)


def test_store_writer_stop_commits_what_waits(gate):
    async def scenario(writer):
        gate.go.clear()
        add(writer, [event(1)])
        await entered(gate)
        add(writer, [event(2)])
        gate.go.set()

    run(gate, scenario)
    assert gate.counts()["rows"] == 2


def test_store_writer_without_room_for_the_reserve_takes_no_events(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_module, "PROBE_S", 0.05)
    store = Store(tmp_path, Reserve(tmp_path / "reserve.bin", 1024, 1 << 62))

    async def whole():
        writer = Writer(store, 10**9, lambda: NOW)
        await writer.start()
        await reached(writer, FULL)
        assert isinstance(await add(writer, [event(1)]), StoreFullError)
        store.reserve._headroom_bytes = 0
        await reached(writer, OK)
        assert await add(writer, [event(1)]) is None
        await writer.stop()

    asyncio.run(asyncio.wait_for(whole(), WAIT_S))
    store.close()
