"""Names for what a computer finds when a board is plugged in: ttyACM0, ttyACM1, … and drives, each the lowest free."""

import os
from pathlib import Path

PORT_NAME = "ttyACM"


def claim_port(folder: Path, device: str, first: int = 0) -> Path:
    """Link a free number from `first` on to a device file and return the link; a link that leads nowhere is free."""
    number = first
    while True:
        link = folder / f"{PORT_NAME}{number}"
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
        try:
            os.symlink(device, link)
        except FileExistsError:
            number += 1
            continue
        return link


def claim_drive(folder: Path, label: str) -> Path:
    """Make and return the folder of a drive: its label, or the label with a number when that is taken."""
    number = 0
    while True:
        drive = folder / (label if not number else f"{label}{number}")
        try:
            drive.mkdir(parents=True)
        except FileExistsError:
            number += 1
            continue
        return drive
