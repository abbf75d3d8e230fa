"""The folder of bundles that this agent may offer: `bundles/` in its data folder.

Promise: a file stands there only after its signature was checked with the configured key, and it is checked again when
it is read: what counts is the signature, not the way by which a file came.
Stored layout: `{first 16 hex of the manifest's SHA-256}.zip`; another name is nobody's.
"""

import contextlib
import logging
import os
import time
from hashlib import sha256
from pathlib import Path

import attrs

from host_agent import folders
from host_agent.bundle import archive
from host_agent.errors import UserError

FOLDER = "bundles"
FILE_LIMIT_BYTES = 32 * 1024 * 1024
KEY_BYTES = 384
PART_S = 3_600.0  # no bundle is written for so long: whoever began this part was killed
_NAME_DIGITS = 16

_log = logging.getLogger(__name__)


@attrs.frozen
class Firmware:
    """Hold what is offered to a terminal: the signed manifest and the files in the order of their indexes."""

    board: str
    version: str
    release: int
    manifest: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)
    files: tuple[bytes, ...] = attrs.field(repr=False)

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the manifest: the firmware's identity."""
        return sha256(self.manifest).digest()

    @property
    def size_bytes(self) -> int:
        """Return how much travels when a terminal holds nothing."""
        return len(self.manifest) + len(self.signature) + sum(map(len, self.files))


def read_key(path: Path) -> bytes:
    """Return the modulus in a key file, as terminals hold it.

    :raises OSError: it cannot be read; ValueError: it is no such key.
    """
    raw = path.read_bytes()
    if len(raw) != KEY_BYTES or not raw[0] & 0x80:
        raise ValueError(f"a bundle key has {KEY_BYTES} bytes, this has {len(raw)}")
    return raw


def check(path: Path, modulus: bytes) -> Firmware:
    """Read a bundle and check its signature and every hash.

    :raises UserError: it cannot be read, is none, is altered, or another key signed it.
    """
    found = archive.read(path)
    found.verify(modulus)
    files = tuple(data for part in (found.slot, found.packs) for _, data in sorted(part.items()))
    return Firmware(found.board, found.version, found.release, found.manifest, found.signature, files)


class Shelf:
    """Read and fill the folder; what it holds is read anew when a file's name or time has changed."""

    def __init__(self, data_dir: Path, modulus: bytes | None) -> None:
        """Note where, and sweep; nothing is read yet. Without a key nothing stands there."""
        self.folder = data_dir / FOLDER
        self._modulus = modulus
        self._seen: dict[str, tuple[int, int]] = {}
        self._firmwares: dict[str, Firmware] = {}
        self.faults: dict[str, str] = {}  # file name → why it is not offered
        self._sweep()

    @property
    def may_offer(self) -> bool:
        """Say whether there is a key to check bundles with."""
        return self._modulus is not None

    def examine(self, path: Path) -> Firmware:
        """Check a bundle without placing it.

        :raises UserError: it is refused.
        """
        if self._modulus is None:
            raise UserError(
                "no key to check bundles with", "update.key", "name the terminals' bundle.key in agent.toml"
            )
        return check(path, self._modulus)

    def put(self, path: Path) -> Firmware:
        """Check a bundle and place it, whole and durable.

        :raises UserError: it is refused, or cannot be written.
        """
        firmware = self.examine(path)
        target = self.folder / file_name(firmware)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            folders.make(self.folder)
            with part.open("wb") as file:
                file.write(path.read_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
            folders.sync(self.folder)
        except OSError as error:
            part.unlink(missing_ok=True)
            what = f"cannot keep the bundle: {error.strerror or error}"
            raise UserError(what, str(target), "check the data folder, its rights and room") from None
        return firmware

    def remove(self, firmware: Firmware) -> None:
        """Take a bundle away; raises OSError."""
        (self.folder / file_name(firmware)).unlink(missing_ok=True)

    def refresh(self) -> bool:
        """Read what is new in the folder; return whether anything changed."""
        now = self._listing()
        if now == self._seen:
            return False
        self.faults = {name: why for name, why in self.faults.items() if now.get(name) == self._seen.get(name)}
        kept = {name: one for name, one in self._firmwares.items() if now.get(name) == self._seen.get(name)}
        for name in now:
            if name not in kept and name not in self.faults:
                self._read(name, kept)
        self._firmwares, self._seen = kept, now
        return True

    def all(self) -> list[Firmware]:
        """Return what stands there, the newest release first."""
        return sorted(self._firmwares.values(), key=lambda one: (-one.release, one.board))

    def newest(self, board: str) -> Firmware | None:
        """Return the newest firmware for a board."""
        return next((one for one in self.all() if one.board == board), None)

    def by_digest(self, digest: str) -> Firmware | None:
        """Return the firmware whose manifest has this SHA-256 (hex)."""
        return next((one for one in self._firmwares.values() if one.digest.hex() == digest), None)

    def _sweep(self) -> None:
        """Take away what commands left that were killed while they wrote; a fault of the disk is told by `put`."""
        with contextlib.suppress(OSError):
            for part in self.folder.glob("*.zip.*.part"):
                if time.time() - part.stat().st_mtime > PART_S:
                    part.unlink(missing_ok=True)

    def _listing(self) -> dict[str, tuple[int, int]]:
        try:
            with os.scandir(self.folder) as entries:
                found = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".zip")]
        except OSError:
            return {}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found}

    def _read(self, name: str, into: dict[str, Firmware]) -> None:
        if self._modulus is None:
            return
        try:
            firmware = check(self.folder / name, self._modulus)
        except UserError as error:
            self.faults[name] = error.what
            _log.error("the bundle %s is not offered: %s", name, error.message)
            return
        into[name] = firmware


def file_name(firmware: Firmware) -> str:
    """Return the name under which a firmware stands on the shelf."""
    return f"{firmware.digest.hex()[:_NAME_DIGITS]}.zip"
