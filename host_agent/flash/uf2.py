"""Reads a UF2 file: for which chip it is, and whether it is whole (github.com/microsoft/uf2, README).

An image of MicroPython holds its prompt's first line (MICROPY_BANNER_NAME_AND_VERSION), and so its version.
"""

import re
import struct
from pathlib import Path

import attrs

from host_agent.errors import UserError
from host_agent.flash.chips import ABSOLUTE_FAMILY, CHIPS, Chip

LEAST_VERSION = (1, 29)  # of MicroPython
BLOCK_BYTES = 512
MAX_BYTES = 64 * 1024 * 1024
_HEAD = struct.Struct("<8I")
_MAGIC_1, _MAGIC_2, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_NOT_MAIN_FLASH, _HAS_FAMILY = 0x00000001, 0x00002000
_HEAD_BYTES = 32
_VERSION = re.compile(rb"MicroPython v(\d+)\.(\d+)[^ \0]* on \d{4}-")
_CURE = "download the stock image of MicroPython 1.29 or newer for this chip again"


@attrs.frozen
class Uf2:
    """A checked image."""

    path: Path
    chip: Chip
    data: bytes = attrs.field(repr=False)


def read(path: Path) -> Uf2:
    """Return an image that is whole and for one of our chips.

    :raises UserError: it is not.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot read the base image: {reason}", str(path), "check --uf2") from None
    if not data or len(data) > MAX_BYTES or len(data) % BLOCK_BYTES:
        raise _fault(path, f"{len(data)} bytes are no whole number of UF2 blocks: the download was cut off")
    blocks: dict[int, dict[int, int]] = {}
    for at in range(0, len(data), BLOCK_BYTES):
        family, number, count = _block(path, data, at)
        if number >= count or blocks.setdefault(family, {}).setdefault(number, count) != count:
            raise _fault(path, f"block {at // BLOCK_BYTES} does not fit the others")
    blocks.pop(ABSOLUTE_FAMILY, None)
    if len(blocks) != 1:
        raise _fault(path, "it is for several chips or for none")
    family, numbers = blocks.popitem()
    count = next(iter(numbers.values()))
    if set(numbers.values()) != {count} or len(numbers) != count:
        raise _fault(path, f"it has {len(numbers)} of {count} blocks")
    chip = next((chip for chip in CHIPS if family in chip.families), None)
    if chip is None:
        raise _fault(path, f"it is for another chip (family 0x{family:08x})")
    _require_new_enough(path, data)
    return Uf2(path, chip, data)


def _require_new_enough(path: Path, data: bytes) -> None:
    """Raise UserError for a MicroPython that says it is too old; one that does not say is asked once it runs."""
    sizes = (int.from_bytes(data[at + 16 : at + 20], "little") for at in range(0, len(data), BLOCK_BYTES))
    program = b"".join(
        data[n * BLOCK_BYTES + _HEAD_BYTES : n * BLOCK_BYTES + _HEAD_BYTES + size] for n, size in enumerate(sizes)
    )
    found = _VERSION.search(program)
    if found is not None and (int(found[1]), int(found[2])) < LEAST_VERSION:
        version = f"{found[1].decode()}.{found[2].decode()}"
        raise UserError(f"this is MicroPython {version}, needed is 1.29 or newer", str(path), _CURE)


def _block(path: Path, data: bytes, at: int) -> tuple[int, int, int]:
    """Return family, number and count of the block that begins at `at`."""
    magic_1, magic_2, flags, _address, size, number, count, family = _HEAD.unpack_from(data, at)
    end = int.from_bytes(data[at + BLOCK_BYTES - 4 : at + BLOCK_BYTES], "little")
    if (magic_1, magic_2, end) != (_MAGIC_1, _MAGIC_2, _MAGIC_END):
        raise _fault(path, f"block {at // BLOCK_BYTES} is no UF2 block")
    if size > 476 or flags & _NOT_MAIN_FLASH or not flags & _HAS_FAMILY:
        raise _fault(path, f"block {at // BLOCK_BYTES} is not for the flash of a named chip")
    return family, number, count


def _fault(path: Path, what: str) -> UserError:
    return UserError(f"this is no base image: {what}", str(path), _CURE)
