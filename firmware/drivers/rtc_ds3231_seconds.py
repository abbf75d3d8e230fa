"""The bare seconds of a DS3231: they also tell whether its oscillator runs while the time is not valid."""

from micropython import const

_SECONDS = const(0x00)


def seconds(rtc: object) -> int:
    """Return 0 to 59; OSError when the chip is missing, 165 where nothing drives the bus."""
    bcd = rtc.i2c.readfrom_mem(rtc.address, _SECONDS, 1)[0]
    return (bcd >> 4) * 10 + (bcd & 0x0F)
