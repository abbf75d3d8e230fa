"""One agent and the city's receiver in this process, terminals on ptys, a true broker between: for one fault at a time.

What was sealed at the terminals is the truth. `promises` may be asked at any moment of a fault, `everything_arrived`
waits for the end of it and judges the city.
"""

import asyncio
import contextlib
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from host_agent import config as agent_config
from host_agent import delivery as rule
from host_agent.agent import Agent
from host_agent.provision.registry import Entry, Registry
from host_agent.receiver import config as receiver_config
from host_agent.receiver.service import Receiver
from host_agent.store_schema import RECEIPTED
from simulator.demo.parts import free_port
from tests.city.live import handed_on
from tests.unit.agent_support import Broker
from tests.unit.fake_terminal import SECRET, FakeTerminal

WAIT_S = 60.0
ALL_WELL = "everything works"


class FaultHall:
    """Own every part; use it inside one event loop."""

    def __init__(self, folder: Path, terminals: int, *, broker: str = "", tls: str = "", auto: bool = False) -> None:
        """Write the configurations; `broker` are mosquitto's lines in place of the usual, `tls` is for the agent."""
        self.folder = folder
        self.broker = Broker(folder)
        self.plain_port = free_port() if tls else self.broker.port
        self.broker.extra = broker.format(port=self.broker.port, plain=self.plain_port, folder=folder)
        self.terminals = [FakeTerminal(folder / name, terminal=name) for name in _names(terminals)]
        self.listen = f"127.0.0.1:{free_port()}"
        self.agent_config = folder / "agent.toml"
        self._receiver_config = folder / "receiver.toml"
        self._write_agent(tls, auto)
        self._write_receiver()
        self._register()
        self.agent_data = folder / "data"
        self.city_data = folder / "receiver-data"
        # Others for an agent that runs in a process of its own.
        self.ask: Callable[[], dict] | None = None
        self.read_agent: Callable[[str], list] = self._read_agent
        self.agent: Agent
        self.receiver: Receiver
        self._agent_task: asyncio.Task[None] | None = None
        self._receiver_task: asyncio.Task[None] | None = None

    # --- parts

    async def start_agent(self) -> None:
        """Start the agent and wait until it listens."""
        ready = asyncio.Event()
        self.agent = Agent(agent_config.load(self.agent_config), "test")
        self._agent_task = asyncio.create_task(self.agent.run(True, lambda _address: ready.set()))
        await asyncio.wait_for(ready.wait(), WAIT_S)

    async def stop_agent(self) -> None:
        """Stop it in good order."""
        if self._agent_task is not None:
            self.agent.stop()
            await self._agent_task
            self._agent_task = None

    async def start_receiver(self) -> None:
        """Start the receiver; it has subscribed then."""
        self.receiver = Receiver(receiver_config.load(self._receiver_config), random.Random(1))
        await self.receiver.subscriber.connect()
        self._receiver_task = asyncio.create_task(self.receiver.run())

    async def stop_receiver(self) -> None:
        """Stop it; the broker keeps its session."""
        if self._receiver_task is not None:
            self._receiver_task.cancel()
            await asyncio.wait({self._receiver_task})
            self.receiver.subscriber.close()  # in the loop that its socket belongs to
            await asyncio.to_thread(self.receiver.close)
            self._receiver_task = None

    async def break_agents_store(self, statement: str) -> None:
        """Execute a statement on the connection that writes, between two commits."""
        store, done = self.agent._store, asyncio.get_running_loop().create_future()
        self.agent._writer._submit(lambda: store._conn.execute(statement).fetchall(), done.set_result)
        await asyncio.wait_for(done, WAIT_S)

    async def break_citys_store(self, statement: str) -> None:
        """Execute a statement on the receiver's connection that writes, between two batches."""
        await self.receiver.on_store(lambda: self.receiver._store.conn.execute(statement).fetchall())

    def flood(self, count: int) -> None:
        """Seal so many events at each terminal."""
        for terminal in self.terminals:
            terminal.flood(count)

    # --- what is said

    def status(self) -> dict:
        """Return what GET /api/v1/status of the agent answers."""
        return self.ask() if self.ask else self.agent._status.whole()

    def says(self) -> str:
        """Return the agent's one sentence."""
        return self.status()["message"]

    async def city_says(self) -> str:
        """Return the receiver's one sentence."""
        return (await self.receiver.report())["message"]

    async def until(self, what: str, true: Callable[[], object | Awaitable[object]]) -> None:
        """Wait for a named thing to become true."""
        deadline = time.monotonic() + WAIT_S
        while True:
            found = true()
            if not (await found if isinstance(found, Awaitable) else found):
                assert time.monotonic() < deadline, f"{what} did not come within {WAIT_S} s: {self.says()}"
                await asyncio.sleep(0.05)
                continue
            return

    async def agent_says(self, sentence: str) -> None:
        """Wait until the agent's one sentence is this one."""
        await self.until(f"{sentence!r}", lambda: self.says() == sentence)

    async def receiver_says(self, sentence: str) -> None:
        """Wait until the receiver's one sentence is this one."""

        async def said() -> bool:
            return await self.city_says() == sentence

        await self.until(f"{sentence!r} at the city", said)

    # --- what holds

    @property
    def sealed(self) -> dict[tuple[str, int], bytes]:
        """Return all that was sealed, by terminal and number."""
        return {
            (terminal.terminal, seq): event
            for terminal in self.terminals
            for seq, event in enumerate(list(terminal.outbox.events), 1)
        }

    def promises(self) -> tuple[int, int]:
        """Judge that nothing is acknowledged or settled that is not durable; return how many are.

        The order matters: who promised is read before that on which it relies.
        """
        acked = {key for terminal in self.terminals for key in _acked(terminal)}
        rows = self.read_agent("SELECT terminal, seq, hex(evidence), state FROM events")
        held = {(terminal, seq): bytes.fromhex(event) for terminal, seq, event, _ in rows}
        lost = [key for key in acked if held.get(key) != self.sealed[key]]
        assert not lost, f"acknowledged and not in the agent's store: {sorted(lost)[:5]}"
        settled = {(terminal, seq) for terminal, seq, _, state in rows if state == RECEIPTED}
        lost = settled - self._at_city().keys()
        assert not lost, f"receipted and not in the city's database: {sorted(lost)[:5]}"
        return len(acked), len(settled)

    async def everything_arrived(self) -> None:
        """Wait until all is receipted and handed on, and all is well; then judge the city."""
        total = len(self.sealed)
        await self.until(f"{total} receipts", lambda: self.status()["store"]["receipted_total"] == total)
        await self.until(
            "the acknowledgements", lambda: all(one.acked() == one.outbox.last() for one in self.terminals)
        )
        await self.until("the records", lambda: len(self._records()) == total)
        assert self.promises() == (total, total)
        assert self._at_city() == Counter(self.sealed.keys()), "lost or doubled at the city"
        assert self._records() == {f"{terminal}-1-{seq}" for terminal, seq in self.sealed}
        for row in await self.receiver.terminals():
            assert (row["missing"], row["conflicts"], row["chain_broken"]) == (0, 0, 0), row

    async def all_is_well(self) -> None:
        """Wait until neither side has anything to say."""
        await self.agent_says(ALL_WELL)

        async def well() -> bool:
            report = await self.receiver.report()
            return report["ok"] and not report["attention"]

        await self.until("a receiver that is well", well)

    def _read_agent(self, query: str) -> list:
        with contextlib.closing(_read_only(self.agent_data / "agent.db")) as conn:
            return conn.execute(query).fetchall()

    def _at_city(self) -> Counter[tuple[str, int]]:
        """Return how often each event is in the city's database; its bytes must be those that were sealed."""
        path = self.city_data / "receiver.db"
        if not path.exists():
            return Counter()
        with contextlib.closing(_read_only(path)) as conn:
            rows = conn.execute("SELECT terminal, seq, evidence FROM events").fetchall()
        sealed = self.sealed
        assert all(sealed[terminal, seq] == event for terminal, seq, event in rows), "altered on the way"
        return Counter((terminal, seq) for terminal, seq, _ in rows)

    def _records(self) -> set[str]:
        """Return the ids of what was handed on; a record may come again under a higher revision only."""
        files = [file for file in self.folder.glob("ratings.jsonl*") if file.is_file()]
        lines = [record for file in files for record in handed_on(file)]
        assert all(record["status"] == "stored" for record in lines)
        return {record["id"] for record in lines}

    # --- making

    def _write_agent(self, tls: str, auto: bool) -> None:
        scheme = "mqtts" if tls else "mqtt"
        windows = "".join(
            f'[[window]]\nid = "W-{one.terminal}"\nterminal = "{one.terminal}"\n'
            f'port = "{"auto" if auto else one.link_path}"\n'
            for one in self.terminals
        )
        self.agent_config.write_text(
            f'[agent]\nid = "pc-01"\ncentre = "C01"\nlisten = "{self.listen}"\n'
            f'[broker]\nurl = "{scheme}://127.0.0.1:{self.broker.port}"\n{tls}\n{windows}',
            encoding="utf-8",
        )

    def _write_receiver(self) -> None:
        self._receiver_config.write_text(
            f'[receiver]\nname = "city-01"\nlisten = "127.0.0.1:{free_port()}"\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{self.plain_port}"\n[forward]\nfile = "ratings.jsonl"\n'
            # Never silent: what is tested here is not the opening hours.
            "[silence]\ndays = []\n",
            encoding="utf-8",
        )

    def _register(self) -> None:
        registry = Registry(self.folder / "registry.db", create=True)
        registry.add(
            [Entry(one.terminal, 1, SECRET, "C01", f"W-{one.terminal}", "k5", False, 0) for one in self.terminals]
        )
        registry.close()


@contextlib.asynccontextmanager
async def opened(
    folder: Path, terminals: int = 1, *, receiver: bool = True, agent: bool = True, **options: object
) -> AsyncIterator[FaultHall]:
    """Start a hall, without receiver or agent if so told; end all of it."""
    hall = FaultHall(folder, terminals, **options)
    interval_s = sys.getswitchinterval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Agent, "_listen_to_signals", lambda _agent: None)
        try:
            await asyncio.to_thread(hall.broker.start)
            for terminal in hall.terminals:
                terminal.start()
            if receiver:
                await hall.start_receiver()
            if agent:
                await hall.start_agent()
            yield hall
        finally:
            await hall.stop_agent()
            await hall.stop_receiver()
            for terminal in hall.terminals:
                terminal.close()
            hall.broker.stop()
            sys.setswitchinterval(interval_s)


def hasten(patch: pytest.MonkeyPatch) -> None:
    """Let the delivery rule wait milliseconds where it waits seconds; what it does stays the same."""
    patch.setattr(rule, "RETRY_FIRST_MS", 400)
    patch.setattr(rule, "_PAUSES_MS", dict.fromkeys(rule._PAUSES_MS, (100, 400)))


async def lose_patience(hall: FaultHall, count: int, patch: pytest.MonkeyPatch) -> None:
    """Let the delivery rule miss the city's receipts soon, when so many events are published and not before."""
    await hall.until(f"{count} events published", lambda: hall.agent._delivery.unreceipted == count)
    patch.setattr(rule, "NO_RECEIPT_MS", 600)


def _names(count: int) -> list[str]:
    return [f"YP-{number:04}" for number in range(1, count + 1)]


def _acked(terminal: FakeTerminal) -> set[tuple[str, int]]:
    outbox = terminal.outbox
    return {(terminal.terminal, seq) for seq in {*range(1, outbox.first_unacked), *outbox._beyond.copy()}}


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
