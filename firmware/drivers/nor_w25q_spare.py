"""Security register 1 of the W25Q32JV (datasheet revision G, 8.2: 44h, 42h, 48h): 256 bytes beside the array.

It is erased and programmed like the array, by the same charge pump, and wears nothing of it: the place where a test may
write. The chip must not be busy; every function here waits until it is done. Loaded only for a test.
"""

from micropython import const

SIZE = 256  # bytes

_WRITE_ENABLE = b"\x06"
_ERASE = b"\x44\x00\x10\x00"  # 44h and the register's address, 001000h
_READ = b"\x48\x00\x10\x00\x00"  # 48h, address, one dummy byte
_PROGRAM = const(0x42)
_ADDRESS_HIGH = const(0x10)


def read(nor: object) -> bytearray:
    """Return the register."""
    found = bytearray(SIZE)
    nor.cs(0)
    nor.spi.write(_READ)
    nor.spi.readinto(found)
    nor.cs(1)
    return found


def program(nor: object, at: int, data: bytes) -> bool:
    """Program bytes from `at` on; false on time-out, after 1 s."""
    _send(nor, _WRITE_ENABLE)
    _send(nor, bytes((_PROGRAM, 0, _ADDRESS_HIGH, at)) + data)
    return nor.wait()


def erase(nor: object) -> bool:
    """Erase the register, 45 ms, at most 400; false on time-out, after 1 s."""
    _send(nor, _WRITE_ENABLE)
    _send(nor, _ERASE)
    return nor.wait()


def _send(nor: object, data: bytes) -> None:
    nor.cs(0)
    nor.spi.write(data)
    nor.cs(1)
