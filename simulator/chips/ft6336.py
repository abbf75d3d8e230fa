"""FocalTech FT6336U, controller of a capacitive touch panel, datasheet version 1.0 (2016), I2C address 38h.

Modelled: two touch points with event flag, id, weight and area, TD_STATUS, INT in polling mode (low while touched) and
in trigger mode (a pulse each report), the report period, the time after power-on in which it does not answer, chip and
vendor ids, the registers that are written. Faults a panel really has: no answer, a ghost touch, INT that never falls,
another family of chips. Not modelled: gestures, the monitor mode's slower period, hibernation, firmware upload, noise
of position; a lift is told by TD_STATUS alone, as many modules do.
"""

from collections.abc import Callable
from typing import NamedTuple

from simulator.clock import Clock

ADDRESS = 0x38
TD_STATUS, P1_XH, P2_XH = 0x02, 0x03, 0x09
TH_GROUP, CTRL, PERIOD_ACTIVE = 0x80, 0x86, 0x88
CIPHER_MID, CIPHER_LOW, CIPHER_HIGH, G_MODE, FOCALTECH_ID = 0x9F, 0xA0, 0xA3, 0xA4, 0xA8
POLLING, TRIGGER = 0, 1
PRESS_DOWN, CONTACT, NO_EVENT = 0, 2, 3
POWER_ON_US = 300_000
REPORT_US = 10_000
PULSE_US = 1_000
REGISTERS = 0x100
_WRITABLE = frozenset((0x00, TH_GROUP, 0x85, CTRL, 0x87, PERIOD_ACTIVE, 0x89, G_MODE))
_DEFAULTS = {
    TH_GROUP: 40,
    CTRL: 1,
    PERIOD_ACTIVE: 10,
    CIPHER_MID: 0x26,
    CIPHER_LOW: 0x02,
    CIPHER_HIGH: 0x64,
    G_MODE: TRIGGER,
    FOCALTECH_ID: 0x11,
}


class Point(NamedTuple):
    """One finger: position in panel pixels, weight 0 to 255, area 0 to 15 as the chip rates them."""

    x: int
    y: int
    weight: int = 80
    area: int = 2


class FT6336:
    """One panel of `width` × `height` pixels, portrait; `set_int(level, t_us)` drives INT."""

    def __init__(self, clock: Clock, set_int: Callable[[int, int], None], width: int = 320, height: int = 480) -> None:
        self.width, self.height = width, height
        self.violations: list[str] = []
        self.int_broken = False
        self.family = _DEFAULTS[CIPHER_HIGH]
        self._clock = clock
        self._set_int = set_int
        self._points: list[Point] = []
        self._fresh = False
        self._pointer = 0
        self._reports = 0
        self._powered = False
        self.power_on(-POWER_ON_US)

    # -- power

    def power_on(self, t_us: int) -> None:
        """Apply power: registers as at reset, INT high."""
        self._registers = bytearray(REGISTERS)
        for register, value in _DEFAULTS.items():
            self._registers[register] = value
        self._registers[CIPHER_HIGH] = self.family
        self._powered = True
        self._ready_us = t_us + POWER_ON_US
        self._reports += 1
        self._drive(1, max(t_us, 0))

    def power_off(self, t_us: int) -> None:
        """Cut power: the panel neither answers nor reports."""
        self._powered = False
        self._reports += 1
        self._drive(1, t_us)

    # -- fingers

    def touch(self, *points: Point) -> None:
        """Put fingers on the glass, or move them; at most two are reported. None lifts all."""
        began = not self._points and bool(points)
        self._points = list(points)
        for point in points:
            if not (0 <= point.x < self.width and 0 <= point.y < self.height):
                raise ValueError(f"{point} is outside the glass")
        self._fresh = began
        self._reports += 1
        self._report(self._reports)

    def release(self) -> None:
        """Lift all fingers."""
        self.touch()

    def _report(self, reports: int) -> None:
        """Lay a report into the registers and tell it at INT; go on while a finger is there."""
        now_us = self._clock.now_us
        if reports != self._reports or not self._powered:
            return
        if now_us < self._ready_us:
            self._clock.at(self._ready_us, lambda: self._report(reports))
            return
        self._fill()
        if self._registers[G_MODE] == TRIGGER:
            self._drive(0, now_us)
            self._clock.at(now_us + PULSE_US, lambda: self._drive(1, self._clock.now_us))
        else:
            self._drive(0 if self._points else 1, now_us)
        if self._points:
            self._fresh = False
            self._clock.at(now_us + REPORT_US, lambda: self._report(reports))

    def _fill(self) -> None:
        shown = self._points[:2]
        self._registers[TD_STATUS] = len(shown)
        for index, base in enumerate((P1_XH, P2_XH)):
            if index < len(shown):
                point = shown[index]
                event = PRESS_DOWN if self._fresh else CONTACT
                row = (event << 6 | point.x >> 8, point.x & 0xFF, index << 4 | point.y >> 8, point.y & 0xFF)
                self._registers[base : base + 6] = bytes((*row, point.weight, point.area << 4))
            else:
                self._registers[base : base + 6] = bytes((NO_EVENT << 6 | 0x0F, 0xFF, 0xFF, 0xFF, 0, 0))

    def _drive(self, level: int, t_us: int) -> None:
        self._set_int(1 if self.int_broken else level, t_us)

    # -- bus

    def write(self, data: bytes, t_us: int) -> None:
        """Take a write: the register pointer, then register values."""
        if not self._awake(t_us) or not data:
            return
        self._pointer = data[0]
        for byte in data[1:]:
            if self._pointer in _WRITABLE:
                self._registers[self._pointer] = byte
            else:
                self.violations.append(f"register {self._pointer:#04x} is read-only")
            self._pointer = (self._pointer + 1) % REGISTERS

    def read(self, n: int, t_us: int) -> bytes:
        """Return `n` registers from the pointer on."""
        if not self._awake(t_us):
            return b"\xff" * n
        first, self._pointer = self._pointer, (self._pointer + n) % REGISTERS
        return bytes(self._registers[(first + i) % REGISTERS] for i in range(n))

    def _awake(self, t_us: int) -> bool:
        if self._powered and t_us < self._ready_us:
            self.violations.append(f"asked {self._ready_us - t_us} µs before it answers")
        return self._powered and t_us >= self._ready_us
