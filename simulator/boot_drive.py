"""The folder that stands for the boot ROM's drive: files written into it are read block by block as they grow."""

import shutil
from collections.abc import Callable
from pathlib import Path

from simulator.chips.boot_rom import BLOCK_BYTES, INDEX, INFO, BootRom, write_files
from simulator.chips.rp2_chip import Rp2Chip
from simulator.clock import Clock, Timed
from simulator.ports_folder import claim_drive

LOOK_US = 20_000


class BootDrive:
    """One drive, there from `appear` to `vanish`; `on_image(image)` is called when a whole image was written."""

    def __init__(self, clock: Clock, chip: Rp2Chip, folder: Path, on_image: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._chip = chip
        self._folder = folder
        self._on_image = on_image
        self._rom = BootRom(chip)
        self._taken: dict[str, int] = {}
        self._check: Timed | None = None
        self.path: Path | None = None
        self.blocks = 0  # read so far, whatever they were

    def appear(self) -> None:
        """Show the drive."""
        self._rom = BootRom(self._chip)
        self._taken = {}
        self.path = claim_drive(self._folder, self._chip.label)
        write_files(self.path, self._chip)
        self._check = self._clock.after(LOOK_US, self._look)

    def vanish(self) -> None:
        """Take the drive away, whoever writes to it."""
        if self._check is not None:
            self._check.cancel()
            self._check = None
        path, self.path = self.path, None
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)

    def _look(self) -> None:
        self._check = None
        if self.path is None:
            return
        for file in sorted(self.path.iterdir()):
            if file.name not in (INFO, INDEX) and file.is_file() and self._read(file):
                image = self._rom.image()
                self.vanish()
                self._on_image(image)
                return
        self._check = self._clock.after(LOOK_US, self._look)

    def _read(self, file: Path) -> bool:
        """Take the blocks that were not there before; True when an image is whole."""
        try:
            with file.open("rb") as stream:
                stream.seek(self._taken.get(file.name, 0))
                while len(block := stream.read(BLOCK_BYTES)) == BLOCK_BYTES:
                    self._taken[file.name] = stream.tell()
                    self.blocks += 1
                    if self._rom.block(block):
                        return True
        except FileNotFoundError:
            self._taken.pop(file.name, None)  # renamed or removed while it was looked at
        return False
