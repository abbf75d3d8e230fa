"""A simulated terminal's folder: what keeps its content without power.

flash/          the internal file system with the firmware and settings.json
nor.bin         the 4 MiB of the journal's NOR chip, written through
rtc.json        what the coin cell keeps of the clock chip
provision.json  what the city's key registry must know: terminal, epoch, secret, centre, window, board,
                reveal_level
console.log     what the firmware printed
"""

import fcntl
import json
import mmap
import os
import secrets
import time
from pathlib import Path
from random import Random

from simulator.errors import SimError, UserError
from simulator.window_code import window_code

BLANK = b"\xff"


class State:
    """Paths and contents of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flash = folder / "flash"
        self.nor = folder / "nor.bin"
        self.rtc = folder / "rtc.json"
        self.provision = folder / "provision.json"
        self.settings = self.flash / "settings.json"
        self.console = folder / "console.log"
        self._lock: int | None = None

    def lock(self) -> None:
        """Claim the folder for this process. Raises UserError when another terminal lives in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            cure = "stop that one or name another folder"
            raise UserError("the state is in use by another simulated terminal", str(self.folder), cure) from error
        self._lock = lock

    def unlock(self) -> None:
        """Give the folder up."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def fresh(self) -> bool:
        """Return whether this terminal was never provisioned."""
        return not self.provision.exists()

    def provisioned(self) -> dict:
        """Return what provision.json says. Raises UserError when it cannot be read."""
        try:
            return json.loads(self.provision.read_text())
        except (OSError, ValueError) as error:
            cure = "remove the folder to begin anew, or restore the file"
            raise UserError("provision.json cannot be read", str(self.provision), cure) from error

    def make(
        self, board: str, terminal: str, centre: str, window: str, rng: Random | None, reveal_level: bool = False
    ) -> None:
        """Provision a fresh terminal: identity, secret and journal id; `rng` makes it repeatable."""
        draw = secrets.token_bytes if rng is None else rng.randbytes
        secret, journal_id = draw(32).hex(), draw(8).hex()
        self.flash.mkdir(parents=True, exist_ok=True)
        settings = {
            "terminal": terminal, "secret": secret, "epoch": 1, "journal_id": journal_id, "journal": "new",
            "board": board, "window": window, "reveal_level": reveal_level, "qr": window_code(centre, window, terminal),
        }  # fmt: skip
        self.settings.write_text(json.dumps(settings))
        registry = {
            "terminal": terminal, "epoch": 1, "secret": secret, "centre": centre, "window": window, "board": board,
            "reveal_level": reveal_level,
        }  # fmt: skip
        part = self.provision.with_suffix(".part")
        part.write_text(json.dumps(registry, indent=1) + "\n")
        os.replace(part, self.provision)

    def nor_image(self, size: int) -> mmap.mmap:
        """Return the NOR chip's bytes as a shared map of nor.bin, made blank when it is not there."""
        if not self.nor.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.nor.write_bytes(BLANK * size)
        if self.nor.stat().st_size != size:
            raise SimError(f"{self.nor} has {self.nor.stat().st_size} bytes, the chip has {size}: remove it")
        with self.nor.open("r+b") as file:
            return mmap.mmap(file.fileno(), size)

    def load_rtc(self) -> dict | None:
        """Return what was kept of the clock chip, with `elapsed_us` since then, or None."""
        try:
            kept = json.loads(self.rtc.read_text())
        except (OSError, ValueError):
            return None
        kept["elapsed_us"] = max(0, time.time_ns() // 1000 - kept.pop("saved_us"))
        return kept

    def save_rtc(self, kept: dict) -> None:
        """Keep the clock chip's state."""
        part = self.rtc.with_suffix(".part")
        part.write_text(json.dumps({**kept, "saved_us": time.time_ns() // 1000}))
        os.replace(part, self.rtc)
