"""machine.UART as the RP2 port has it: a ring of received bytes, writes that take line time."""

import io
import struct

import _bus
import _pins
from micropython import const

_UART_INIT = const(0x20)
_UART_WRITE = const(0x21)
_UART_DATA = const(0x82)
_POLL = const(3)
_READ = const(1)
_WRITE = const(4)
_PINS = ((0, 1), (4, 5))

_all = {}


class UART(io.IOBase):
    """A serial port; one object per unit keeps its settings over later constructors, as the port does."""

    INV_TX = const(1)
    INV_RX = const(2)
    CTS = const(1)
    RTS = const(2)

    def __init__(self, id, baudrate=115_200, bits=8, parity=None, stop=1, **kwargs) -> None:
        if id not in (0, 1):
            raise ValueError("UART(%s) doesn't exist" % id)
        self._id = id
        self._tx, self._rx = _PINS[id]
        self._rxbuf = 256
        self._txbuf = 256
        self._timeout = 0
        self._timeout_char = 0
        self._got = bytearray()
        self._free_at_us = 0
        _all[id] = self
        self.init(baudrate, bits, parity, stop, **kwargs)

    def init(
        self, baudrate=115_200, bits=8, parity=None, stop=1, *, tx=None, rx=None, cts=None, rts=None,
        txbuf=-1, rxbuf=-1, timeout=-1, timeout_char=-1, invert=0, flow=0,
    ) -> None:  # fmt: skip
        """Configure the port."""
        self._tx = self._pin(tx, self._tx, "TX", 0)
        self._rx = self._pin(rx, self._rx, "RX", 1)
        if rxbuf > 0:
            self._rxbuf = self._size(rxbuf, "rxbuf")
        if txbuf > 0:
            self._txbuf = self._size(txbuf, "txbuf")
        if timeout >= 0:
            self._timeout = timeout
        if timeout_char >= 0:
            self._timeout_char = timeout_char
        self._timeout_char = max(self._timeout_char, 13000 // baudrate + 1)
        self._baudrate = baudrate
        self._us_byte = (1 + bits + (0 if parity is None else 1) + stop) * 1_000_000 // baudrate
        code = 0 if parity is None else 1 + (parity & 1)
        packed = struct.pack("<IBBBBB", baudrate, bits, code, stop, self._tx, self._rx)
        _bus.post(_UART_INIT, self._id, 0, packed)

    def _pin(self, given, default: int, kind: str, low_bits: int) -> int:
        if given is None:
            return default
        number = _pins._find(given)
        if number & 3 != low_bits or ((number + 4) & 8) >> 3 != self._id:
            raise ValueError("bad %s pin" % kind)
        return number

    def _size(self, wanted: int, name: str) -> int:
        if wanted > 32766:
            raise ValueError("%s too large" % name)
        return max(32, wanted)

    def deinit(self) -> None:
        """Stop receiving."""
        _all.pop(self._id, None)

    def any(self) -> int:
        """Return how many received bytes wait."""
        _bus.service()
        return len(self._got)

    def _await(self, n: int) -> None:
        """Wait as long as the time-outs allow until `n` bytes are there."""
        until = _bus.now() + self._timeout * 1000
        while len(self._got) < n:
            had = len(self._got)
            if _bus.now() >= until:
                return
            _bus.wait(until)
            if len(self._got) > had:
                until = _bus.now() + self._timeout_char * 1000

    def readinto(self, buf, nbytes=-1):
        """Fill a buffer with what is there; None when nothing came in time."""
        n = len(buf) if nbytes < 0 else min(nbytes, len(buf))
        self._await(n)
        n = min(n, len(self._got))
        if not n:
            return None
        buf[:n] = self._got[:n]
        self._got = self._got[n:]
        return n

    def read(self, nbytes=-1):
        """Return what is there, or None."""
        self._await(len(self._got) + 1 if nbytes < 0 else nbytes)
        n = len(self._got) if nbytes < 0 else min(nbytes, len(self._got))
        if not n:
            return None
        data = bytes(self._got[:n])
        self._got = self._got[n:]
        return data

    def readline(self):
        """Return bytes up to a newline, or what came in time, or None."""
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            if byte is None:
                break
            line += byte
        return line or None

    def write(self, buf) -> int:
        """Send bytes; waits while more than the transmit buffer is unsent."""
        n = _bus.nbytes(buf)
        now = _bus.now()
        self._free_at_us = max(self._free_at_us, now) + n * self._us_byte
        _bus.post(_UART_WRITE, self._id, 0, buf)
        over = self._free_at_us - now - (self._txbuf + 32) * self._us_byte
        if over > 0:
            _bus.wait(now + over)
        return n

    def txdone(self) -> bool:
        """Tell whether everything has left the line."""
        return _bus.now() >= self._free_at_us

    def flush(self) -> None:
        """Wait until everything has left the line."""
        while not self.txdone():
            _bus.wait(self._free_at_us)

    def sendbreak(self) -> None:
        """Hold the line low for 13 bit times."""
        _bus.spend(13_000_000 // self._baudrate + 1)

    def ioctl(self, request, arg):
        """Answer poll."""
        if request != _POLL:
            return -1
        ready = 0
        if arg & _READ and self._got:
            ready |= _READ
        if arg & _WRITE and self._free_at_us - _bus.now() <= self._txbuf * self._us_byte:
            ready |= _WRITE
        return ready


def _on_data(unit: int, a: int, payload) -> None:
    uart = _all.get(unit)
    if uart is not None and payload:
        room = uart._rxbuf - len(uart._got)
        if room > 0:
            uart._got.extend(payload[:room])


_bus.handlers[_UART_DATA] = _on_data
