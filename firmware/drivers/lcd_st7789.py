"""Display controller ST7789V on 4-line SPI (datasheet version 1.4): start, regions of pixels, backlight.

Pixels are RGB565 with the most significant byte first: in a framebuf.RGB565 (which stores the least significant byte
first) the two bytes of every colour have to be exchanged. Nothing here allocates after `__init__`.
"""

import time

from micropython import const

_SWRESET = const(0x01)
_SLPOUT = const(0x11)
_INVOFF = const(0x20)
_DISPON = const(0x29)
_CASET = const(0x2A)
_RASET = const(0x2B)
_RAMWR = const(0x2C)
_MADCTL = const(0x36)
_COLMOD = const(0x3A)

_RESET_MS = const(120)  # section 9.1.2: SWRESET to SLPOUT
_SLEEP_OUT_MS = const(5)  # section 9.1.12: SLPOUT to the next command
_16_BITS = const(0x55)
_BACKLIGHT_HZ = const(1_000)


class Lcd:
    """One panel; `width` and `height` are those of the picture under `madctl`."""

    def __init__(
        self,
        spi: object,
        cs: object,
        dc: object,
        backlight: object,
        width: int,
        height: int,
        madctl: int,
        inverted: bool,
    ) -> None:
        self.spi = spi
        self.cs = cs
        self.dc = dc
        self._backlight = backlight
        self.width = width
        self.height = height
        self._madctl = madctl
        self._inverted = inverted
        self._command = bytearray(1)
        self._one = bytearray(1)
        self._four = bytearray(4)
        backlight.freq(_BACKLIGHT_HZ)
        backlight.duty_u16(0)

    def start(self) -> None:
        """Wake the controller; takes 125 ms. The frame memory holds noise and nothing shows until `show`."""
        self._write(_SWRESET, None)
        time.sleep_ms(_RESET_MS)
        self._write(_SLPOUT, None)
        time.sleep_ms(_SLEEP_OUT_MS)
        self._one[0] = _16_BITS
        self._write(_COLMOD, self._one)
        self._one[0] = self._madctl
        self._write(_MADCTL, self._one)
        self._write(_INVOFF + self._inverted, None)

    def show(self) -> None:
        """Let the panel show its frame memory."""
        self._write(_DISPON, None)

    def backlight(self, percent: int) -> None:
        """Set the backlight, 0 to 100 %."""
        self._backlight.duty_u16(65535 * percent // 100)

    def blit(self, x: int, y: int, width: int, height: int, pixels: "bytes | bytearray | memoryview") -> None:
        """Write `width * height` pixels, 2 bytes each, row by row into the region at (x, y)."""
        self._range(_CASET, x, x + width - 1)
        self._range(_RASET, y, y + height - 1)
        self._write(_RAMWR, pixels)

    def _range(self, command: int, first: int, last: int) -> None:
        four = self._four
        four[0] = first >> 8
        four[1] = first & 0xFF
        four[2] = last >> 8
        four[3] = last & 0xFF
        self._write(command, four)

    def _write(self, command: int, data: "bytes | bytearray | memoryview | None") -> None:
        self._command[0] = command
        self.dc(0)
        self.cs(0)
        self.spi.write(self._command)
        if data is not None:
            self.dc(1)
            self.spi.write(data)
        self.cs(1)
