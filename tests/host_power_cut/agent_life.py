"""One life of the agent's store between two power cuts: the real store, writer, inbox and invites, no ports, no broker.

What leaves this circle is marked in the recording: the acknowledgement that may go to a terminal, the invite that may
be sent, the window's state that is told. What enters it is marked before, since of that anything may be found later.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from host_agent import store as store_module
from host_agent import writer as writer_module
from host_agent.config_model import WindowSection
from host_agent.inbox import Inbox, Source
from host_agent.invites import Invites, Service
from host_agent.own_records import OwnRecords
from host_agent.services import Services
from host_agent.store import Store
from host_agent.store_changes import put_recovery, put_window, shelve
from host_agent.store_rows import EventRow, InviteRow, WindowRow
from host_agent.store_space import Reserve
from host_agent.writer import OK, Writer
from tests.city.terminals import NOW_MS, Terminal
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.vfs import Recording

RETENTION_MS = 86_400_000
PROBE_S = 0.02
WAIT_S = 60.0
# given, acked: [(terminal, epoch, seq, bytes)]; receipted, shelved, purged: {(terminal, epoch, seq)};
# making: InviteRow fields; invited: InviteRow; telling, told: WindowRow
GIVEN, ACKED, RECEIPTED, SHELVED, PURGED = "given", "acked", "receipted", "shelved", "purged"
INVITED, TELLING, TOLD = "invited", "telling", "told"


class Clock:
    """The PC's clock in UTC ms; moves only when told."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ms


class Life:
    """Own the parts from opening to closing; use it inside a running loop."""

    def __init__(self, folder: Path, clock: Clock, recording: Recording | None, marks: list[Mark]) -> None:
        """Open the store; `marks` goes on from an earlier life."""
        self._recording = recording
        self._marks = marks
        self._clock = clock
        # Without the reserve's weight: Python writes it, and no event is in it.
        self.store = Store(folder, Reserve(folder / "reserve.bin", 1, 0))
        self.writer = Writer(self.store, RETENTION_MS, clock)
        self.rows: dict[int, EventRow] = {row.id: row for row in self.store.waiting(0, 1 << 62, 1 << 30)}
        self.inbox = Inbox(self.store, self.writer, clock, self._committed, self._outcome)
        records = _Records(self)
        self.services = Services(self.store, self.writer, records, clock)
        self._invites: dict[str, Invites] = {}
        self._sources: dict[str, Source] = {}

    async def start(self) -> None:
        """Start the writer and wait until it takes events."""
        await self.writer.start()
        await self.taking()

    async def stop(self) -> None:
        """End in good order."""
        await self.writer.stop()
        self.store.close()

    async def taking(self) -> None:
        """Wait until a failing store works again, and its probe is over."""
        async with asyncio.timeout(WAIT_S):
            while self.writer.state != OK or not self.store.reserve.held:
                await asyncio.sleep(0.001)
        await self.tell(WindowRow("W00", None, 0))

    def mark(self, what: str, value: object) -> None:
        """Note something at the present operation."""
        self._marks.append(Mark(len(self._recording.log) if self._recording is not None else 0, what, value))

    def invites(self, terminal: Terminal) -> Invites:
        """Return the invites of the terminal's window."""
        if terminal.window not in self._invites:
            section = WindowSection(id=terminal.window, terminal=terminal.id)
            self._invites[terminal.window] = Invites(
                terminal.centre,
                terminal.window,
                terminal.id,
                self.store,
                self.writer,
                self._clock,
                self.services.of(section),
            )
        return self._invites[terminal.window]

    def take(self, terminal: Terminal, numbered: list[tuple[int, bytes]]) -> asyncio.Future[None]:
        """Hand events to the store as one frame of the terminal; done when all of them may be acknowledged."""
        source = self._sources.setdefault(terminal.id, Source(terminal.id, terminal.epoch, terminal.window, 3))
        answered = asyncio.get_running_loop().create_future()
        left = {seq for seq, _ in numbered}
        named = {seq: (terminal.id, terminal.epoch, seq, event) for seq, event in numbered}

        def stored(seqs: list[int]) -> None:
            self.mark(ACKED, [named[seq] for seq in seqs])
            left.difference_update(seqs)
            if not left and not answered.done():
                answered.set_result(None)

        self.mark(GIVEN, list(named.values()))
        self.inbox.take(source, [(seq, 5, event) for seq, event in numbered], stored)
        return answered

    async def invite(self, terminal: Terminal, number: int) -> InviteRow:
        """Make an invite; when this returns it may be sent."""
        service = Service(f"P{number}", "1", 0, 1, f"key-{number}" if number % 2 else None)
        row, _ = await self.invites(terminal).make("0817", service)
        self.mark(INVITED, row)
        return row

    def receipted(self, ids: list[int]) -> None:
        """Hear the city's receipts."""
        self.mark(RECEIPTED, {_key(self.rows.pop(id_)) for id_ in ids})
        self.writer.add_receipted(ids)

    def refused(self, id_: int) -> None:
        """Hear that the city refuses an event."""
        self.mark(SHELVED, {_key(self.rows.pop(id_))})
        self.writer.note(shelve(id_, "not_opened", self._clock()))

    def note(self, row: WindowRow, terminal: Terminal) -> None:
        """Note what nobody waits for."""
        self.mark(TELLING, row)
        self.writer.note(put_window(row), put_recovery(terminal.id, terminal.epoch, 1, self._clock() % 97 + 1))

    async def tell(self, row: WindowRow) -> None:
        """Make a window's state durable; all that was asked before is then decided too."""
        self.mark(TELLING, row)
        await self.writer.write(put_window(row))
        self.mark(TOLD, row)

    async def purge(self) -> None:
        """Let the retention pass for all that is receipted, and delete it."""
        await self.tell(WindowRow("W00", None, 0))
        self._clock.now_ms += RETENTION_MS + 1
        self.mark(PURGED, None)
        self.writer._purge_due_s = 0.0
        await self.tell(WindowRow("W00", None, 1))  # the purge follows it
        await self.tell(WindowRow("W00", None, 0))

    def _committed(self, rows: list[EventRow]) -> None:
        self.rows.update((row.id, row) for row in rows)

    def _outcome(self, window: str, invite: bytes, state: str) -> None:
        if window in self._invites:
            self._invites[window].ended(invite, state)


class _Records(OwnRecords):
    """Mark the agent's own records as given when they are written, and as acknowledged when they may be published."""

    def __init__(self, life: Life) -> None:
        self._life = life
        super().__init__(life.store, life.inbox.take_id, self._durable)

    def row(self, *args: Any) -> EventRow:
        """Return the record's row."""
        row = super().row(*args)
        self._life.mark(GIVEN, [(*_key(row), row.evidence)])
        return row

    def _durable(self, rows: list[EventRow]) -> None:
        self._life.rows.update((row.id, row) for row in rows)
        self._life.mark(ACKED, [(*_key(row), row.evidence) for row in rows])


def run(scenario: Callable[[], object], seed: int, checkpoint_pages: int) -> None:
    """Run a coroutine of lives to its end, the same way each time."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(store_module, "CHECKPOINT_PAGES", checkpoint_pages))
        stack.enter_context(mock.patch.object(writer_module, "PROBE_S", PROBE_S))
        stack.enter_context(mock.patch("secrets.token_bytes", random.Random(seed).randbytes))
        asyncio.run(scenario())


def _key(row: EventRow) -> tuple[str, int, int]:
    return row.terminal, row.epoch, row.seq
