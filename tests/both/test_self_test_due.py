"""When the daily self-test is due: at the hall's time of day, whatever the clock does."""

from app.policy import Policy
from self_test.due import DAY_MS, next_ms

HOUR_MS = 3_600_000
MIDNIGHT_UTC_MS = 1_767_225_600_000  # 08:00 in Shanghai


class Clock:
    def __init__(self, now_ms, utc_ms):
        self.now, self.utc = now_ms, utc_ms

    def now_ms(self):
        return self.now

    def utc_ms(self):
        return self.utc


def due_in_ms(utc_ms, **policy):
    values = Policy()
    assert values.change(policy) == 0
    return next_ms(values, Clock(5_000, utc_ms)) - 5_000


def test_due_is_the_next_half_past_seven_of_the_local_day():
    assert due_in_ms(MIDNIGHT_UTC_MS) == 23 * HOUR_MS + HOUR_MS // 2
    assert due_in_ms(MIDNIGHT_UTC_MS - HOUR_MS) == HOUR_MS // 2
    assert due_in_ms(MIDNIGHT_UTC_MS, self_test_min=481) == 60_000


def test_due_at_its_very_minute_is_a_day_later():
    assert due_in_ms(MIDNIGHT_UTC_MS, self_test_min=480) == DAY_MS


def test_due_follows_the_halls_own_offset():
    assert due_in_ms(MIDNIGHT_UTC_MS, utc_offset_min=0, self_test_min=60) == HOUR_MS
    assert due_in_ms(MIDNIGHT_UTC_MS, utc_offset_min=-60, self_test_min=0) == HOUR_MS


def test_due_without_a_time_of_day_is_a_day_from_now_and_never_when_switched_off():
    assert due_in_ms(None) == DAY_MS
    assert due_in_ms(MIDNIGHT_UTC_MS, self_test_min=-1) > 900 * DAY_MS
