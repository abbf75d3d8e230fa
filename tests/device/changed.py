"""A copy of the firmware in which one piece is another."""

import shutil
from pathlib import Path

from simulator.stage import FIRMWARE


def changed_firmware(folder: Path, name: str, old: str, new: str) -> Path:
    """Return a copy of the firmware in which one piece of a file is another."""
    copy = folder / "firmware"
    shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return copy
