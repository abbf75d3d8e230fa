"""The chip's `time` module (RP2 port): ticks wrap at 2**30, the epoch is 1970, there is no time zone."""

import _bus
import utime
from micropython import const

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_BOOT_TIME = const(1609459200)  # the port starts its clock at 2021-01-01

_offset_s = _BOOT_TIME


def ticks_ms() -> int:
    """Return a ms counter in 0 .. 2**30 - 1."""
    return (_bus.uptime_us() // 1000) & _MASK


def ticks_us() -> int:
    """Return a µs counter in 0 .. 2**30 - 1."""
    return _bus.uptime_us() & _MASK


def ticks_cpu() -> int:
    """Return the highest-resolution counter there is."""
    return _bus.uptime_us() & _MASK


def ticks_add(ticks: int, delta: int) -> int:
    """Return `ticks` moved by `delta`. Raises OverflowError when delta is half the period or more."""
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def ticks_diff(end: int, start: int) -> int:
    """Return end - start as a signed number of half the period at most."""
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep_us(us: int) -> None:
    """Wait `us` µs without serving events."""
    if us <= 0:
        return
    if _bus.virtual:
        _bus.spend(us)
        _bus.now()
    else:
        utime.sleep_us(us)


def sleep_ms(ms: int) -> None:
    """Wait `ms` ms; interrupts are served meanwhile."""
    if ms <= 0:
        return
    until = _bus.now() + ms * 1000
    while _bus.now() < until:
        _bus.wait(until)


def sleep(seconds) -> None:
    """Wait a number of seconds, which may be a fraction."""
    sleep_ms(int(seconds * 1000))


def time() -> int:
    """Return the seconds since 1970 by the chip's own clock, which starts in 2021."""
    return _offset_s + (_bus.now() - _bus._boot_us) // 1000000


def time_ns() -> int:
    """Return the ns since 1970 by the chip's own clock."""
    return _offset_s * 1000000000 + (_bus.now() - _bus._boot_us) * 1000


def set_time(seconds: int) -> None:
    """Set the chip's own clock (used by machine.RTC)."""
    global _offset_s
    _offset_s = seconds - (_bus.now() - _bus._boot_us) // 1000000


def gmtime(seconds=None) -> tuple:
    """Return (year, month, day, hour, minute, second, weekday, yearday)."""
    return utime.gmtime(time() if seconds is None else seconds)[:8]


localtime = gmtime


def mktime(local: tuple) -> int:
    """Return the seconds since 1970 of a tuple as `gmtime` returns it."""
    year, month, day = local[0], local[1], local[2]
    if month < 3:
        year -= 1
        month += 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
    return days * 86400 + local[3] * 3600 + local[4] * 60 + local[5]
