"""The host's end of the USB cable as a serial device file: a pseudo-terminal in raw mode with a stable name.

A program that opens the slave side is DTR on, closing it is DTR off; the master learns of it by the hang-up
condition, which Linux and macOS report while no slave is open. Unplugging closes the master, so the program that
has it open sees a hang-up and end of file or an I/O error, and the name is gone.
Not carried by a pty: baud rate (accepted, ignored), RTS, break, and DTR changed without closing.
"""

import contextlib
import errno
import os
import select
import selectors
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from simulator.clock import Clock, Timed
from simulator.errors import UserError

OPEN_CHECK_US = 10_000  # how soon an open by the peer is noticed
_READ_BYTES = 4096


def claim_link(link: Path) -> None:
    """Check that `link` may be made. Raises UserError when something else has that name."""
    if not link.parent.is_dir():
        raise UserError("no such folder for the link", str(link.parent), "create it or name another --link")
    if link.is_symlink():
        if link.exists():
            raise UserError("the path is in use by another terminal", str(link), "stop that one or name another --link")
        link.unlink()
    elif link.exists():
        raise UserError("the path is not a terminal's link", str(link), "remove it or name another --link")


class PortHost(Protocol):
    """What a port's bytes come from and go to: UsbHost for the data port, Console for the image's own."""

    def open(self) -> None:
        """Take the program's DTR."""

    def close(self) -> None:
        """Take its end."""

    def room(self) -> int:
        """Return how many bytes `write` takes now."""
        ...

    def write(self, data: bytes) -> None:
        """Take bytes of the program."""


class SerialPort:
    """Joins a port with a pty whose slave is linked at `link`, or where `link(device)` has linked it."""

    def __init__(
        self, host: PortHost, clock: Clock, selector: selectors.BaseSelector, link: Path | Callable[[str], Path] | None
    ) -> None:
        self._host = host
        self._clock = clock
        self._selector = selector
        self._link = None if callable(link) else link
        self._claim = link if callable(link) else None
        self._master: int | None = None
        self._registered = False
        self._unsent = bytearray()
        self._check: Timed | None = None
        self.device: str | None = None
        self.on_change: Callable[[bool], None] | None = None

    def appear(self) -> None:
        """Make the device file, as the system does when its driver has found the device."""
        self.vanish()
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            self.device = os.ttyname(slave)
        finally:
            os.close(slave)  # from here on the hang-up condition tells whether the peer has it open
        os.set_blocking(master, False)
        if self._claim is not None:
            self._link = self._claim(self.device)
        elif self._link is not None:
            part = self._link.with_name(f"{self._link.name}.{os.getpid()}.part")
            os.symlink(self.device, part)
            os.replace(part, self._link)
        self._master = master  # only now: other threads ask for the link
        self._look()

    @property
    def link(self) -> Path | None:
        """Return the name of the device file, while there is one."""
        return self._link if self._master is not None else None

    def vanish(self) -> None:
        """Take the device file away."""
        if self._master is None:
            return
        if self._link is not None:
            with contextlib.suppress(FileNotFoundError):
                self._link.unlink()
        if self._check is not None:
            self._check.cancel()
            self._check = None
        self._unregister()
        os.close(self._master)
        self._master = None
        self.device = None
        self._unsent.clear()

    def deliver(self, data: bytes) -> bool:
        """Take bytes for the program; False while it does not read and its buffer is full."""
        if self._unsent:
            self._send()
        if self._unsent or self._master is None:
            return False
        self._unsent += data
        self._send()
        return True

    def _send(self) -> None:
        if self._master is None:
            return
        try:
            while self._unsent:
                del self._unsent[: os.write(self._master, self._unsent)]
        except BlockingIOError:
            self._clock.after(1000, self._send)
        except OSError:
            self._unsent.clear()

    def _events(self) -> int:
        if self._master is None:
            return 0
        poller = select.poll()
        poller.register(self._master, select.POLLIN)
        found = poller.poll(0)
        return found[0][1] if found else 0

    def _look(self) -> None:
        """While nobody has the port open, look again soon."""
        self._check = None
        if self._master is None:
            return
        events = self._events()
        if events & select.POLLHUP and not events & select.POLLIN:
            self._check = self._clock.after(OPEN_CHECK_US, self._look)
            return
        self._host.open()
        if self.on_change is not None:
            self.on_change(True)
        self._register()
        self._readable()

    def _readable(self) -> None:
        """Pass on what the program wrote, as far as the device's endpoint takes it; notice its closing."""
        if self._master is None:
            return
        room = self._host.room()
        if room <= 0:
            # The endpoint is not ready: leave the bytes with the writer and ask again shortly.
            self._unregister()
            self._check = self._clock.after(1000, self._resume)
            return
        try:
            data = os.read(self._master, min(room, _READ_BYTES))
        except BlockingIOError:
            if self._events() & select.POLLHUP:
                self._closed()
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""
        if data:
            self._host.write(data)
        else:
            self._closed()

    def _resume(self) -> None:
        self._check = None
        if self._master is not None:
            self._register()
            if self._events():
                self._readable()

    def _closed(self) -> None:
        self._unregister()
        self._unsent.clear()
        self._host.close()
        if self.on_change is not None:
            self.on_change(False)
        self._look()

    def _register(self) -> None:
        if self._master is not None and not self._registered:
            self._selector.register(self._master, selectors.EVENT_READ, self._readable)
            self._registered = True

    def _unregister(self) -> None:
        if self._master is not None and self._registered:
            self._selector.unregister(self._master)
            self._registered = False
