"""Finds the ports at which boards are: USB ports of the chip's maker and ours, or named by patterns.

A terminal with its maintenance jumper set offers two ports, the console first and then the data port: they are one
board and make one group. A board is known by its USB serial number, which the image makes of the chip's unique id and
our firmware of the terminal's id: names of ports pass from one board to another when boards restart together. Only a
named port without a serial number is known by its name.
"""

import glob
import os
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import attrs
from serial.tools import list_ports

# Raspberry Pi: the stock image's console. Ours: firmware/boards, "usb".
_VENDORS = {0x2E8A: None, 0x1209: 0x0001}
# udev's names of serial ports (60-serial.rules): …_SERIAL-ifNN, in the folder serial/by-id beside the port.
_BY_ID = re.compile(r"usb-.*_(?P<serial>[^_]+)-if(?P<interface>[0-9a-f]{2})(-port\d+)?")


@attrs.frozen
class BoardPorts:
    """The ports of one board; `serial` is its USB serial number, where there is one."""

    group: str
    devices: tuple[str, ...]
    serial: str | None = None


class PortFinder:
    """Look at the ports of this PC, or at what patterns name."""

    def __init__(self, patterns: tuple[str, ...] = (), usb: Callable[[], Iterable[Any]] = list_ports.comports) -> None:
        """Keep the patterns, if any: then only what they name counts. `usb` enumerates as pyserial does."""
        self._patterns = patterns
        self._comports = usb

    def look(self) -> list[BoardPorts]:
        """Return the boards that are connected now."""
        return self._named() if self._patterns else self._usb()

    def serials(self) -> set[str]:
        """Return the USB serial numbers of all boards that are connected now, casefolded."""
        return {board.serial.casefold() for board in self.look() if board.serial}

    def of_terminal(self, group: str, terminal: str) -> list[str]:
        """Return where a terminal may be after its start: at ports with its USB serial number, else the group's.

        Never at ports with the serial number of another board.
        """
        found = self.look()
        own = [board for board in found if board.serial == terminal] or [b for b in found if b.group == group]
        return [device for board in own for device in reversed(board.devices)]

    def _named(self) -> list[BoardPorts]:
        """Return the boards at the named ports; one whose name leads nowhere is going away just now."""
        ports = list(self._comports())
        usb = {
            os.path.realpath(port.device): (port.serial_number, port.location or "")
            for port in ports
            if port.serial_number
        }
        names = {name for pattern in self._patterns for name in glob.glob(pattern)}
        # Ports that are no files, such as COM3, are found by their names alone.
        names |= {port.device for port in ports for pattern in self._patterns if fnmatch(port.device, pattern)}
        groups: dict[str, set[tuple[str, str]]] = {}
        serials: dict[str, str | None] = {}
        for name in sorted(names):
            path = Path(name)
            serial, place = usb.get(os.path.realpath(name)) or _by_id(path) or (None, "")
            group = serial or (str(path.with_suffix("")) if path.suffix else name)
            groups.setdefault(group, set()).add((place, name))
            serials[group] = serial
        return [
            BoardPorts(group, tuple(name for _, name in sorted(found)), serials[group])
            for group, found in sorted(groups.items())
        ]

    def _usb(self) -> list[BoardPorts]:
        groups: dict[str, list[tuple[str, str]]] = {}
        serials: dict[str, str | None] = {}
        for port in self._comports():
            if port.vid not in _VENDORS or _VENDORS[port.vid] not in (None, port.pid):
                continue
            group = port.serial_number or port.device
            groups.setdefault(group, []).append((port.location or "", port.device))
            serials[group] = port.serial_number
        return [
            BoardPorts(group, tuple(device for _, device in sorted(found)), serials[group])
            for group, found in sorted(groups.items())
        ]


def console_of(port: str, usb: Callable[[], Iterable[Any]] = list_ports.comports) -> Callable[[], list[str]]:
    """Return what tells where the console at a port is after its board restarted, which may rename it.

    By udev's name, else by the USB serial number, else by the same name: ports of other boards are never among them.
    """
    found = _link_of(Path(port))
    if found is not None:
        return lambda: [str(found[0])]
    serial = next((one.serial_number for one in usb() if one.device == port), None)
    if serial is None:
        return lambda: [port]

    def now() -> list[str]:
        own = sorted((one.location or "", one.device) for one in usb() if one.serial_number == serial)
        return [device for _, device in own[:1]]  # the console comes before the data port

    return now


def _by_id(path: Path) -> tuple[str, str] | None:
    """Return serial number and interface that udev's second name of a port tells."""
    found = _link_of(path)
    return None if found is None else (found[1]["serial"], found[1]["interface"])


def _link_of(path: Path) -> tuple[Path, re.Match[str]] | None:
    """Return udev's second name of a port, and what it tells."""
    real = os.path.realpath(path)
    folder = path.parent if path.parent.name == "by-id" else path.parent / "serial" / "by-id"
    for link in folder.glob("usb-*"):
        found = _BY_ID.fullmatch(link.name)
        if found is not None and os.path.realpath(link) == real:
            return link, found
    return None
