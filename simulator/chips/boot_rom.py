"""The USB drive of the RP2 boot ROM (BOOTSEL): what it shows and which UF2 blocks it takes.

Modelled: INFO_UF2.TXT and INDEX.HTM; each 512-byte block is judged by itself and in any order: both magic numbers and
the end, the family id, 256 bytes for an aligned place in the flash; a block of another family or kind is passed over;
a new count of blocks or another family begins a new image; all blocks of an image received: the chip restarts.
Not modelled: the FAT of the drive (the host's own folder stands for it, so other files stay there instead of being
forgotten), RAM images, partition tables and signed images of the RP2350, PICOBOOT, activity light, write errors.
"""

import re
import struct
from pathlib import Path

from simulator.chips.rp2_chip import Rp2Chip

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
FLASH_START = 0x1000_0000
MAGICS = (0x0A324655, 0x9E5D5157)
MAGIC_END = 0x0AB16F30
NOT_MAIN_FLASH = 0x0000_0001
FAMILY_PRESENT = 0x0000_2000
INFO, INDEX = "INFO_UF2.TXT", "INDEX.HTM"

_HEADER = struct.Struct("<8I")
_MICROPYTHON = re.compile(rb"MicroPython v(\d+\.\d+\.\d+\S*) on (\d{4}-\d\d-\d\d)")


def write_files(drive: Path, chip: Rp2Chip) -> None:
    """Write the two files that the drive shows."""
    (drive / INFO).write_bytes(f"{chip.bootloader}\r\nModel: {chip.model}\r\nBoard-ID: {chip.board_id}\r\n".encode())
    (drive / INDEX).write_bytes(
        f'<html><head><meta http-equiv="refresh" content="0;URL=\'{chip.page}\'"/></head>'
        f"<body>Redirecting to <a href='{chip.page}'>{chip.page}</a></body></html>".encode()
    )


class BootRom:
    """Takes blocks until an image is whole."""

    def __init__(self, chip: Rp2Chip) -> None:
        self._chip = chip
        self._total = 0
        self._blocks: dict[int, tuple[int, bytes]] = {}
        self.ignored = 0

    def block(self, data: bytes) -> bool:
        """Take one 512-byte block that was written to the drive; True when it was the last that an image lacked."""
        magic, magic2, flags, address, size, number, total, family = _HEADER.unpack_from(data)
        if (magic, magic2) != MAGICS or data[-4:] != MAGIC_END.to_bytes(4, "little"):
            return False  # a block of some other file, or of the file system
        flash_end = FLASH_START + self._chip.flash_bytes
        fits = FLASH_START <= address <= flash_end - PAYLOAD_BYTES and address % PAYLOAD_BYTES == 0
        wrong = not flags & FAMILY_PRESENT or flags & NOT_MAIN_FLASH or family != self._chip.family
        if wrong or size != PAYLOAD_BYTES or not fits or number >= total:
            self.ignored += 1
            return False
        if total != self._total:
            self._total = total
            self._blocks.clear()
        self._blocks[number] = address, data[32 : 32 + PAYLOAD_BYTES]
        return len(self._blocks) == total

    def image(self) -> bytes:
        """Return what was programmed, in the order of its addresses."""
        return b"".join(data for _, data in sorted(self._blocks.values()))


def micropython_in(image: bytes) -> tuple[str, str] | None:
    """Return (release, date) of the MicroPython that an image holds, None when it holds none."""
    found = _MICROPYTHON.search(image)
    return None if found is None else (found[1].decode(), found[2].decode())
