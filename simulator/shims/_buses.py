"""machine.SPI and machine.I2C as the RP2 port has them, with the time each transfer takes."""

import struct
import uctypes

import _bus
import _pins
from micropython import const

_SPI_INIT = const(0x10)
_SPI_WRITE = const(0x11)
_SPI_TRANSFER = const(0x12)
_SPI_READ = const(0x13)
_I2C_INIT = const(0x18)
_I2C_WRITE = const(0x19)
_I2C_READ = const(0x1A)
_STOP = const(0x8000)
_NACK = const(0xFFFF)
_EIO = const(5)

peripheral_hz = 48_000_000  # clk_peri after reset; machine.freq may raise it

_count = bytearray(4)
_COUNT = uctypes.struct(uctypes.addressof(_count), {"n": uctypes.UINT32}, uctypes.LITTLE_ENDIAN)

_SPI_PINS = ((18, 19, 16), (10, 11, 8))
_I2C_PINS = ((5, 4), (7, 6))


def _spi_rate(wanted: int) -> int:
    """Return the rate the PL022 reaches for a wanted one (spi_set_baudrate of the Pico SDK)."""
    prescale = 2
    while prescale <= 254 and peripheral_hz >= prescale * 256 * wanted:
        prescale += 2
    if prescale > 254:
        prescale = 254
    divide = 256
    while divide > 1 and peripheral_hz // (prescale * (divide - 1)) <= wanted:
        divide -= 1
    return peripheral_hz // (prescale * divide)


def _pin(given, default: int, kind: str, low_bits: int, bit: int, unit: int) -> int:
    if given is None:
        return default
    number = _pins._find(given)
    if number & 3 != low_bits or (number & 8) >> 3 != unit:
        raise ValueError("bad %s pin" % kind)
    return number


class SPI:
    """A hardware SPI bus, mode 0..3, most significant bit first."""

    MSB = const(1)
    LSB = const(0)

    def __init__(
        self, id, baudrate=1_000_000, *, polarity=0, phase=0, bits=8, firstbit=1, sck=None, mosi=None, miso=None
    ) -> None:
        if id not in (0, 1):
            raise ValueError("SPI(%s) doesn't exist" % id)
        if firstbit != SPI.MSB:
            raise NotImplementedError("LSB")
        self._id = id
        defaults = _SPI_PINS[id]
        self._sck = _pin(sck, defaults[0], "SCK", 2, 8, id)
        self._mosi = _pin(mosi, defaults[1], "MOSI", 3, 8, id)
        self._miso = _pin(miso, defaults[2], "MISO", 0, 8, id)
        self._polarity, self._phase, self._bits = polarity, phase, bits
        self._rate(baudrate)

    def _rate(self, baudrate: int) -> None:
        self._baudrate = _spi_rate(baudrate)
        self._ns_byte = 8_000_000_000 // self._baudrate
        packed = struct.pack("<IBBBBB", self._baudrate, self._polarity, self._phase, self._sck, self._mosi, self._miso)
        _bus.post(_SPI_INIT, self._id, 0, packed)

    def init(self, *, baudrate=-1, polarity=-1, phase=-1, bits=-1, firstbit=-1) -> None:
        """Change some settings."""
        if firstbit not in (-1, SPI.MSB):
            raise NotImplementedError("LSB")
        if polarity != -1:
            self._polarity = polarity
        if phase != -1:
            self._phase = phase
        if bits != -1:
            self._bits = bits
        self._rate(self._baudrate if baudrate == -1 else baudrate)

    def deinit(self) -> None:
        """Do nothing, as the port does."""

    def write(self, buf) -> None:
        """Send bytes and drop what comes back."""
        n = _bus.nbytes(buf)
        if n:
            _bus.post(_SPI_WRITE, self._id, 0, buf)
            _bus.spend(n * self._ns_byte // 1000)

    def readinto(self, buf, write=0) -> None:
        """Fill a buffer while sending one byte value."""
        n = _bus.nbytes(buf)
        if n:
            _bus.spend(n * self._ns_byte // 1000)
            _COUNT.n = n
            _bus.call(_SPI_READ, self._id, write & 255, _count, buf)

    def read(self, nbytes, write=0) -> bytes:
        """Return bytes while sending one byte value."""
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def write_readinto(self, write_buf, read_buf) -> None:
        """Send one buffer while filling another of the same length."""
        n = _bus.nbytes(write_buf)
        if n != _bus.nbytes(read_buf):
            raise ValueError("buffers must be the same length")
        if n:
            _bus.spend(n * self._ns_byte // 1000)
            _bus.call(_SPI_TRANSFER, self._id, 0, write_buf, read_buf)

    def __repr__(self) -> str:
        return "SPI(%d, baudrate=%d, polarity=%d, phase=%d, bits=%d, sck=%d, mosi=%d, miso=%d)" % (
            self._id, self._baudrate, self._polarity, self._phase, self._bits, self._sck, self._mosi, self._miso
        )  # fmt: skip


class I2C:
    """A hardware I2C controller."""

    def __init__(self, id=0, freq=400_000, *, scl=None, sda=None, timeout=50_000) -> None:
        if id not in (0, 1):
            raise ValueError("I2C(%s) doesn't exist" % id)
        self._id = id
        self._scl = self._pin(scl, _I2C_PINS[id][0], "SCL", 1)
        self._sda = self._pin(sda, _I2C_PINS[id][1], "SDA", 0)
        self._freq = freq
        self._ns_byte = 9_000_000_000 // freq
        self._timeout = timeout
        _bus.post(_I2C_INIT, id, 0, struct.pack("<IBB", freq, self._scl, self._sda))

    def _pin(self, given, default: int, kind: str, odd: int) -> int:
        if given is None:
            return default
        number = _pins._find(given)
        if number & 1 != odd or (number & 2) >> 1 != self._id:
            raise ValueError("bad %s pin" % kind)
        return number

    def _write(self, addr: int, buf, stop: bool) -> int:
        _bus.spend((_bus.nbytes(buf) + 1) * self._ns_byte // 1000)
        acks = _bus.call(_I2C_WRITE, self._id, addr | (_STOP if stop else 0), buf)
        if acks == _NACK:
            raise OSError(_EIO)
        return acks

    def scan(self) -> list:
        """Return the addresses 0x08..0x77 that acknowledge."""
        found = []
        for addr in range(0x08, 0x78):
            try:
                self._write(addr, b"", True)
            except OSError:
                continue
            found.append(addr)
        return found

    def writeto(self, addr, buf, stop=True) -> int:
        """Write bytes; return how many were acknowledged. Raises OSError(EIO) without an answer."""
        return self._write(addr, buf, stop)

    def writevto(self, addr, vector, stop=True) -> int:
        """Write several buffers as one transfer."""
        return self._write(addr, b"".join(bytes(part) for part in vector), stop)

    def readfrom_into(self, addr, buf, stop=True) -> None:
        """Fill a buffer. Raises OSError(EIO) without an answer."""
        n = _bus.nbytes(buf)
        _bus.spend((n + 1) * self._ns_byte // 1000)
        if _bus.call(_I2C_READ, self._id, addr | (_STOP if stop else 0), n.to_bytes(2, "little"), buf) == _NACK:
            raise OSError(_EIO)

    def readfrom(self, addr, nbytes, stop=True) -> bytes:
        """Return bytes. Raises OSError(EIO) without an answer."""
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf, stop)
        return bytes(buf)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8) -> None:
        """Fill a buffer from a register address."""
        self._write(addr, memaddr.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8) -> bytes:
        """Return bytes from a register address."""
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8) -> None:
        """Write bytes to a register address."""
        self._write(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf), True)

    def __repr__(self) -> str:
        return "I2C(%d, freq=%d, scl=%d, sda=%d, timeout=%d)" % (
            self._id, self._freq, self._scl, self._sda, self._timeout
        )  # fmt: skip
