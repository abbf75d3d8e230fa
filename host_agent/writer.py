"""The one thread that writes the store, and what the event loop may ask of it.

Promise: all that arrives while a commit runs shares the next one; nothing is reported done before it is durable; a full
or failing disk is told to everyone who asked, is tried again each second, and works again without a restart.

    ok ──full──▶ full ──room for the reserve and a probe──▶ ok
     └──other error──▶ fault ──a probe──▶ ok
"""

import asyncio
import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from host_agent.errors import AgentError, StoreFaultError, StoreFullError
from host_agent.store import Store
from host_agent.store_rows import Batch, Change, EventRow, Taken

OK, FULL, FAULT = "ok", "full", "fault"
PROBE_S = 1.0
PURGE_S = 600.0
# Events that may wait for one commit; beyond it they are not taken and the terminals keep and resend them.
MAX_WAITING_EVENTS = 20_000

_log = logging.getLogger(__name__)
_Outcome = tuple[AgentError | None, AgentError | None]
_Job = tuple[Callable[[], object], Callable[[Any], None]]


class Writer:
    """Gather batches on the loop and commit them on one thread; every method belongs to the loop's thread."""

    def __init__(self, store: Store, retention_ms: int, utc_ms: Callable[[], int]) -> None:
        """Keep what is needed; `start` begins."""
        self._store = store
        self._retention_ms = retention_ms
        self._utc_ms = utc_ms
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._batch = Batch()
        self._kicked = False
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._purge_due_s = 0.0
        self._stopped: asyncio.Future[None] | None = None
        self.state = OK
        self.error = ""
        self.commits = 0
        # Called when events are taken again: what was turned away must be asked for.
        self.recovered: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Lay down the reserve and begin to write."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._purge_due_s = self._loop.time() + 60.0
        self._submit(self._probe, self._probed)

    async def stop(self) -> None:
        """Commit what waits, then end the thread; bounded by one commit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stopped = self._loop.create_future()
        self._next()
        await self._stopped
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join, 30)

    @property
    def accepting(self) -> bool:
        """Say whether events are taken."""
        return self.state == OK and len(self._batch.events) < MAX_WAITING_EVENTS

    def add_events(self, rows: list[EventRow], done: Taken) -> None:
        """Take events into the next commit."""
        if not self.accepting:
            done(StoreFullError(self.error) if self.state == FULL else StoreFaultError(self.error), {})
            return
        self._batch.events += rows
        self._batch.event_done.append(done)
        self._kick()

    def add_receipted(self, ids: list[int]) -> None:
        """Note in the next commit that the city has these events."""
        self._batch.receipted += ids
        self._kick()

    def note(self, *changes: Change) -> None:
        """Take statements that nobody waits for into the next commit; they are tried until they hold."""
        self._batch.notes += changes
        self._kick()

    async def write(self, *changes: Change, forget: bool = False) -> None:
        """Wait until the statements are durable; with `forget` what they delete is gone from the log as well.

        :raises StoreFullError, StoreFaultError: they are not.
        """
        future: asyncio.Future[AgentError | None] = self._loop.create_future()
        self._batch.changes += changes
        self._batch.forgets |= forget
        self._batch.change_done.append(lambda error: future.done() or future.set_result(error))
        self._kick()
        error = await future
        if error is not None:
            raise error

    def free_bytes(self) -> int | None:
        """Return the free room on the store's disk; None when it cannot be told."""
        try:
            return shutil.disk_usage(self._store.path.parent).free
        except OSError:
            return None

    # --- on the loop

    def _kick(self) -> None:
        if not self._kicked and not self._running:
            self._kicked = True
            # Not at once: all that this turn of the loop still brings shares the commit.
            self._loop.call_soon(self._next)

    def _next(self, after_probe: bool = False) -> None:
        """Start the commit that waits, or rest; a failing store is tried for someone who waits or after a probe."""
        self._kicked = False
        if self._running:
            return
        batch = self._batch
        if batch and (self.state == OK or batch.change_done or after_probe or self._stopped is not None):
            self._batch = Batch()
            self._submit(lambda: self._commit(batch), lambda outcome: self._committed(batch, outcome))
        elif self._stopped is not None:
            if not self._stopped.done():
                self._stopped.set_result(None)
        elif self._loop.time() >= self._purge_due_s:
            self._purge_due_s = self._loop.time() + PURGE_S
            self._submit(self._purge, self._purged)

    def _submit(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        self._running += 1
        self._jobs.put((work, then))

    def _ended(self, then: Callable[[Any], None], result: object) -> None:
        self._running -= 1
        then(result)

    def _committed(self, batch: Batch, outcome: _Outcome | AgentError) -> None:
        event_error, other_error = (outcome, outcome) if isinstance(outcome, AgentError) else outcome
        self.commits += 1
        error = event_error or other_error
        if error is not None:
            self._fail(error)
        if other_error is not None and self._stopped is None:
            self._batch.receipted = batch.receipted + self._batch.receipted
            self._batch.notes = batch.notes + self._batch.notes
        for done in batch.event_done:
            done(event_error, batch.preimages)
        for done in batch.change_done:
            done(other_error)
        self._next()

    def _fail(self, error: AgentError) -> None:
        state = FULL if isinstance(error, StoreFullError) else FAULT
        if state != self.state:
            _log.error("the store takes nothing: %s", error)
        self.state, self.error = state, str(error)
        self._turn_away(error)
        if self._timer is None and self._stopped is None:
            self._timer = self._loop.call_later(PROBE_S, self._probe_due)

    def _turn_away(self, error: AgentError) -> None:
        """Take no events from what waits either: the room of the reserve is not for them."""
        batch, waiting = self._batch, self._batch.event_done
        batch.events, batch.event_done = [], []
        for done in waiting:
            done(error, {})

    def _probe_due(self) -> None:
        self._timer = None
        self._submit(self._probe, self._probed)

    def _probed(self, error: AgentError | None) -> None:
        if error is not None:
            self._fail(error)
        elif self.state != OK:
            _log.warning("the store takes events again")
            self.state, self.error = OK, ""
            self.recovered()
        self._next(after_probe=True)

    def _purged(self, rows: int | AgentError) -> None:
        if isinstance(rows, AgentError):
            self._fail(rows)
        elif rows:
            self._purge_due_s = self._loop.time()
        self._next()

    # --- on the writer's thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, then = job
            try:
                result = work()
            except Exception as error:  # noqa: BLE001, the supervisor of this thread must not leave the queue unread
                _log.exception("the store's writer failed")
                result = StoreFaultError(str(error))
            self._loop.call_soon_threadsafe(self._ended, then, result)

    def _commit(self, batch: Batch) -> _Outcome:
        """Return why the events, and why the rest, are not durable."""
        now_ms = self._utc_ms()
        try:
            self._store.commit(batch, now_ms)
            return None, None
        except StoreFullError as error:
            self._store.reserve.give_back()
            first = error
        except StoreFaultError as error:
            return error, error
        try:
            self._store.commit(batch.without_events(), now_ms)
        except AgentError as error:
            return first, error
        return first, None

    def _probe(self) -> AgentError | None:
        try:
            self._store.require_file()  # first: without its folder there is no room either
            if not self._store.reserve.lay_down():
                return StoreFullError(f"no room for {self._store.path.parent}")
            self._store.probe()
        except AgentError as error:
            if isinstance(error, StoreFullError):
                self._store.reserve.give_back()
            return error
        return None

    def _purge(self) -> int | AgentError:
        try:
            return self._store.purge(self._utc_ms() - self._retention_ms)
        except AgentError as error:
            return error


def utc_ms() -> int:
    """Return the wall clock in ms; jumps with it."""
    return time.time_ns() // 1_000_000
