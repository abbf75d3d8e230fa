"""Names for what a computer finds when a board is plugged in: ttyACM0, ttyACM1, … and drives, each the lowest free."""

import os
from pathlib import Path

PORT_NAME = "ttyACM"
BY_ID = Path("serial", "by-id")  # in the folder of ports, as udev has it in /dev


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


def is_free(folder: Path, number: int) -> bool:
    """Say whether no board has the port of this number."""
    return not (folder / f"{PORT_NAME}{number}").exists()


def name_by_id(folder: Path, device: str, serial: str, interface: int) -> Path:
    """Link a device file by its board's USB serial number, as udev does, and return the link."""
    names = folder / BY_ID
    names.mkdir(parents=True, exist_ok=True)
    for old in names.iterdir():  # what a killed simulator left
        if os.path.realpath(old) == os.path.realpath(device):
            old.unlink(missing_ok=True)
    link = names / f"usb-Simulated_Board_{serial}-if{interface:02}"
    link.unlink(missing_ok=True)
    os.symlink(device, link)
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
