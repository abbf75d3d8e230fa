"""Reads a queue chip through a board at its prompt: its own, or a bench board with the chip clipped on.

Reading needs nothing of ours on the board: any MicroPython carries out what is sent (`call` needs firmware/bench.py).
A chip that is clipped on may have a bad contact, so each part is read until two readings agree.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from host_agent.errors import UserError
from protocol import record

Progress = Callable[[int, int], object]  # sectors read, and of how many

SECTORS_AT_ONCE = 8
READINGS_MAX = 5
CHIP_BYTES = 4_194_304
# Where the chip is on every board (firmware/boards), and what it answers when asked for its JEDEC id.
SPI, SCK, MOSI, MISO, CS, JEDEC = 1, 10, 11, 12, 13, 0xEF4016
_BAUD_HZ = 24_000_000  # what SPI reaches before our firmware sets the chip's clock
_PAGES = record.SECTOR_BYTES // record.PAGE_BYTES
_CURE = "set the maintenance jumper, plug the board in anew, and see that the chip's clip sits well"
_READER = f"""\
import json, time
from binascii import hexlify
from machine import SPI, Pin
_y_spi = SPI({SPI}, baudrate={_BAUD_HZ}, sck=Pin({SCK}), mosi=Pin({MOSI}), miso=Pin({MISO}))
_y_cs = Pin({CS}, Pin.OUT, value=1)
_y_buffers = bytearray({record.PAGE_BYTES}), bytearray({record.SECTOR_BYTES})
_y_blanks = b"\\xff" * {record.PAGE_BYTES}, b"\\xff" * {record.SECTOR_BYTES}
def _y_ask(code, count):
    _y_cs(0)
    _y_spi.write(bytes((code,)))
    said = _y_spi.read(count)
    _y_cs(1)
    return said
def _y_get(address, size):
    _y_cs(0)
    _y_spi.write(bytes((3, address >> 16, address >> 8 & 255, address & 255)))
    _y_spi.readinto(_y_buffers[size])
    _y_cs(1)
    return _y_buffers[size]
def _y_jedec():
    time.sleep_ms(5)
    status = _y_ask(0x35, 1)[0]
    if status != 255:
        if status & 0x80:
            _y_ask(0x7A, 0)
        for _ in range(1000):
            if not _y_ask(5, 1)[0] & 1:
                break
            time.sleep_ms(1)
    return int.from_bytes(_y_ask(0x9F, 3), "big")
def _y_used(size):
    blank, step = _y_blanks[size], {record.SECTOR_BYTES}
    return [n for n in range({CHIP_BYTES // record.SECTOR_BYTES}) if _y_get(n * step, size) != blank]
def _y_read(numbers):
    for number in numbers:
        data = memoryview(_y_get(number * {record.SECTOR_BYTES}, 1))
        for at in range(0, {record.SECTOR_BYTES}, {record.PAGE_BYTES}):
            print(hexlify(data[at:at + {record.PAGE_BYTES}]).decode())
"""
# A sector begins with its header, so that a chip on which every sector's first page is blank holds no journal.
_LOOK = f"""\
_y_id = _y_jedec()
print(json.dumps({{"jedec": _y_id, "used": _y_used(1) if _y_id == {JEDEC} and _y_used(0) else []}}))
"""


class NoChipError(UserError):
    """No chip of our boards answers."""


class Prompt(Protocol):
    """What a MicroPython prompt can do."""

    def run(self, code: str) -> str:
        """Carry out code and return what it printed; UserError when it failed."""
        ...


def call(prompt: Prompt, function: str) -> dict[str, Any]:
    """Call a function of firmware/bench.py that prints one JSON object, and return it.

    :raises UserError: the board did not answer so.
    """
    said = _object(prompt.run(f"import bench; bench.{function}"))
    if said is None:
        raise UserError(f"the board did not answer to {function}", "prompt", _CURE)
    return said


def quiet(_done: int, _of: int) -> None:
    """Tell nobody of the progress."""


def read_chip(prompt: Prompt, progress: Progress = quiet) -> bytes:
    """Return the image of the chip; sectors with nothing in them are not read.

    `progress` gets sectors done and to do before each reading; what it raises ends the reading.
    :raises NoChipError: the chip does not answer; UserError: it never reads twice the same.
    """
    said = _object(prompt.run(_READER + _LOOK))
    jedec, used = (said or {}).get("jedec"), (said or {}).get("used")
    if type(jedec) is not int or not isinstance(used, list) or not all(type(one) is int for one in used):
        raise UserError("the board told no sectors", "prompt", _CURE)
    if jedec != JEDEC:
        raise NoChipError(f"the queue chip does not answer (JEDEC id {jedec:06x}, not {JEDEC:06x})", "prompt", _CURE)
    image = bytearray(b"\xff" * CHIP_BYTES)
    for at in range(0, len(used), SECTORS_AT_ONCE):
        part = used[at : at + SECTORS_AT_ONCE]
        data = _agreed(prompt, part, partial(progress, at, len(used)))
        for place, number in enumerate(part):
            start = number * record.SECTOR_BYTES
            image[start : start + record.SECTOR_BYTES] = data[place * record.SECTOR_BYTES :][: record.SECTOR_BYTES]
    progress(len(used), len(used))
    return bytes(image)


def _object(text: str) -> dict[str, Any] | None:
    """Return the JSON object in the last line, None when there is none."""
    try:
        said = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return said if isinstance(said, dict) else None


def _agreed(prompt: Prompt, numbers: list[int], before: Callable[[], object]) -> bytes:
    seen: list[bytes] = []
    for _ in range(READINGS_MAX):
        before()
        data = _reading(prompt, numbers)
        if data in seen:
            return data
        seen.append(data)
    where = f"sectors {numbers[0]} to {numbers[-1]}"
    raise UserError(f"the chip reads differently each time ({READINGS_MAX} times)", where, _CURE)


def _reading(prompt: Prompt, numbers: list[int]) -> bytes:
    lines = prompt.run(f"_y_read({tuple(numbers)!r})").split()
    try:
        data = b"".join(bytes.fromhex(line) for line in lines)
    except ValueError:
        data = b""
    if len(data) != len(numbers) * record.SECTOR_BYTES or len(lines) != len(numbers) * _PAGES:
        raise UserError("the board did not send whole sectors", f"sectors {numbers[0]} to {numbers[-1]}", _CURE)
    return data
