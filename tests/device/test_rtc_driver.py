"""drivers/rtc_ds3231 against the chip model, and its calendar against the host's."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.device.bench import printed, terminal


def utc_s(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())


def test_time_is_none_until_set_and_then_runs(tmp_path):
    lines = printed(
        tmp_path,
        f"""
rtc = hw.rtc
print(rtc.utc_s())
for seconds in {[utc_s(2026, 2, 28, 23, 59, 59), utc_s(2028, 2, 29, 12, 0, 0), utc_s(2099, 12, 31, 23, 59, 58)]}:
    rtc.set_utc_s(seconds)
    print(rtc.utc_s() - seconds)
    time.sleep_ms(2000)
    print(rtc.utc_s() - seconds)
""",
        ms=10_000,
        rtc="lost",
    )
    assert lines == ["None"] + ["0", "2"] * 3


def test_time_survives_a_power_cut_and_is_none_after_the_cell_failed(tmp_path):
    main = f"""
rtc = hw.rtc
print(rtc.utc_s())
if machine.reset_cause() == machine.PWRON_RESET and rtc.utc_s() is None:
    rtc.set_utc_s({utc_s(2027, 1, 1)})
"""
    with terminal(tmp_path, main, rtc="lost") as running:
        running.run_for(500)
        running.power_off()
        running.run_for(3_600_000)
        running.power_on()
        running.run_for(500)
        running.power_off()
        running.wiring.rtc.battery_failed(running.now_us)
        running.power_on()
        running.run_for(500)
        lines = running.console().splitlines()
    assert lines[0] == "None" and lines[2] == "None"
    assert 3_600 <= int(lines[1]) - utc_s(2027, 1, 1) <= 3_601


def test_missing_chip_is_an_oserror(tmp_path):
    lines = printed(
        tmp_path,
        """
for call in (hw.rtc.utc_s, lambda: hw.rtc.set_utc_s(1_800_000_000)):
    try:
        call()
    except OSError:
        print("missing")
""",
        rtc="missing",
    )
    assert lines == ["missing", "missing"]


def test_year_outside_the_chips_calendar_is_refused(tmp_path):
    lines = printed(
        tmp_path,
        """
for seconds in (0, 7_258_118_400):
    try:
        hw.rtc.set_utc_s(seconds)
    except ValueError as error:
        print(error)
""",
    )
    assert lines == ["year 1970", "year 2200"]


def test_calendar_agrees_with_the_hosts_over_two_centuries(tmp_path):
    days = [*range(10_957, 84_006, 1_461), *range(11_015, 84_006, 1_461), 47_540, 47_541]  # leap days; 2100 has none
    lines = printed(
        tmp_path,
        f"""
from drivers.rtc_ds3231 import date_of, days_since_1970
for days in {days}:
    date = date_of(days)
    print(days_since_1970(*date) == days, *date)
""",
    )
    dates = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days]
    assert lines == [f"True {date.year} {date.month} {date.day}" for date in dates]


@pytest.mark.parametrize(
    ("register", "value"),
    [(0x05, 0x00), (0x05, 0x13), (0x04, 0x00), (0x04, 0x32), (0x02, 0x24), (0x02, 0x52)],
    ids=["month 0", "month 13", "day 0", "day 32", "hour 24", "12-hour mode"],
)
def test_clock_that_tells_no_time_is_taken_for_unset(tmp_path, register: int, value: int):
    with terminal(tmp_path, "while True:\n    print(hw.rtc.utc_s())\n    time.sleep_ms(100)\n") as running:
        running.run_for(150)
        before = running.console().splitlines()
        running.wiring.rtc.wrong[register] = value
        running.run_for(200)
        assert before and "None" not in before and running.console().splitlines()[-1] == "None"
