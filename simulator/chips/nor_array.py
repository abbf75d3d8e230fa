"""The memory array of a NOR flash: what program and erase do to the bytes, also when the power fails half-way.

Program turns ones into zeros, erase turns a sector into ones. A torn operation leaves one of TEARS:
nothing done; the first part done; the last part done; noise (every bit that was to change did so or not).
The array keeps count of its operations and, on request, a log of them from which a run can be cut anywhere.
"""

import mmap
import random

SECTOR_BYTES = 4096
PAGE_BYTES = 256

NOTHING, FIRST, LAST, NOISE = "nothing", "first", "last", "noise"
TEARS = (NOTHING, FIRST, LAST, NOISE)

PROGRAM, ERASE_BEGIN, ERASE_END = "program", "erase_begin", "erase_end"

_BLANK = b"\xff" * SECTOR_BYTES


def program_bytes(image: bytearray | mmap.mmap, address: int, data: bytes) -> None:
    """AND `data` into the image."""
    end = address + len(data)
    old = int.from_bytes(image[address:end], "little")
    image[address:end] = (old & int.from_bytes(data, "little")).to_bytes(len(data), "little")


def tear_program(image: bytearray | mmap.mmap, address: int, data: bytes, how: str, rng: random.Random) -> None:
    """Leave the bytes as a program does whose power fails."""
    size = len(data)
    if how == FIRST:
        program_bytes(image, address, data[: rng.randrange(1, size + 1)])
    elif how == LAST:
        skip = rng.randrange(size)
        program_bytes(image, address + skip, data[skip:])
    elif how == NOISE:
        noise = rng.getrandbits(8 * size) | int.from_bytes(data, "little")
        program_bytes(image, address, noise.to_bytes(size, "little"))


def tear_erase(image: bytearray | mmap.mmap, address: int, how: str, rng: random.Random) -> None:
    """Leave the sector at `address` as an erase does whose power fails."""
    if how == FIRST:
        end = rng.randrange(1, SECTOR_BYTES + 1)
        image[address : address + end] = _BLANK[:end]
    elif how == LAST:
        skip = rng.randrange(SECTOR_BYTES)
        image[address + skip : address + SECTOR_BYTES] = _BLANK[skip:]
    elif how == NOISE:
        end = address + SECTOR_BYTES
        old = int.from_bytes(image[address:end], "little") | rng.getrandbits(8 * SECTOR_BYTES)
        image[address:end] = old.to_bytes(SECTOR_BYTES, "little")


class NorArray:
    """Bytes of one chip; `image` may be a bytearray or an mmap. Nothing here knows time or commands."""

    def __init__(self, image: bytearray | mmap.mmap, log: list | None = None) -> None:
        self.image = image
        self.log = log
        self.programs = 0
        self.programmed_bytes = 0
        self.erases = 0
        self.wear = [0] * (len(image) // SECTOR_BYTES)
        self.violations: list[str] = []
        self.stuck: set[int] = set()  # sectors whose cells no longer change: program and erase do nothing
        self.erasing: int | None = None  # address of the sector under erase, also while suspended

    def read(self, address: int, size: int) -> bytes:
        """Return bytes; reading past the end wraps, reading the sector under erase is a violation."""
        end = address + size
        if self.erasing is not None and address < self.erasing + SECTOR_BYTES and end > self.erasing:
            self.violations.append(f"read of the sector at {self.erasing:#x} during its erase")
        if end <= len(self.image):
            return bytes(self.image[address:end])
        return bytes(self.image[address:]) + self.read(0, end - len(self.image))

    def program(self, address: int, data: bytes) -> None:
        """Program bytes inside one page; a byte programmed twice is a violation."""
        self._check_program(address, data)
        self.programs += 1
        self.programmed_bytes += len(data)
        if self.log is not None:
            self.log.append((PROGRAM, address, bytes(data)))
        if address // SECTOR_BYTES not in self.stuck:
            program_bytes(self.image, address, data)

    def begin_erase(self, address: int) -> None:
        """Start to erase the sector at `address`; its bytes are undefined until `end_erase`."""
        self.erasing = address
        if self.log is not None:
            self.log.append((ERASE_BEGIN, address, b""))

    def end_erase(self) -> None:
        """Finish the erase."""
        address, self.erasing = self.erasing, None
        if address is None:
            return
        self.erases += 1
        self.wear[address // SECTOR_BYTES] += 1
        if self.log is not None:
            self.log.append((ERASE_END, address, b""))
        if address // SECTOR_BYTES not in self.stuck:
            self.image[address : address + SECTOR_BYTES] = _BLANK

    def cut(self, program: tuple | None, how: str, rng: random.Random) -> None:
        """Lose power: tear the program under way, `(address, data)`, and the erase under way."""
        if self.erasing is not None:
            tear_erase(self.image, self.erasing, how, rng)
            self.erasing = None
        if program is not None:
            tear_program(self.image, program[0], program[1], how, rng)

    def make_unreadable(self, sector: int, rng: random.Random) -> None:
        """Fill a sector with noise, as a damaged one reads."""
        start = sector * SECTOR_BYTES
        self.image[start : start + SECTOR_BYTES] = rng.randbytes(SECTOR_BYTES)

    def _check_program(self, address: int, data: bytes) -> None:
        """Note what the journal's rules and the chip forbid."""
        if address % PAGE_BYTES + len(data) > PAGE_BYTES:
            self.violations.append(f"program at {address:#x} of {len(data)} bytes crosses its page")
        if self.erasing is not None and address // SECTOR_BYTES == self.erasing // SECTOR_BYTES:
            self.violations.append(f"program at {address:#x} into the sector under erase")
        old = self.image[address : address + len(data)]
        if old.count(0xFF) != len(data) and any(o != 0xFF and d != 0xFF for o, d in zip(old, data, strict=True)):
            self.violations.append(f"program at {address:#x} touches a byte that is not blank")
