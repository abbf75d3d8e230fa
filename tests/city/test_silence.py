"""When a terminal's silence is an alarm: opening time counts, nights and closed days do not."""

from datetime import datetime, timedelta, timezone

import pytest

from host_agent.receiver.silence import Hours, heard_ms, parse_hours, silent_ms

CHINA = timezone(timedelta(hours=8))
HOURS = Hours()  # Monday to Friday, 09:00-17:00, 130 minutes


def at(text: str) -> int:
    """Return UTC ms of a local "day hour:minute" in November 2026 (the 2nd is a Monday)."""
    day, _, time = text.partition(" ")
    hour, minute = time.split(":")
    return int(datetime(2026, 11, int(day), int(hour), int(minute), tzinfo=CHINA).timestamp() * 1000)


@pytest.mark.parametrize(
    ("heard", "now", "minutes"),
    [
        ("2 10:00", "2 11:30", None),
        ("2 10:00", "2 12:10", None),
        ("2 10:00", "2 12:11", 131),
        ("2 16:30", "2 23:00", None),  # half an hour of opening time
        ("2 14:00", "2 23:00", 180),  # still said at night
        ("2 16:30", "3 10:40", None),
        ("2 16:30", "3 10:41", 131),  # thirty minutes on Monday, and on Tuesday
        ("6 16:30", "9 10:40", None),  # Friday to Monday
        ("6 16:30", "9 10:41", 131),
        ("7 10:00", "8 17:00", None),  # a weekend
        ("3 12:00", "2 12:00", None),  # a clock that went back
    ],
)
def test_silence_counts_opening_time(heard, now, minutes):
    silent = silent_ms(at(now), at(heard), HOURS)
    assert (silent and silent // 60_000) == minutes


def test_silence_of_a_year_is_bounded():
    assert silent_ms(at("30 12:00"), at("1 0:00") - 365 * 86_400_000, HOURS) <= 15 * 8 * 3_600_000


def test_silence_round_the_clock_does_not_begin_anew_at_midnight():
    always = Hours(0, 24 * 60, (1, 2, 3, 4, 5, 6, 7))
    assert silent_ms(at("3 0:30"), at("2 22:00"), always) == 150 * 60_000


def test_heard_event_of_the_future_counts_from_its_arrival():
    assert heard_ms(2000, 1000) == 1000
    assert heard_ms(500, 1000) == 500
    assert heard_ms(None, 1000) == 1000


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("09:00-17:00", (540, 1020)),
        ("00:00-24:00", (0, 1440)),
        ("17:00-09:00", None),
        ("9-17", None),
        ("09:60-17:00", None),
        ("09:00-24:01", None),
        ("", None),
    ],
)
def test_hours_are_read_or_refused(text, minutes):
    assert parse_hours(text) == minutes
