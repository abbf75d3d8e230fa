"""Hands records on to the municipal system, oldest first, at least once: from the outbox to an address or a file.

Promise: a record leaves the outbox only after the other side has it durably (HTTP 2xx, or fsync); what fails is tried
again with back-off, for ever; a record that the other side refuses is parked with its answer, shown, and tried again
each hour, and does not hold up the others.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from host_agent.receiver.store import Store, StoreError
from host_agent.receiver.targets import Refused, Target, TargetError
from host_agent.reconnect import Backoff

BATCH = 200
IDLE_S = 2.0  # how long to wait for news at most; what another batch queued is found then
UNPARK_S = 3600.0
LAST_S = 30.0

_log = logging.getLogger(__name__)
_Run = Callable[..., Awaitable[Any]]


class Forwarder:
    """Own the way from the outbox to the target; belongs to the event loop, the store stays with its thread."""

    def __init__(self, store: Store, run: _Run, target: Target, rng: random.Random) -> None:
        """Keep the parts; `run` calls a function on the store's thread."""
        self._store = store
        self._run = run
        self._target = target
        self._rng = rng
        self._news = asyncio.Event()
        self._backoff = Backoff(rng, last_s=LAST_S)
        self.fault: str | None = None
        self.store_fault: str | None = None
        self.handed_total = 0

    def wake(self) -> None:
        """Tell that records were queued."""
        self._news.set()

    async def run(self) -> None:
        """Hand on for ever; returns only by being cancelled."""
        loop = asyncio.get_running_loop()
        unpark_due_s = loop.time() + UNPARK_S
        while True:
            self._news.clear()
            try:
                if loop.time() >= unpark_due_s:
                    unpark_due_s = loop.time() + UNPARK_S
                    await self._change(self._store.outbox.unpark)
                more = await self._step()
                self.store_fault = None
            except (TargetError, StoreError) as error:
                self._note(error)
                await asyncio.sleep(self._backoff.pause_s(loop.time()))
                continue
            if not more:
                try:
                    await asyncio.wait_for(self._news.wait(), IDLE_S)
                except TimeoutError:
                    continue

    async def _step(self) -> bool:
        """Hand one batch on; return False when there was none."""
        rows = await self._run(self._oldest)
        if not rows:
            return False
        while rows:
            try:
                await asyncio.to_thread(self._target.send, [record for _, record in rows])
                break
            except Refused as refused:
                # One of them is at fault: halve until it stands alone.
                if len(rows) > 1:
                    rows = rows[: len(rows) // 2]
                    continue
                _log.error("the municipal system refuses a record: %s", refused)
                await self._change(self._store.outbox.park, rows[0][0], str(refused))
                rows = []
        if self.fault is not None:
            _log.warning("the municipal system takes records again")
            self.fault = None
            self._backoff = Backoff(self._rng, last_s=LAST_S)
        if rows:
            await self._change(self._store.outbox.remove, [number for number, _ in rows])
            self.handed_total += len(rows)
        return True

    def _oldest(self) -> list[tuple[int, str]]:
        with self._store.reading():
            return self._store.outbox.oldest(BATCH)

    def _note(self, error: TargetError | StoreError) -> None:
        """Keep whose fault it is that records stay here."""
        if isinstance(error, StoreError):
            self.store_fault = str(error)
            return
        if self.fault is None:
            _log.warning("the municipal system takes no records: %s", error)
        self.fault = str(error)

    async def _change(self, change: Callable[..., object], *args: object) -> None:
        def durable() -> None:
            with self._store.batch():
                change(*args)

        await self._run(durable)
