"""Decide when a terminal's silence is an alarm: it seals a mark each hour, so no news in opening hours means that
events are held back, or that it is off. Pure.

What counts is the time sealed inside the newest event, not when something came: old events let through one by one do
not hide that the newest are withheld.
"""

import re

import attrs

MINUTE_MS = 60_000
DAY_MS = 86_400_000
LOOK_BACK_DAYS = 14
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0


@attrs.frozen
class Hours:
    """Opening hours of the halls: minutes of the local day, and weekdays 1 (Monday) to 7."""

    opens_min: int = 9 * 60
    closes_min: int = 17 * 60
    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    utc_offset_min: int = 8 * 60
    limit_ms: int = 130 * MINUTE_MS  # two marks missed, and a little


def parse_hours(text: str) -> tuple[int, int] | None:
    """Return the minutes of "09:00-17:00", or None for what is no span of a day."""
    found = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", text)
    if not found:
        return None
    h1, m1, h2, m2 = (int(part) for part in found.groups())
    opens, closes = h1 * 60 + m1, h2 * 60 + m2
    return (opens, closes) if m1 < 60 and m2 < 60 and opens < closes <= 24 * 60 else None


def silent_ms(now_ms: int, heard_ms: int, hours: Hours) -> int | None:
    """Return how much opening time has passed since something was heard when that is too much, else None.

    Nights and closed days do not count, and do not begin the count anew. At most the last LOOK_BACK_DAYS are counted.
    """
    offset_ms = hours.utc_offset_min * MINUTE_MS
    now, heard = now_ms + offset_ms, heard_ms + offset_ms
    today = now // DAY_MS
    passed = 0
    for day in range(max(heard // DAY_MS, today - LOOK_BACK_DAYS), today + 1):
        if (day + _EPOCH_WEEKDAY) % 7 + 1 not in hours.days:
            continue
        opened = max(heard, day * DAY_MS + hours.opens_min * MINUTE_MS)
        closed = min(now, day * DAY_MS + hours.closes_min * MINUTE_MS)
        passed += max(0, closed - opened)
    return passed if passed > hours.limit_ms else None


def heard_ms(newest_utc_ms: int | None, received_ms: int) -> int:
    """Return when the newest event was sealed, or came if it has no time or one of the future."""
    return received_ms if newest_utc_ms is None else min(newest_utc_ms, received_ms)
