"""The console of the stock MicroPython image: the interpreter's standard streams at the first port of its USB.

What a program writes to the port reaches the interpreter; what that prints reaches the program, or is lost while none
has the port open. Ctrl-C interrupts the running program if the interpreter has that enabled, else it is a byte like
any other. Modes of the prompt, raw and friendly, outlive a soft reset, as on the chip.
Not modelled: the 512 bytes of the chip's input buffer (the host waits longer), output that was printed before the
port was opened, Ctrl-C where there is no /proc.
"""

import contextlib
import os
import re
import selectors
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from simulator.clock import Clock, Timed
from simulator.process import Seat

CTRL_C = 0x03
ROOM_BYTES = 4096
STALL_US = 500_000  # the chip drops what nobody reads for so long
SIGNAL_AFTER_US = 200_000  # a program that uses no peripheral meanwhile is interrupted by a signal
_RETRY_US = 1_000
_READ_BYTES = 4096

_HOST_BANNER = re.compile(rb"MicroPython \S+ on \S+; linux [^\r\n]*version\r?\n")
_BANNER_BEGIN = b"MicroPython "
_RAW_BANNER = b"raw REPL; CTRL-B to exit"
_SOFT_REBOOT = b"MPY: soft reboot\r\n"
_BARE_LF = re.compile(rb"(?<!\r)\n")
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class Console:
    """One console; it has the interface that simulator.serial_port asks of a port's device."""

    def __init__(self, clock: Clock, selector: selectors.BaseSelector, log: Path) -> None:
        self.environment: dict[str, str] = {}
        self.banner = b""
        self.on_input: Callable[[bytes], bytes] | None = None
        self.on_data: Callable[[bytes], bool] | None = None
        self.interrupt: Callable[[bool], None] | None = None
        self.silent = False  # a fault: the port is there and nothing answers
        self.raw = False
        self._clock = clock
        self._selector = selector
        self._log = log
        self._stdio: socket.socket | None = None
        self._pid = 0
        self._open = False
        self._cutting = self._cr = False
        self._head = b""
        self._unread = b""
        self._listens = False  # to what the interpreter prints: not while the program does not read
        self._stalled_us = 0
        self._escalation: Timed | None = None

    # -- the interpreter's life

    def seat(self) -> Seat:
        """Return what the next interpreter is started with."""
        self._stdio, theirs = socket.socketpair()
        self._stdio.setblocking(False)
        self._listen(True)
        return Seat(theirs, {**self.environment, "SIM_CONSOLE": "raw" if self.raw else "friendly"})

    def began(self, pid: int) -> None:
        """Take a started interpreter; it is led back into raw mode if it was left there."""
        self._pid = pid
        self._cutting = self.raw
        if self.raw:
            self._send(b"\x01")

    def ended(self) -> None:
        """The interpreter is gone; what it printed last is still passed on."""
        if self._escalation is not None:
            self._escalation.cancel()
            self._escalation = None
        stdio, self._stdio = self._stdio, None
        if stdio is None:
            return
        if self._listens:
            self._selector.unregister(stdio)
            self._listens = False
        with contextlib.suppress(OSError):
            while data := stdio.recv(_READ_BYTES):
                self._printed(data)
        stdio.close()
        self._cutting, self._head = False, b""

    def restarts(self, soft: bool) -> None:
        """Say what the image says at a soft reset; any other reset leads to the friendly mode."""
        if soft:
            self._pass(_SOFT_REBOOT)
        else:
            self.raw = False

    # -- a program at the port

    def open(self) -> None:
        """Take the program's DTR."""
        self._open = True

    def close(self) -> None:
        """The program has gone; what it did not read is lost."""
        self._open = False
        self._unread = b""

    def room(self) -> int:
        """Return how many bytes `write` takes."""
        return ROOM_BYTES if self._open else 0

    def write(self, data: bytes) -> None:
        """Take bytes of the program."""
        if self.on_input is not None:
            data = self.on_input(data)
        if self.silent:
            return
        if self._escalation is not None and not self._interruptible():
            self._withdraw()  # that program has ended: the next one is not meant
        at = data.rfind(CTRL_C)
        if at >= 0 and self._interruptible():
            self._interrupt()
            data = data[at + 1 :]  # the chip empties its input at Ctrl-C
        self._send(data)

    def _send(self, data: bytes) -> None:
        if self._stdio is None or not data:
            return
        self._stdio.settimeout(0.2)
        with contextlib.suppress(OSError):
            self._stdio.sendall(data)
        self._stdio.setblocking(False)

    # -- Ctrl-C

    def _interruptible(self) -> bool:
        """Return whether the interpreter catches SIGINT, which it does exactly while kbd_intr(3) holds."""
        try:
            status = Path(f"/proc/{self._pid}/status").read_text()
        except OSError:
            return False
        caught = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) & _SIGINT_BIT)

    def _interrupt(self) -> None:
        """Interrupt at the program's next access of a peripheral or clock; by a signal if there is none soon."""
        if self.interrupt is None or self._escalation is not None:
            return
        self.interrupt(True)
        self._escalation = self._clock.after(SIGNAL_AFTER_US, self._signal)

    def _withdraw(self) -> None:
        if self._escalation is not None:
            self._escalation.cancel()
            self._escalation = None
        if self.interrupt is not None:
            self.interrupt(False)

    def _signal(self) -> None:
        self._withdraw()
        if self._stdio is None:
            return
        os.kill(self._pid, signal.SIGSTOP)  # it must not leave the program between the look and the signal
        try:
            if self._interruptible():
                os.kill(self._pid, signal.SIGINT)
        finally:
            os.kill(self._pid, signal.SIGCONT)

    # -- what the interpreter prints

    def _readable(self) -> None:
        if self._stdio is None:
            return
        try:
            data = self._stdio.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._printed(data)
        else:
            self._listen(False)  # the bus tells of the end, too

    def _printed(self, data: bytes) -> None:
        data = self._head + data
        self._head = b""
        begun = data.rfind(_BANNER_BEGIN)
        if begun >= 0 and b"\n" not in data[begun:]:
            self._head = data[begun:]  # the interpreter writes its banner in pieces
            data = data[:begun]
            if not data:
                return
        if self._cutting:
            data = self._cut(data)
        self._raw_or_friendly(data)
        data = _HOST_BANNER.sub(self.banner, data)
        if self._cr and data.startswith(b"\n"):
            text = b"\n" + _BARE_LF.sub(b"\r\n", data[1:])
        else:
            text = _BARE_LF.sub(b"\r\n", data)
        self._cr = data.endswith(b"\r")
        with self._log.open("ab") as log:
            log.write(data)
        self._pass(text)

    def _raw_or_friendly(self, data: bytes) -> None:
        raw, friendly = data.rfind(_RAW_BANNER), -1
        for found in _HOST_BANNER.finditer(data):
            friendly = found.start()
        if max(raw, friendly) >= 0:
            self.raw = raw > friendly
            self._take_back_interrupt()

    def _take_back_interrupt(self) -> None:
        """The prompt is there, so the program has ended: what the prompt runs next is not to be interrupted for it."""
        if self._escalation is not None and self.interrupt is not None:
            self._escalation.cancel()
            self._escalation = None
            self.interrupt(False)

    def _cut(self, data: bytes) -> bytes:
        """Leave out the friendly prompt on the way back into raw mode."""
        found = _HOST_BANNER.search(data)
        if found is None:
            return data
        end = data.find(_RAW_BANNER, found.end())
        if end < 0:
            self._head = data[found.start() :] + self._head
            return data[: found.start()]
        self._cutting = False
        return data[: found.start()] + data[end:]

    def _pass(self, data: bytes) -> None:
        """Hand bytes to the program at the port, as far as it reads them."""
        if self.silent or not self._open or self.on_data is None or not data:
            return
        if self._unread:
            self._unread += data
            return
        if not self.on_data(data):
            self._unread = data
            self._stalled_us = self._clock.now_us
            self._listen(False)
            self._clock.after(_RETRY_US, self._again)

    def _again(self) -> None:
        data, self._unread = self._unread, b""
        lost = self._clock.now_us - self._stalled_us > STALL_US
        if data and self._open and self.on_data is not None and not lost and not self.on_data(data):
            self._unread = data
            self._clock.after(_RETRY_US, self._again)
        else:
            self._listen(True)

    def _listen(self, on: bool) -> None:
        """Begin or cease to take what the interpreter prints."""
        if self._stdio is None or on == self._listens:
            return
        self._listens = on
        if on:
            self._selector.register(self._stdio, selectors.EVENT_READ, self._readable)
        else:
            self._selector.unregister(self._stdio)


def banner(release: str, date: str, machine: str) -> bytes:
    """Return what the prompt of an image begins with."""
    return f"MicroPython v{release} on {date}; {machine}\r\n".encode()
