"""The receiver's composition: registry, store, intake, broker, forwarder, status page, in one event loop.

One worker thread owns the database; the loop owns everything else. Started strictly (a broker that refuses is an error)
or patiently (`wait`), and once running it survives everything and says what is wrong.
"""

import asyncio
import contextlib
import random
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn

from host_agent import data_lock
from host_agent.certificates import Certificates
from host_agent.clock_watch import ClockWatch, steady_ms
from host_agent.errors import UserError
from host_agent.provision.registry import Registry, RegistryError
from host_agent.receiver import aes, overview, status
from host_agent.receiver.config import Config
from host_agent.receiver.forward import Forwarder
from host_agent.receiver.intake import Intake, Raw, Receipt
from host_agent.receiver.store import Store, StoreError, View, explain
from host_agent.receiver.subscriber import Subscriber
from host_agent.receiver.tag_tables import TagTables
from host_agent.receiver.targets import make_target
from host_agent.rollout.control import Control
from host_agent.rollout.store import RolloutStore

SHELF_S = 3.0  # how soon a terminal that was added to the registry has its waiting events opened
CLOSE_S = 2
_TOTALS = ("stored", "duplicate", "conflict", "unknown_terminal", "unknown_epoch", "not_opened", "malformed")
_SERVICE_TOTALS = ("stored", "duplicate", "conflict")
# The database's thread needs the interpreter's lock a few times an event; the default of 5 ms would be its pace.
SWITCH_INTERVAL_S = 0.0005


class Receiver:
    """Own all parts of one receiver."""

    def __init__(self, config: Config, rng: random.Random) -> None:
        """Open what is on the disk; raises UserError."""
        aes.require()
        self.config = config
        self._lock = data_lock.take(config.receiver.data_dir, "receiver")
        self._registry = _open_registry(config)
        self._store = Store(config.receiver.data_dir)
        self._view = View(self._store.path)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="receiver-store")
        self._viewer = ThreadPoolExecutor(1, thread_name_prefix="receiver-view")
        self._certificates = Certificates(config.broker, utc_ms)
        self._clock = ClockWatch(utc_ms, steady_ms)
        self._seen = status.Numbers()
        self._unreadable: str | None = None
        tables = TagTables(config.receiver.tag_tables)
        self._intake = Intake(self._store, self._registry, config.broker.prefix, utc_ms, tables)
        self.rollouts = Control(
            RolloutStore(config.receiver.data_dir),
            config.broker.prefix,
            lambda topic, payload: self.subscriber.command(topic, payload),
            utc_ms,
        )
        self.subscriber = Subscriber(config, self._take, rng, self.rollouts.hear)
        self.forwarder = Forwarder(self._store, self.on_store, make_target(config.forward), rng)

    async def on_store(self, work: Callable[..., Any], *args: object) -> Any:
        """Call a function on the store's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *args)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.subscriber.run())
            group.create_task(self.forwarder.run())
            group.create_task(self._watch_shelf())
            group.create_task(self.rollouts.run())

    def close(self) -> None:
        """Let go of the broker, finish what was begun on the disk, and close it."""
        self.subscriber.close()
        self._worker.shutdown()
        self._viewer.shutdown()
        self._view.close()
        self.rollouts.close()
        self._store.close()
        self._registry.close()
        self._lock.close()

    async def report(self) -> dict[str, Any]:
        """Return the whole status; counts no level."""
        numbers = await self._look()
        facts = self._facts(numbers)
        own, seen = status.faults(facts), status.attention(facts)
        return {
            "receiver": self.config.receiver.name,
            "ok": not own,
            "message": status.message(own, seen, facts),
            "faults": [{"code": item.code, "count": item.count, "text": item.text} for item in own],
            "attention": [{"code": item.code, "count": item.count, "text": item.text} for item in seen],
            "broker": {
                "connected": facts.broker_connected,
                "message": facts.broker_fault or "connected",
                "taken_total": self.subscriber.taken_total,
                "dropped_total": self.subscriber.dropped_total,
                "receipts_waiting": self.subscriber.receipts_waiting,
                "certificate_days": self._certificates.days_left(),
            },
            "registry": {"entries": len(numbers.terminals), "message": facts.registry_fault or "read"},
            "store": {
                **{name: numbers.totals.get(name, 0) for name in _TOTALS},
                "shelf": numbers.shelf,
                "message": facts.store_fault or "takes events",
            },
            "services": {name: numbers.totals.get(f"service_{name}", 0) for name in _SERVICE_TOTALS},
            "forward": {
                "waiting": numbers.waiting,
                "parked": numbers.parked,
                "handed_total": self.forwarder.handed_total,
                "message": facts.forward_fault or "takes records",
            },
        }

    async def terminals(self) -> list[dict]:
        """Return one row for each terminal and epoch: gaps, conflicts, chain, silence."""
        return (await self._look()).terminals

    async def alarms(self, limit: int) -> list[dict]:
        """Return the newest alarms; none while the database cannot be read."""
        return await self._on_view(self._view.alarms.newest, limit) or []

    async def _take(self, batch: list[Raw]) -> list[Receipt]:
        receipts = await self.on_store(self._intake.take, batch)
        self.forwarder.wake()
        return receipts

    async def _watch_shelf(self) -> None:
        """Open what waited for a key as soon as the registry has it."""
        while True:
            await asyncio.sleep(SHELF_S)
            try:
                receipts = await self.on_store(self._intake.retry_shelf)
            except StoreError:
                continue  # the subscriber meets the same and says so
            if receipts:
                self.subscriber.send(receipts)
                self.forwarder.wake()

    async def _look(self) -> status.Numbers:
        """Return what the database holds; of old while it cannot be read."""
        self._seen = await self._on_view(self._numbers) or self._seen
        return self._seen

    async def _on_view(self, read: Callable[..., Any], *args: object) -> Any:
        """Read on the view's thread; return None, and remember why, when the database cannot be read."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._viewer, read, *args)
        except sqlite3.Error as error:
            self._unreadable = explain(error, self._store.path)
            return None
        self._unreadable = None
        return found

    def _numbers(self) -> status.Numbers:
        view, now_ms = self._view, utc_ms()
        waiting, parked = view.outbox.counts()
        return status.Numbers(
            waiting,
            parked,
            view.shelf.counts(),
            view.alarms.counts(now_ms - status.RECENT_MS),
            overview.terminals(view.conn, self._registry, self.config.silence.limits(), now_ms),
            overview.counters(view.conn),
        )

    def _facts(self, numbers: status.Numbers) -> status.Facts:
        self._certificates.shown(self.subscriber.certificate)
        return status.Facts(
            broker_connected=self.subscriber.connected,
            broker_fault=None if self.subscriber.fault is None else self.subscriber.fault.message,
            store_fault=self.subscriber.store_fault or self.forwarder.store_fault or self._unreadable,
            registry_fault=self._intake.registry_fault,
            forward_fault=self.forwarder.fault,
            receipts_refused=self.subscriber.receipts_refused,
            numbers=numbers,
            certificates=self._certificates.findings(),
            clock_jumped_ms=self._clock.look(),
            centres=self.rollouts.overview(),
            registry_path=str(self.config.receiver.registry),
        )


def utc_ms() -> int:
    """Return the wall clock in ms; jumps with it."""
    return time.time_ns() // 1_000_000


async def serve(config: Config, app: Callable[[Receiver], Any], wait: bool, ready: Callable[[], None]) -> None:
    """Run a receiver and its page until a signal; raises UserError when it cannot start."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with _door(config) as door:
        receiver = Receiver(config, random.Random())
        try:
            try:
                await receiver.subscriber.connect()
            except UserError as error:
                if not wait:
                    raise
                receiver.subscriber.fault = error
            server = _Server(uvicorn.Config(app(receiver), log_level="warning", timeout_graceful_shutdown=CLOSE_S))
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, server.stop)
            work = asyncio.create_task(receiver.run())
            work.add_done_callback(lambda _: server.stop())
            ready()
            await server.serve(sockets=[door])
            if work.done():
                work.result()
            work.cancel()
            await asyncio.wait({work})
        finally:
            receiver.close()


class _Server(uvicorn.Server):
    """Serve without taking the process's signals: the receiver stops in its own order."""

    def stop(self) -> None:
        """Ask the server to end."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def _open_registry(config: Config) -> Registry:
    try:
        return Registry(config.receiver.registry)
    except RegistryError as error:
        raise UserError(
            f"cannot read the registry: {error}",
            str(config.receiver.registry),
            "name it in receiver.registry; `yiping registry add` makes it",
        ) from error


@contextlib.contextmanager
def _door(config: Config) -> Iterator[socket.socket]:
    """Hold the status port before anything else is begun."""
    host, port = config.address
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise UserError(
                f"cannot listen: {error.strerror}",
                f"receiver.listen {config.receiver.listen}",
                "stop the program that holds it, or choose another port",
            ) from error
        yield door
