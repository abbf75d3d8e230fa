"""Bundles of a few small files, signed with a key of the test's own: what counts is their form, not what they hold."""

import zipfile
from pathlib import Path

from host_agent.bundle import archive, manifest
from host_agent.bundle.contents import Bundle
from host_agent.bundle.keys import Key

SLOT = {"app/version.mpy": b"version", "ui/screens.mpy": b"s" * 3000, "main_part.mpy": b"m" * 700}
PACKS = {"assets/glyphs.bin": b"g" * 9000}


def write(folder: Path, key: Key, version: str, board: str = "k5", floor: str = "0.0.1") -> Path:
    """Write a signed bundle; each version has other bytes."""
    slot = {path: version.encode() + data for path, data in SLOT.items()}
    parts = (slot, PACKS, {})
    release = manifest.release_of(version)
    told = manifest.Manifest(
        board, version, release, manifest.release_of(floor), 1, *(manifest.entries(part) for part in parts)
    )
    data = told.encode()
    path = folder / f"yiping-{board}-{version}.zip"
    archive.write(Bundle(path.name, data, key.sign(data), *parts, told), path)
    return path


def altered(path: Path, folder: Path) -> Path:
    """Return a copy with one byte of one file changed; the rest of its form is as it was."""
    target = folder / f"altered-{path.name}"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as file:
        for entry in source.infolist():
            data = source.read(entry)
            file.writestr(entry, b"X" + data[1:] if entry.filename == "slot/ui/screens.mpy" else data)
    return target
