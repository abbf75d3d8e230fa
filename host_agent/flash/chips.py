"""Which chips our boards have, and by what their base images and boot drives are known.

Family ids: github.com/microsoft/uf2 utils/uf2families.json; RP2350 datasheet, section 5.5.3. Board-ID lines: RP2040
datasheet, section 2.8.4; RP2350 datasheet, section 5.5.1.
"""

import attrs


@attrs.frozen
class Chip:
    """Name a chip and its marks."""

    name: str
    families: tuple[int, ...]  # of UF2 blocks that it takes
    drive_id: str  # Board-ID in INFO_UF2.TXT
    image: str  # name of the stock image of MicroPython


RP2040 = Chip("RP2040", (0xE48BFF56,), "RPI-RP2", "RPI_PICO")
RP2350 = Chip("RP2350", (0xE48BFF59,), "RP2350", "RPI_PICO2")
CHIPS = (RP2040, RP2350)

# The RP2350's images begin with a block of this family for erratum E10; the chip ignores what it writes.
ABSOLUTE_FAMILY = 0xE48BFF57

# board → chips that it may be built with, the usual one first
BOARDS = {"k5": (RP2350, RP2040), "t35": (RP2350,)}


def by_drive(drive_id: str) -> Chip | None:
    """Return the chip whose boot drive names itself so."""
    return next((chip for chip in CHIPS if chip.drive_id == drive_id), None)


def by_machine(machine: str) -> Chip | None:
    """Return the chip that MicroPython names at the end of `sys.implementation._machine`."""
    return next((chip for chip in CHIPS if machine.endswith(chip.name)), None)
