"""Finds the ports at which boards are: USB ports of the chip's maker and ours, or named by patterns.

A terminal with its maintenance jumper set offers two ports, the console first and then the data port: they are one
board and make one group.
"""

import glob
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
from serial.tools import list_ports

# Raspberry Pi: the stock image's console. Ours: firmware/boards, "usb".
_VENDORS = {0x2E8A: None, 0x1209: 0x0001}


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

    def of_terminal(self, group: str, terminal: str) -> list[str]:
        """Return where a terminal may be after its start: at ports with its USB serial number, else the group's."""
        found = self.look()
        own = [board for board in found if board.serial == terminal] or [b for b in found if b.group == group]
        return [device for board in own for device in reversed(board.devices)]

    def _named(self) -> list[BoardPorts]:
        groups: dict[str, list[str]] = {}
        for pattern in self._patterns:
            for name in sorted(glob.glob(pattern)):
                path = Path(name)
                groups.setdefault(str(path.with_suffix("")) if path.suffix else name, []).append(name)
        return [BoardPorts(group, tuple(sorted(names))) for group, names in sorted(groups.items())]

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
