"""Touch controller FT6336U on I2C (datasheet version 1.0): what touches the glass now. Nothing allocates after `start`.

INT falls with each report of the chip; its handler only sets a flag. A finger that is gone shows as no point at all:
not every panel of this kind tells a lift.
"""

from micropython import const

_TD_STATUS = const(0x02)
_CTRL = const(0x86)
_G_MODE = const(0xA4)
_CIPHER_HIGH = const(0xA3)
_FT6X36 = const(0x64)
_TRIGGER = const(1)
_STAY_ACTIVE = const(0)  # the monitor mode would answer a first touch up to 40 ms late
_POINT_BYTES = const(6)


class Touch:
    """One panel; `height` is the picture's, which lies across the portrait glass, connector on the left."""

    def __init__(self, i2c: object, address: int, interrupt: object, falling: int, flag: object, height: int) -> None:
        self.i2c = i2c
        self.address = address
        self._interrupt = interrupt
        self._falling = falling
        self._height = height
        self._report = bytearray(1 + 2 * _POINT_BYTES)
        self._one = bytearray(1)
        self.reported = flag  # a ThreadSafeFlag: set when there is something to read
        self.started = False
        self.points = 0  # of the last `read`: how many, and the first one's place and area
        self.x = 0
        self.y = 0
        self.area = 0

    def start(self) -> None:
        """Set the mode, 300 ms after power-on at the earliest; OSError when the chip is missing or another one."""
        self.i2c.readfrom_mem_into(self.address, _CIPHER_HIGH, self._one)
        if self._one[0] != _FT6X36:
            raise OSError("not an FT6336")
        self._write(_G_MODE, _TRIGGER)
        self._write(_CTRL, _STAY_ACTIVE)
        # Hard IRQ: no allocation.
        self._interrupt.irq(self._on_report, self._falling, hard=True)
        self.started = True

    def read(self) -> None:
        """Take the chip's report into `points`, `x`, `y` and `area`; OSError when the chip does not answer."""
        report = self._report
        self.i2c.readfrom_mem_into(self.address, _TD_STATUS, report)
        points = report[0] & 0x0F
        self.points = points if points <= 2 else 0  # 15 while the panel calibrates itself
        if not self.points:
            return
        column = (report[1] & 0x0F) << 8 | report[2]
        row = (report[3] & 0x0F) << 8 | report[4]
        self.area = report[6] >> 4
        self.x = row
        self.y = self._height - 1 - column

    def _on_report(self, pin: object) -> None:
        self.reported.set()

    def _write(self, register: int, value: int) -> None:
        self._one[0] = value
        self.i2c.writeto_mem(self.address, register, self._one)
