"""The socket between the MicroPython process and the simulator.

Each peripheral access of the firmware is one message of the process:
    op u8, unit u8, a u16, length u32, t_us u64, payload          (little-endian)
Some are answered, all of them in order:
    op u8, unit u8, a u16, length u32, payload
What happens without being asked (a pin edge, a USB transfer) has the answer's form with op >= 0x80 and is
always sent before the answer that follows it. shims/_bus.py is the other end and repeats these numbers.
"""

import socket
import struct
from typing import NamedTuple

from simulator.errors import SimError

REQUEST = struct.Struct("<BBHIQ")
ANSWER = struct.Struct("<BBHI")
_READ_BYTES = 1 << 18

BOOT = 0x01
PIN_MODE = 0x02
PIN_SET = 0x03
PIN_GET = 0x04
PIN_IRQ = 0x05
SPI_INIT = 0x10
SPI_WRITE = 0x11
SPI_TRANSFER = 0x12
SPI_READ = 0x13
I2C_INIT = 0x18
I2C_WRITE = 0x19
I2C_READ = 0x1A
UART_INIT = 0x20
UART_WRITE = 0x21
PWM = 0x28
WDT_START = 0x29
WDT_FEED = 0x2A
USB_CONFIG = 0x30
USB_ACTIVE = 0x31
USB_SUBMIT = 0x32
USB_STALL = 0x33
USB_CONTROL_REPLY = 0x34
IDLE = 0x38
RESET = 0x39
MAIN_ENDED = 0x3A
FLASH_ROOM = 0x3B

PIN_EDGE = 0x81
UART_DATA = 0x82
USB_BUS_RESET = 0x90
USB_OPEN = 0x91
USB_SETUP = 0x92
USB_XFER = 0x93
USB_STATE = 0x94
KEYBOARD = 0x95

NACK = 0xFFFF


class Message(NamedTuple):
    """One peripheral access of the firmware; `t_us` is simulated time."""

    op: int
    unit: int
    a: int
    t_us: int
    payload: bytes


class BusClosed(SimError):
    """The MicroPython process is gone."""


class Bus:
    """The simulator's end of one socket pair."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._start = 0
        self._out = bytearray()
        self.posted = 0

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self.sock.fileno()

    def next_buffered(self) -> Message | None:
        """Return the next message already read, or None."""
        have = len(self._buffer) - self._start
        if have < REQUEST.size:
            return None
        op, unit, a, length, t_us = REQUEST.unpack_from(self._buffer, self._start)
        if have < REQUEST.size + length:
            return None
        begin = self._start + REQUEST.size
        self._start = begin + length
        payload = bytes(self._buffer[begin : self._start]) if length else b""
        if self._start == len(self._buffer):
            self._buffer.clear()
            self._start = 0
        return Message(op, unit, a, t_us, payload)

    def read(self, timeout_s: float | None) -> bool:
        """Read what has arrived, waiting up to `timeout_s`; False on time-out. Raises BusClosed."""
        self.sock.settimeout(timeout_s)
        try:
            data = self.sock.recv(_READ_BYTES)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as error:
            raise BusClosed("the MicroPython process ended") from error
        if not data:
            raise BusClosed("the MicroPython process ended")
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data
        return True

    def post(self, op: int, unit: int = 0, a: int = 0, payload: bytes = b"") -> None:
        """Queue something the firmware did not ask for."""
        self._out += ANSWER.pack(op, unit, a, len(payload)) + payload
        self.posted += 1

    def answer(self, op: int, unit: int = 0, a: int = 0, payload: bytes = b"") -> None:
        """Answer a request, with everything queued before it. Raises BusClosed."""
        self._out += ANSWER.pack(op, unit, a, len(payload)) + payload
        self.flush()

    def flush(self) -> None:
        """Send what is queued. Raises BusClosed."""
        self.posted = 0
        if not self._out:
            return
        data, self._out = self._out, bytearray()
        self.sock.settimeout(None)
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise BusClosed("the MicroPython process ended") from error

    def close(self) -> None:
        """Close the socket; later reads raise BusClosed."""
        self.sock.close()
