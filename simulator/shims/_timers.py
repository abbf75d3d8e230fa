"""machine.PWM, machine.WDT and machine.RTC as the RP2 port has them."""

import struct
import time

import _bus
import _pins
from micropython import const

_PWM = const(0x28)
_WDT_START = const(0x29)
_WDT_FEED = const(0x2A)
_WDT_MAX_MS = const(8388)  # the RP2040's limit; the RP2350 allows 16777


class PWM:
    """A PWM output."""

    def __init__(self, pin, freq=-1, *, duty_u16=-1, duty_ns=-1, invert=-1) -> None:
        self._pin = _pins._find(pin)
        self._freq = 0
        self._duty = 0
        self._ns = -1
        self._invert = 0
        self._on = False
        self.init(freq, duty_u16=duty_u16, duty_ns=duty_ns, invert=invert)

    def init(self, freq=-1, *, duty_u16=-1, duty_ns=-1, invert=-1) -> None:
        """Change some settings; the output runs once it has a frequency and a duty."""
        if freq != -1:
            self._set_freq(freq)
        if duty_u16 != -1:
            self._duty, self._ns, self._on = duty_u16, -1, True
        if duty_ns != -1:
            self._ns, self._on = duty_ns, True
        if invert != -1:
            self._invert = 1 if invert else 0
        self._tell()

    def _set_freq(self, freq: int) -> None:
        if freq < 8:
            raise ValueError("freq too small")
        if freq > 62_500_000:
            raise ValueError("freq too large")
        self._freq = freq

    def _tell(self) -> None:
        if self._ns >= 0 and self._freq:
            self._duty = min(65535, self._ns * self._freq * 65535 // 1_000_000_000)
        running = self._on and self._freq > 0
        duty = 65535 - self._duty if self._invert else self._duty
        _bus.post(_PWM, self._pin, 1 if running else 0, struct.pack("<IH", self._freq, duty))

    def freq(self, value=None):
        """Return the frequency in Hz, or set it."""
        if value is None:
            return self._freq
        self._set_freq(value)
        self._tell()

    def duty_u16(self, value=None):
        """Return the duty in 0 .. 65535, or set it."""
        if value is None:
            return self._duty
        self._duty, self._ns, self._on = value, -1, True
        self._tell()

    def duty_ns(self, value=None):
        """Return the high time in ns, or set it."""
        if value is None:
            return self._duty * 1_000_000_000 // (65535 * self._freq) if self._freq else 0
        self._ns, self._on = value, True
        self._tell()

    def deinit(self) -> None:
        """Stop the output."""
        self._on = False
        self._tell()


class WDT:
    """The watchdog: once started it bites unless fed in time."""

    _fed_us = -1

    def __init__(self, id=0, timeout=5000) -> None:
        if id != 0:
            raise ValueError("WDT(%d) doesn't exist" % id)
        if timeout > _WDT_MAX_MS:
            raise ValueError("timeout exceeds %d" % _WDT_MAX_MS)
        _bus.post(_WDT_START, 0, 0, timeout.to_bytes(4, "little"))

    def feed(self) -> None:
        """Start the time-out again."""
        if _bus.virtual:
            # Told with the next access: a feed alone must not cost a virtual day its shortcuts.
            WDT._fed_us = _bus.now()
        else:
            _bus.post(_WDT_FEED)


def _tell_feed() -> None:
    fed = WDT._fed_us
    if fed >= 0:
        WDT._fed_us = -1
        _bus.send_late(_WDT_FEED, fed)


_bus.before_send = _tell_feed


class RTC:
    """The chip's own calendar, which starts at 2021-01-01 with the chip."""

    def __init__(self, id=0) -> None:
        if id != 0:
            raise ValueError("RTC(%d) doesn't exist" % id)

    def datetime(self, datetimetuple=None):
        """Return (year, month, day, weekday, hours, minutes, seconds, subseconds), or set it."""
        if datetimetuple is None:
            t = time.gmtime()
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)
        year, month, day, _, hours, minutes, seconds, _ = datetimetuple
        time.set_time(time.mktime((year, month, day, hours, minutes, seconds, 0, 0)))
