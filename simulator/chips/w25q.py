"""Winbond W25Q32JV serial NOR flash, 4 MiB, datasheet revision G (27 March 2018), standard SPI.

Modelled: JEDEC ID, write enable latch, BUSY and SUS, read, page program with wrap inside the page, 4 KB sector erase,
erase suspend and resume with their rules, software reset, power-up delays, typical and worst times, torn operations
when the power fails; the three security registers of 256 bytes, in an array of their own. Faults: no answer, the id of
another chip, BUSY for ever, registers whose cells no longer change (`security.stuck`). Not modelled: dual/quad modes,
block and chip erase, power-down, protection and lock bits, status register writes, SFDP, unique ID, wear-out, suspend
of a program or of a security register's erase.
"""

import random
from typing import NamedTuple

from simulator.chips.nor_array import PAGE_BYTES, SECTOR_BYTES, TEARS, NorArray

JEDEC_ID = b"\xef\x40\x16"

WRITE_ENABLE, WRITE_DISABLE = 0x06, 0x04
READ_STATUS_1, READ_STATUS_2 = 0x05, 0x35
READ_DATA, FAST_READ = 0x03, 0x0B
PAGE_PROGRAM, SECTOR_ERASE = 0x02, 0x20
SUSPEND, RESUME = 0x75, 0x7A
ERASE_SECURITY, PROGRAM_SECURITY, READ_SECURITY = 0x44, 0x42, 0x48
READ_JEDEC_ID = 0x9F
ENABLE_RESET, RESET = 0x66, 0x99

BUSY, WEL = 0x01, 0x02  # status register 1
SUS = 0x80  # status register 2

SECURITY_BYTES = 256  # of each register; register n stands at n × 1000h
SECURITY_REGISTERS = 3

SUSPEND_US = 20  # tSUS, also the shortest time from resume to the next suspend
RESET_US = 30  # tRST
SELECT_AFTER_POWER_US = 20  # tVSL
WRITE_AFTER_POWER_US = 5_000  # tPUW

_ALLOWED_WHILE_BUSY = (READ_STATUS_1, READ_STATUS_2, SUSPEND, ENABLE_RESET, RESET)


class Timing(NamedTuple):
    """Duration of the internal operations, µs."""

    page_program: int
    sector_erase: int


TYPICAL = Timing(page_program=400, sector_erase=45_000)
WORST = Timing(page_program=3_000, sector_erase=400_000)


class W25Q:
    """One chip on an SPI bus. `tear` names how a power failure leaves an operation; None draws one of TEARS."""

    def __init__(self, array: NorArray, timing: Timing = TYPICAL, seed: int = 1, tear: str | None = None) -> None:
        self.array = array
        # A page of each sector of this array is a register; the rest of it stays blank.
        self.security = NorArray(bytearray(b"\xff" * (SECURITY_REGISTERS + 1) * SECTOR_BYTES))
        self.jedec = JEDEC_ID
        self.dead = False
        self.stuck_busy = False
        self.timing = timing
        self.tear = tear
        self.violations = self.security.violations = array.violations
        self._rng = random.Random(seed)
        self._in = bytearray()
        self._selected = False
        self._powered_us = -WRITE_AFTER_POWER_US
        self._clear()

    def _clear(self) -> None:
        self._wel = False
        self._reset_enabled = False
        self._program: tuple[int, bytes] | None = None
        self._programmed = self.array
        self._done_us: int | None = None  # when the operation under way ends; None while idle
        self._left_us: int | None = None  # what a suspended erase still needs
        self._resumed_us = -SUSPEND_US

    # -- power

    def power_on(self, t_us: int) -> None:
        """Apply power; writes are allowed tPUW later."""
        self._powered_us = t_us
        self._selected = False
        self._clear()

    def power_off(self, t_us: int) -> None:
        """Cut power; an operation under way, or a suspended one, stays torn."""
        self._settle(t_us)
        how = self.tear or self._rng.choice(TEARS)
        for array in (self.array, self.security):
            array.cut(self._program if array is self._programmed else None, how, self._rng)
        self._clear()

    @property
    def programming(self) -> bool:
        """Return whether a page program is under way."""
        return self._program is not None

    # -- bus

    def select(self, t_us: int) -> None:
        """Take /CS low."""
        if t_us - self._powered_us < SELECT_AFTER_POWER_US:
            self.violations.append(f"selected {t_us - self._powered_us} µs after power-up")
        self._selected = True
        self._in.clear()

    def transfer(self, mosi: bytes, t_us: int) -> bytes:
        """Shift bytes in and return the bytes shifted out meanwhile."""
        self._settle(t_us)
        start = len(self._in)
        self._in += mosi
        size = len(mosi)
        if self.dead:
            return b"\xff" * size
        op = self._in[0]
        if self._done_us is not None and op not in _ALLOWED_WHILE_BUSY:
            if start == 0:
                self.violations.append(f"instruction {op:#04x} while busy")
            return b"\xff" * size
        if op == READ_DATA:
            return self._read_out(start, size, 4)
        if op == FAST_READ:
            return self._read_out(start, size, 5)
        if op == READ_SECURITY:
            return self._read_security(start, size)
        if op == READ_STATUS_1:
            return bytes([self._status_1()]) * size
        if op == READ_STATUS_2:
            return bytes([SUS if self._left_us is not None else 0]) * size
        if op == READ_JEDEC_ID:
            return (b"\xff" + self.jedec * (1 + (start + size) // 3))[start : start + size]
        return b"\xff" * size

    def deselect(self, t_us: int) -> None:
        """Take /CS high: instructions that change something are carried out now."""
        self._settle(t_us)
        if not self._selected or not self._in or self.dead:
            self._selected = False
            return
        self._selected = False
        op = self._in[0]
        reset_enabled, self._reset_enabled = self._reset_enabled, op == ENABLE_RESET
        if op == RESET and reset_enabled:
            self._reset(t_us)
        elif op == SUSPEND:
            self._suspend(t_us)
        elif self._done_us is not None:
            return
        elif op == WRITE_ENABLE:
            self._enable(t_us)
        elif op == WRITE_DISABLE:
            self._wel = False
        elif op in (PAGE_PROGRAM, PROGRAM_SECURITY):
            self._begin_program(self.array if op == PAGE_PROGRAM else self.security, t_us)
        elif op in (SECTOR_ERASE, ERASE_SECURITY):
            self._begin_erase(self.array if op == SECTOR_ERASE else self.security, t_us)
        elif op == RESUME:
            self._resume(t_us)

    # -- instructions

    def _status_1(self) -> int:
        return (BUSY if self._done_us is not None or self.stuck_busy else 0) | (WEL if self._wel else 0)

    def _read_out(self, start: int, size: int, header: int) -> bytes:
        """Return what `size` clocks from byte `start` of a read shift out."""
        skip = max(0, min(size, header - start))
        if skip == size:
            return b"\xff" * size
        address = int.from_bytes(self._in[1:4], "big") % len(self.array.image)
        first = (address + max(0, start - header)) % len(self.array.image)
        return b"\xff" * skip + self.array.read(first, size - skip)

    def _read_security(self, start: int, size: int) -> bytes:
        """Return what a read of a security register shifts out; it wraps inside its 256 bytes."""
        skip = max(0, min(size, 5 - start))
        if skip == size or not self._has_register():
            return b"\xff" * size
        address = int.from_bytes(self._in[1:4], "big")
        register, first = address & -SECURITY_BYTES, address + max(0, start - 5)
        image = self.security.read(register, SECURITY_BYTES)
        return b"\xff" * skip + bytes(image[(first + i) % SECURITY_BYTES] for i in range(size - skip))

    def _has_register(self) -> bool:
        """Return whether the address of the present instruction is that of a security register."""
        address = int.from_bytes(self._in[1:4], "big")
        found = 1 <= address >> 12 <= SECURITY_REGISTERS and not address & 0xF00
        if not found:
            self.violations.append(f"no security register at {address:#x}")
        return found

    def _enable(self, t_us: int) -> None:
        if t_us - self._powered_us < WRITE_AFTER_POWER_US:
            self.violations.append(f"write enable {t_us - self._powered_us} µs after power-up")
            return
        self._wel = True

    def _begin_program(self, array: NorArray, t_us: int) -> None:
        """Start a page program; bytes past the page's end wrap to its start, and only the last 256 count."""
        if not self._wel or len(self._in) < 5:
            self.violations.append("page program without write enable or without data")
            return
        if array is self.security and not self._has_register():
            return
        address = int.from_bytes(self._in[1:4], "big") % len(array.image)
        data = self._in[4:]
        page, offset = address & -PAGE_BYTES, address % PAGE_BYTES
        if offset + len(data) > PAGE_BYTES:
            self.violations.append(f"page program at {address:#x} of {len(data)} bytes wraps inside its page")
            image = bytearray(b"\xff" * PAGE_BYTES)
            for i, byte in enumerate(data):
                image[(offset + i) % PAGE_BYTES] = byte
            address, data = page, image
        self._program, self._programmed = (address, bytes(data)), array
        self._done_us = t_us + self.timing.page_program

    def _begin_erase(self, array: NorArray, t_us: int) -> None:
        if not self._wel or len(self._in) != 4:
            self.violations.append("sector erase without write enable or without its address")
            return
        if self._left_us is not None:
            self.violations.append("erase during erase suspend")
            return
        if array is self.security and not self._has_register():
            return
        address = int.from_bytes(self._in[1:4], "big") % len(array.image)
        array.begin_erase(address - address % SECTOR_BYTES)
        self._done_us = t_us + self.timing.sector_erase

    def _suspend(self, t_us: int) -> None:
        """Stop the erase under way; ignored when there is none or it is suspended already."""
        if self.security.erasing is not None:
            self.violations.append("suspend of a security register's erase is not modelled")
            return
        if self._done_us is None or self._left_us is not None or self._program is not None:
            if self._program is not None:
                self.violations.append("suspend of a page program is not modelled")
            return
        if t_us - self._resumed_us < SUSPEND_US:
            self.violations.append(f"suspend {t_us - self._resumed_us} µs after resume")
        self._left_us = max(0, self._done_us - t_us)
        self._done_us = t_us + SUSPEND_US

    def _resume(self, t_us: int) -> None:
        if self._left_us is None:
            return
        self._done_us, self._left_us = t_us + self._left_us, None
        self._resumed_us = t_us

    def _reset(self, t_us: int) -> None:
        """Software reset: an operation under way stays torn, as at a power failure."""
        self.power_off(t_us)
        self._done_us = t_us + RESET_US

    def _settle(self, t_us: int) -> None:
        """Finish the internal operation whose time has come."""
        if self._done_us is None or t_us < self._done_us:
            return
        self._done_us = None
        if self._program is not None:
            program, self._program = self._program, None
            self._programmed.program(*program)
            self._wel = False
        elif self.security.erasing is not None:
            self.security.end_erase()
            self._wel = False
        elif self._left_us is None and self.array.erasing is not None:
            self.array.end_erase()
            self._wel = False
