"""What tells the two RP2 chips apart to a computer: boot drive, UF2 family, flash, what MicroPython says of itself.

RP2040 datasheet 2.8.4, RP2350 datasheet 5.5, the UF2 specification, MicroPython's ports/rp2/boards/RPI_PICO*.
"""

from typing import NamedTuple


class Rp2Chip(NamedTuple):
    """One chip on its board. The file system is what MicroPython leaves of the flash to it."""

    name: str
    label: str
    family: int
    machine: str
    flash_bytes: int
    file_system_bytes: int
    bootloader: str
    model: str
    board_id: str
    page: str


CHIPS = {
    "rp2350": Rp2Chip(
        "rp2350", "RP2350", 0xE48BFF59, "Raspberry Pi Pico2 with RP2350", 4 << 20, 3 << 20,
        "UF2 Bootloader v1.0", "Raspberry Pi RP2350", "RP2350", "https://raspberrypi.com/device/RP2350",
    ),
    "rp2040": Rp2Chip(
        "rp2040", "RPI-RP2", 0xE48BFF56, "Raspberry Pi Pico with RP2040", 2 << 20, 1408 << 10,
        "UF2 Bootloader v3.0", "Raspberry Pi RP2", "RPI-RP2", "https://raspberrypi.com/device/RP2",
    ),
}  # fmt: skip
