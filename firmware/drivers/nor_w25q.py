"""Serial NOR flash W25Q32JV on SPI (datasheet revision G): identify, read, program, erase in the background.

An erase runs in the chip while the caller goes on; `busy` tells when it ended, `suspend` lets another sector be read
and programmed meanwhile. Times: page program 0.4 ms, at most 3; sector erase 45 ms, at most 400.
Nothing here allocates after `__init__`, except an error.
"""

import time

from micropython import const

_WRITE_ENABLE = const(0x06)
_READ_STATUS_1 = const(0x05)
_READ_STATUS_2 = const(0x35)
_READ_DATA = const(0x03)
_PAGE_PROGRAM = const(0x02)
_SECTOR_ERASE = const(0x20)
_SUSPEND = const(0x75)
_RESUME = const(0x7A)
_JEDEC_ID = const(0x9F)

_BUSY = const(0x01)
_SUS = const(0x80)
_NOBODY = const(0xFF)  # of status 2: every lock set, which no chip of ours has; nothing drives the line

_POWER_UP_MS = const(5)  # tPUW
_POLL_US = const(50)
_PROGRAM_POLLS = const(200)  # 10 ms: the datasheet's worst is 3
_SUSPEND_POLLS = const(20)  # 1 ms: tSUS is 20 µs
_SUSPEND_US = const(20)  # tSUS is also the least time from resume to suspend
_ERASE_POLLS = const(20_000)  # 1 s: the datasheet's worst is 0.4


class NorError(Exception):
    """The chip does not answer as it must; the text says how."""


class Nor:
    """One chip; addresses and sizes in bytes."""

    sector = 4096
    page = 256

    def __init__(self, spi: object, cs: object, size: int, jedec: int) -> None:
        self.size = size
        self._jedec = jedec
        self.spi = spi
        self.cs = cs
        self._one = bytearray(1)
        self._two = bytearray(2)
        self._four = bytearray(4)
        self._resumed_us = 0

    def start(self) -> None:
        """Identify the chip and end what a reset interrupted; NorError if it is another chip or none."""
        time.sleep_ms(_POWER_UP_MS)
        status = self._status(_READ_STATUS_2)
        if status != _NOBODY:  # whose id tells who is missing; waiting for its erase would take seconds
            if status & _SUS:
                self._instruct(_RESUME)
            self.wait()
        four = self._four
        four[0] = _JEDEC_ID
        self.cs(0)
        self.spi.write_readinto(four, four)
        self.cs(1)
        found = four[1] << 16 | four[2] << 8 | four[3]
        if found != self._jedec:
            raise NorError(f"JEDEC id {found:06x}, not {self._jedec:06x}")

    def read_into(self, address: int, buffer: "bytearray | memoryview") -> None:
        """Fill `buffer` from `address`; the chip must not be busy, the sector under a suspended erase not read."""
        self._address(_READ_DATA, address)
        self.cs(0)
        self.spi.write(self._four)
        self.spi.readinto(buffer)
        self.cs(1)

    def program(self, address: int, data: "bytes | bytearray | memoryview") -> bool:
        """Program bytes inside one page and wait until it is done; false on time-out."""
        self._instruct(_WRITE_ENABLE)
        self._address(_PAGE_PROGRAM, address)
        self.cs(0)
        self.spi.write(self._four)
        self.spi.write(data)
        self.cs(1)
        return self._poll(_PROGRAM_POLLS)

    def erase_start(self, address: int) -> None:
        """Start to erase the sector at `address` and return at once."""
        self._instruct(_WRITE_ENABLE)
        self._address(_SECTOR_ERASE, address)
        self.cs(0)
        self.spi.write(self._four)
        self.cs(1)

    def busy(self) -> bool:
        """Return whether an erase is under way."""
        return bool(self._status(_READ_STATUS_1) & _BUSY)

    def suspend(self) -> bool:
        """Stop the erase under way; false when it had ended."""
        if time.ticks_diff(time.ticks_us(), self._resumed_us) < _SUSPEND_US:
            time.sleep_us(_SUSPEND_US)
        self._instruct(_SUSPEND)
        self._poll(_SUSPEND_POLLS)
        return bool(self._status(_READ_STATUS_2) & _SUS)

    def resume(self) -> None:
        """Let the suspended erase go on."""
        self._instruct(_RESUME)
        self._resumed_us = time.ticks_us()

    def wait(self) -> bool:
        """Wait until the erase under way ends; false when it does not within 1 s."""
        return self._poll(_ERASE_POLLS)

    def _poll(self, polls: int) -> bool:
        """Poll BUSY until it clears; false when it does not."""
        while self._status(_READ_STATUS_1) & _BUSY:
            polls -= 1
            if polls == 0:
                return False
            time.sleep_us(_POLL_US)
        return True

    def _status(self, instruction: int) -> int:
        two = self._two
        two[0] = instruction
        self.cs(0)
        self.spi.write_readinto(two, two)
        self.cs(1)
        return two[1]

    def _instruct(self, instruction: int) -> None:
        self._one[0] = instruction
        self.cs(0)
        self.spi.write(self._one)
        self.cs(1)

    def _address(self, instruction: int, address: int) -> None:
        four = self._four
        four[0] = instruction
        four[1] = address >> 16
        four[2] = address >> 8 & 0xFF
        four[3] = address & 0xFF
