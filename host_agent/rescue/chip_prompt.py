"""Reads a queue chip through a board at its prompt: its own, or a bench board with the chip clipped on.

The board's part is firmware/bench.py. A chip that is clipped on may have a bad contact, so each part is read until two
readings agree.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

from host_agent.errors import UserError
from protocol import record

Progress = Callable[[int, int], object]  # sectors read, and of how many

SECTORS_AT_ONCE = 8
READINGS_MAX = 5
_PAGES = record.SECTOR_BYTES // record.PAGE_BYTES
_CURE = "set the maintenance jumper, plug the board in anew, and see that the chip's clip sits well"


class Prompt(Protocol):
    """What a MicroPython prompt can do."""

    def run(self, code: str) -> str:
        """Carry out code and return what it printed; UserError when it failed."""
        ...


def call(prompt: Prompt, function: str) -> dict[str, Any]:
    """Call a function of firmware/bench.py that prints one JSON object, and return it.

    :raises UserError: the board did not answer so.
    """
    text = prompt.run(f"import bench; bench.{function}")
    try:
        said = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        said = None
    if not isinstance(said, dict):
        raise UserError(f"the board did not answer to {function}", "prompt", _CURE)
    return said


def quiet(_done: int, _of: int) -> None:
    """Tell nobody of the progress."""


def read_chip(prompt: Prompt, progress: Progress = quiet) -> bytes:
    """Return the image of the chip; sectors with nothing in them are not read.

    :raises UserError: the chip does not answer, or never twice the same.
    """
    said = call(prompt, "sectors()")
    count, used = said.get("sectors"), said.get("used")
    if type(count) is not int or not isinstance(used, list) or not all(type(one) is int for one in used):
        raise UserError("the board told no sectors", "prompt", _CURE)
    image = bytearray(b"\xff" * (count * record.SECTOR_BYTES))
    for at in range(0, len(used), SECTORS_AT_ONCE):
        part = used[at : at + SECTORS_AT_ONCE]
        data = _agreed(prompt, part)
        for place, number in enumerate(part):
            start = number * record.SECTOR_BYTES
            image[start : start + record.SECTOR_BYTES] = data[place * record.SECTOR_BYTES :][: record.SECTOR_BYTES]
        progress(at + len(part), len(used))
    return bytes(image)


def _agreed(prompt: Prompt, numbers: list[int]) -> bytes:
    seen: list[bytes] = []
    for _ in range(READINGS_MAX):
        data = _reading(prompt, numbers)
        if data in seen:
            return data
        seen.append(data)
    where = f"sectors {numbers[0]} to {numbers[-1]}"
    raise UserError(f"the chip reads differently each time ({READINGS_MAX} times)", where, _CURE)


def _reading(prompt: Prompt, numbers: list[int]) -> bytes:
    lines = prompt.run(f"import bench; bench.read({tuple(numbers)!r})").split()
    try:
        data = b"".join(bytes.fromhex(line) for line in lines)
    except ValueError:
        data = b""
    if len(data) != len(numbers) * record.SECTOR_BYTES or len(lines) != len(numbers) * _PAGES:
        raise UserError("the board did not send whole sectors", f"sectors {numbers[0]} to {numbers[-1]}", _CURE)
    return data
