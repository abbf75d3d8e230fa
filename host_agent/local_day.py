"""Tells when the local day began; local time may jump, so it is asked anew each time."""

import time


def begin_ms(utc_ms: int) -> int:
    """Return the UTC ms of the midnight before a time."""
    local = time.localtime(utc_ms / 1000)
    start = (local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, local.tm_wday, local.tm_yday, -1)
    return int(time.mktime(start) * 1000)


def same(one_utc_ms: int, other_utc_ms: int) -> bool:
    """Say whether two times are of one local day."""
    return time.localtime(one_utc_ms / 1000)[:3] == time.localtime(other_utc_ms / 1000)[:3]


def utc_offset_min(utc_ms: int) -> int:
    """Return by how many minutes this PC's local time is ahead of UTC at a time."""
    return time.localtime(utc_ms / 1000).tm_gmtoff // 60
