"""Make UF2 files for simulated boards: an image that says which MicroPython it is, and is nothing else."""

import struct

from simulator.chips.boot_rom import FAMILY_PRESENT, FLASH_START, MAGIC_END, MAGICS, PAYLOAD_BYTES
from simulator.chips.rp2_chip import CHIPS

_BLOCK = struct.Struct("<8I476sI")


def blocks(image: bytes, family: int) -> list[bytes]:
    """Return the 512-byte blocks that put an image at the start of the flash."""
    pieces = [image[at : at + PAYLOAD_BYTES].ljust(PAYLOAD_BYTES, b"\0") for at in range(0, len(image), PAYLOAD_BYTES)]
    return [
        _BLOCK.pack(
            *MAGICS, FAMILY_PRESENT, FLASH_START + n * PAYLOAD_BYTES, PAYLOAD_BYTES, n, len(pieces), family,
            piece, MAGIC_END,
        )
        for n, piece in enumerate(pieces)
    ]  # fmt: skip


def micropython(release: str = "1.29.0", chip: str = "rp2350", size_bytes: int = 65_536) -> bytes:
    """Return a UF2 that a simulated board takes for MicroPython of this release."""
    about = f"MicroPython v{release} on 2026-06-01; {CHIPS[chip].machine}\0".encode()
    return b"".join(blocks(about.rjust(size_bytes // 2, b"\xa5").ljust(size_bytes, b"\x5a"), CHIPS[chip].family))
