"""Finds and opens serial ports: by name, by address, or by the terminal's USB serial number.

Promise: a port is opened exclusively and with DTR and RTS set before, so that no board resets; what hinders is told in
one sentence with its cure.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import serial
from serial.tools import list_ports

from host_agent.config_model import AUTO_PORT, WindowSection
from host_agent.config_model import NO_PORT as WITHOUT_TERMINAL
from host_agent.errors import UserError
from host_agent.transport import Transport, open_transport

try:
    # What pyserial lets through from a device that vanishes while it is being opened: no OSError.
    from termios import error as POSIX_FAULT  # noqa: N812 — a kind of error, as the constants beside it
except ImportError:  # Windows
    POSIX_FAULT = OSError

BAUD = 115_200
OPEN_S = 8.0

NO_PORT, PORT_BUSY, PORT_FAULT = "no_port", "port_busy", "port_fault"
NO_TERMINAL = "no_terminal"  # by configuration: nothing is wrong


class PortError(UserError):
    """Say why a port cannot be used; `condition` is the code for the clerk's page."""

    def __init__(self, condition: str, what: str, where: str, cure: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(what, where, cure)
        self.condition = condition


class UsbPort:
    """Name one connected USB serial port."""

    def __init__(self, device: str, serial_number: str | None, description: str) -> None:
        """Keep what enumeration tells."""
        self.device = device
        self.serial_number = serial_number
        self.description = description


def list_usb() -> list[UsbPort]:
    """Return the connected USB serial ports; 0.6 ms a call."""
    return [UsbPort(port.device, port.serial_number, port.description or "") for port in list_ports.comports()]


def find(port: str, terminal: str, usb: Callable[[], Iterable[UsbPort]] = list_usb) -> str:
    """Return what to open for a window: its named port, or for "auto" the port with the terminal's serial number.

    :raises PortError: no such terminal is connected.
    """
    if port == WITHOUT_TERMINAL:
        what = "no terminal stands at this window"
        raise PortError(NO_TERMINAL, what, 'window.port = "none"', "offer its sign, or print a paper form")
    if port != AUTO_PORT:
        return port
    for found in usb():
        if found.serial_number == terminal:
            return found.device
    raise PortError(
        NO_PORT,
        f"no terminal {terminal} is connected by USB",
        "window.port = auto",
        "plug in its cable, or name the port in agent.toml",
    )


class PortOpener:
    """Open the port of one window again and again; a driver that hangs costs one thread, not one for each try."""

    def __init__(self, baud: int = BAUD) -> None:
        """Start with no opening under way."""
        self._busy = threading.Lock()
        self._baud = baud

    def find(self, section: WindowSection) -> str:
        """Return what to open for a window.

        :raises PortError: its terminal is not connected.
        """
        return find(section.port, section.terminal)

    async def open(self, name: str) -> Transport:
        """Open a port by name or address.

        :raises PortError: it is not there, held by another, not allowed, or hangs.
        """
        if not self._busy.acquire(blocking=False):
            raise _hung(name)
        try:
            return await open_transport(lambda: self._open(name), OPEN_S)
        except TimeoutError:
            raise _hung(name) from None
        except (OSError, ValueError) as error:
            raise _port_error(name, error) from None

    def _open(self, name: str) -> Any:
        try:
            return open_serial(name, self._baud)
        finally:
            self._busy.release()


async def open_port(name: str, baud: int = BAUD) -> Transport:
    """Open a port once; raises PortError as PortOpener does."""
    return await PortOpener(baud).open(name)


def open_serial(name: str, baud: int = BAUD) -> Any:
    """Open a port exclusively, with DTR and RTS set before; raises OSError, ValueError."""
    port = serial.serial_for_url(name, do_not_open=True, baudrate=baud, timeout=0)
    try:
        port.exclusive = True
    except (AttributeError, NotImplementedError):  # addresses and Windows have no such switch; Windows is exclusive
        pass
    # Both asserted: the circuits that reset ESP32 boards act only when they differ, and a CDC device sees its host.
    port.dtr = True
    port.rts = True
    try:
        port.open()
    except POSIX_FAULT as error:
        raise OSError(*error.args) from None
    return port


def _hung(name: str) -> PortError:
    return PortError(PORT_FAULT, "the port hangs", name, "pull its cable and plug it in again")


def _port_error(name: str, error: Exception) -> PortError:
    code = getattr(error, "errno", None)
    text = str(error)
    if "exclusively lock" in text or code in (errno.EBUSY, errno.EAGAIN) or "PermissionError(13" in text:
        return PortError(
            PORT_BUSY, "the port is held by another program", name, "close that program; only one may use the port"
        )
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in text:
        return PortError(
            NO_PORT, "no such port", name, "check cable and window.port; `yiping agent check` lists the ports"
        )
    if code in (errno.EACCES, errno.EPERM):
        return PortError(
            PORT_FAULT,
            "no right to open the port",
            name,
            "give this user the right (on Linux: the group that owns the port)",
        )
    return PortError(
        PORT_FAULT, f"the port does not open: {_reason(error)}", name, "check cable, adapter and window.port"
    )


def _reason(error: Exception) -> str:
    code = getattr(error, "errno", None)
    return os.strerror(code) if isinstance(code, int) else str(error).splitlines()[0]
