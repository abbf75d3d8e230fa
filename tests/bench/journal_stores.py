"""What keeps events on the chip: the journal, and littlefs used in the two ways that come to mind first.

All three make the same promise: what returned from `boot`, `invite` and `event` is durable, and an acknowledged event
is known as acknowledged after a restart. All three go through the same driver to the same chip model.
"""

import random
from collections.abc import Callable

from littlefs import LittleFS, UserContext

from store.journal import Journal, format_chip
from tests.bench.journal_chip import Chip, VirtualTime
from tests.power_cut import events

JOURNAL_ID = b"journal1"
SECTOR_BYTES = 4096
PAGE_BYTES = 256

_UPKEEP_AFTER_MS, _UPKEEP_EACH_MS = 300, 10  # as link/tasks.py calls Journal.idle
_ERASE_POLLS = 180  # looks at an erase that is waited for: ½ % of its time is lost; more would only take the bench's
_LOG_BYTES = 65_536
_LOGS_KEPT = 8


class JournalStore:
    """The terminal's journal, with its work ahead between the steps."""

    def __init__(self, nor: object, clock: VirtualTime) -> None:
        self.journal: Journal | None = None
        self._nor = nor
        self._clock = clock
        self._rng = random.Random(1)

    def format(self) -> None:
        """Begin an empty chip."""
        format_chip(self._nor, JOURNAL_ID)

    def boot(self) -> None:
        """Start: recover, and make the boot number durable."""
        self._nor.wait()
        self.journal = Journal(self._nor, JOURNAL_ID)
        self.journal.mount()

    def event(self, invite: bytes | None) -> Callable[[], None]:
        """Return what makes the next event durable."""
        journal = self.journal
        seq = journal.last_seq + 1
        data = events.make(self._rng, journal.boot, seq, journal.prev_hash, invite)
        return lambda: journal.append_event(seq, data)

    def invite(self, invite: bytes) -> Callable[[], None]:
        """Return what makes an invite durable."""
        return lambda: self.journal.append_invite(invite, 1)

    def acknowledge(self, number: int) -> None:
        """Note an event as acknowledged."""
        self.journal.acknowledge(number)

    def upkeep(self, until_ms: int) -> None:
        """Do the work ahead, as often as the terminal does, while there is time."""
        at_us = self._clock.now_us + 1000 * _UPKEEP_AFTER_MS
        while self.journal is not None and at_us < 1000 * until_ms:
            self._clock.now_us = at_us
            if not self.journal.idle(at_us // 1000):
                return
            at_us = self._clock.now_us + 1000 * _UPKEEP_EACH_MS


class _Littlefs:
    """What both ways have in common."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._rng = random.Random(1)
        self._boots = 0
        self._events = 0
        self.files = self._file_system()

    def _file_system(self) -> LittleFS:
        """Return littlefs, not mounted, with sizes that suit a NOR chip: small programs, a cache of one page."""
        return LittleFS(
            _Blocks(self._chip),
            mount=False,
            block_size=SECTOR_BYTES,
            block_count=len(self._chip.array.image) // SECTOR_BYTES,
            read_size=16,
            prog_size=16,
            cache_size=PAGE_BYTES,
            lookahead_size=128,
            block_cycles=500,
        )

    def format(self) -> None:
        """Begin an empty chip."""
        self.files.format()
        self.files.mount()
        self.files.mkdir("/q")

    def boot(self) -> None:
        """Start: mount, and make the boot number durable as an attribute."""
        self.files = self._file_system()
        self.files.mount()
        self._boots += 1
        self.files.setattr("/q", "b", self._boots.to_bytes(4, "little"))

    def upkeep(self, until_ms: int) -> None:
        """Do nothing: littlefs erases a block when it takes it."""

    def _next_event(self, invite: bytes | None) -> bytes:
        self._events += 1
        return events.make(self._rng, self._boots, self._events, bytes(8), invite)


class LittlefsAppend(_Littlefs):
    """Append each record to a log and sync it; the acknowledgement is a number in an attribute.

    The log is divided into files of 64 KiB, of which the last eight are kept.
    """

    def format(self) -> None:
        """Begin an empty chip with the first log."""
        super().format()
        self._number = 0
        self._open("wb")

    def boot(self) -> None:
        """Start and go on with the newest log."""
        self._log.close()
        super().boot()
        self._open("ab")

    def event(self, invite: bytes | None) -> Callable[[], None]:
        """Return what makes the next event durable."""
        data = self._next_event(invite)
        return lambda: self._append(data)

    def invite(self, invite: bytes) -> Callable[[], None]:
        """Return what makes an invite durable."""
        return lambda: self._append(invite)

    def acknowledge(self, number: int) -> None:
        """Note that all events up to this one are acknowledged."""
        self.files.setattr("/q", "a", number.to_bytes(4, "little"))

    def _append(self, data: bytes) -> None:
        if self._size > _LOG_BYTES:
            self._log.close()
            self._number += 1
            if self._number >= _LOGS_KEPT:
                self.files.remove(f"/q/{self._number - _LOGS_KEPT}")
            self._open("wb")
        self._log.write(len(data).to_bytes(2, "little") + data)
        self._log.flush()
        self._size += 2 + len(data)

    def _open(self, mode: str) -> None:
        self._log = self.files.open(f"/q/{self._number}", mode, buffering=0)
        self._size = self.files.stat(f"/q/{self._number}").size


class LittlefsFiles(_Littlefs):
    """A file for each event, removed when it is acknowledged, and one file for the invite."""

    def event(self, invite: bytes | None) -> Callable[[], None]:
        """Return what makes the next event durable."""
        data = self._next_event(invite)
        name = self._name(self._events)
        return lambda: self._write(name, data)

    def invite(self, invite: bytes) -> Callable[[], None]:
        """Return what makes an invite durable."""
        return lambda: self._write("/invite", invite)

    def acknowledge(self, number: int) -> None:
        """Remove the event."""
        self.files.remove(self._name(number))

    def _name(self, number: int) -> str:
        return f"/q/{number:08x}"

    def _write(self, name: str, data: bytes) -> None:
        file = self.files.open(name, "wb", buffering=0)
        file.write(data)
        file.close()


class _Blocks(UserContext):
    """The chip as littlefs wants it: programs are divided at pages, an erase is waited for."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(buffsize=0)
        self._chip = chip

    def read(self, cfg: object, block: int, off: int, size: int) -> bytearray:
        """Return bytes of a block."""
        found = bytearray(size)
        self._chip.nor.read_into(block * SECTOR_BYTES + off, found)
        return found

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        """Program bytes of a block."""
        address, end = block * SECTOR_BYTES + off, block * SECTOR_BYTES + off + len(data)
        while address < end:
            size = min(PAGE_BYTES - address % PAGE_BYTES, end - address)
            start = len(data) - (end - address)
            if not self._chip.nor.program(address, data[start : start + size]):
                return -5  # LFS_ERR_IO
            address += size
        return 0

    def erase(self, cfg: object, block: int) -> int:
        """Erase a block and wait."""
        self._chip.nor.erase_start(block * SECTOR_BYTES)
        while self._chip.nor.busy():
            self._chip.clock.sleep_us(self._chip.model.timing.sector_erase // _ERASE_POLLS)
        return 0

    def sync(self, cfg: object) -> int:
        """Do nothing: a program has ended when it returns."""
        return 0
