"""Real-time clock DS3231 on I2C (datasheet 19-5170 revision 10): UTC in whole seconds, and whether it is valid."""

from micropython import const

_SECONDS = const(0x00)
_STATUS = const(0x0F)
_OSF = const(0x80)  # oscillator stop flag: the time was lost
_12_HOURS = const(0x40)
_CENTURY = const(0x80)
_DAY_S = const(86_400)


class Rtc:
    """One clock, kept in 24-hour mode; years 2000 to 2199."""

    def __init__(self, i2c: object, address: int) -> None:
        self.i2c = i2c
        self.address = address
        self._seven = bytearray(7)
        self._one = bytearray(1)

    def utc_s(self) -> "int | None":
        """Return seconds since 1970, None when the time was lost or is no time; OSError when the chip is missing."""
        self.i2c.readfrom_mem_into(self.address, _STATUS, self._one)
        if self._one[0] & _OSF:
            return None
        r = self._seven
        self.i2c.readfrom_mem_into(self.address, _SECONDS, r)
        year = 2000 + _binary(r[6]) + (100 if r[5] & _CENTURY else 0)
        month, day, hour = _binary(r[5] & 0x1F), _binary(r[4]), _binary(r[2])
        if r[2] & _12_HOURS or not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23:
            return None
        return days_since_1970(year, month, day) * _DAY_S + hour * 3600 + _binary(r[1]) * 60 + _binary(r[0])

    def set_utc_s(self, utc_s: int) -> None:
        """Set the time and clear the stop flag; OSError when the chip is missing, ValueError outside its years."""
        days, rest = divmod(utc_s, _DAY_S)
        year, month, day = date_of(days)
        if not 2000 <= year < 2200:
            raise ValueError(f"year {year}")
        r = self._seven
        r[0] = _bcd(rest % 60)
        r[1] = _bcd(rest // 60 % 60)
        r[2] = _bcd(rest // 3600)
        r[3] = (days + 3) % 7 + 1  # 1970-01-01 was a Thursday; Monday is 1
        r[4] = _bcd(day)
        r[5] = _bcd(month) | (_CENTURY if year >= 2100 else 0)
        r[6] = _bcd(year % 100)
        self.i2c.writeto_mem(self.address, _SECONDS, r)
        self.i2c.readfrom_mem_into(self.address, _STATUS, self._one)
        self._one[0] &= ~_OSF & 0xFF
        self.i2c.writeto_mem(self.address, _STATUS, self._one)


def days_since_1970(year: int, month: int, day: int) -> int:
    """Return the day number of a date in the Gregorian calendar; a year starts in March, so February ends it."""
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719_469


def date_of(days: int) -> tuple:
    """Return (year, month, day) of a day number, the inverse of `days_since_1970`."""
    year = 1970 + days // 366
    while days_since_1970(year + 1, 1, 1) <= days:
        year += 1
    month = 1
    while month < 12 and days_since_1970(year, month + 1, 1) <= days:
        month += 1
    return year, month, days - days_since_1970(year, month, 1) + 1


def _binary(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 0x0F)


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10
