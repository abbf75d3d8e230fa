"""The models of the DS3231, the 74HC595 and the buzzer against their datasheets."""

from datetime import UTC, datetime

from simulator.chips.buzzer import Buzzer
from simulator.chips.ds3231 import DS3231, OSF
from simulator.chips.hc595 import HC595

UTC_US = int(datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC).timestamp()) * 1_000_000


def registers(rtc: DS3231, t_us: int, first: int = 0, count: int = 7) -> bytes:
    rtc.write(bytes([first]), t_us)
    return rtc.read(count, t_us)


def test_time_reads_as_bcd_and_rolls_over_the_year() -> None:
    rtc = DS3231(UTC_US)
    assert registers(rtc, 0) == bytes.fromhex("58592304311226")
    assert registers(rtc, 2_000_000) == bytes.fromhex("00000005010127")


def test_written_time_runs_on_and_reads_back_in_12_hour_mode() -> None:
    rtc = DS3231(UTC_US)
    rtc.write(bytes.fromhex("00000071040302" + "28"), 1_000_000)  # pointer 0, 00:00, 11 PM in 12-hour mode, 2028-02-03
    assert registers(rtc, 1_500_000) == bytes.fromhex("00007104030228")
    assert rtc.utc_us(2_000_000) == int(datetime(2028, 2, 3, 23, 0, 1, tzinfo=UTC).timestamp()) * 1_000_000


def test_first_power_has_oscillator_stop_flag_which_software_can_only_clear() -> None:
    rtc = DS3231()
    assert registers(rtc, 0, 0x0F, 1)[0] & OSF
    rtc.write(b"\x0f\x08", 0)
    assert not rtc.stopped
    rtc.write(b"\x0f\x88", 0)
    assert not rtc.stopped


def test_cell_keeps_time_while_power_is_off_and_bus_is_silent() -> None:
    rtc = DS3231(UTC_US)
    rtc.power_off(1_000_000)
    assert rtc.read(1, 1_000_000) == b"\xff"
    rtc.power_on(3_601_000_000)
    assert registers(rtc, 3_601_000_000)[2] == 0x00 and registers(rtc, 3_601_000_000)[1] == 0x59
    rtc.battery_failed(3_601_000_000)
    assert rtc.stopped


def test_state_is_restored_with_the_time_that_passed() -> None:
    rtc = DS3231(UTC_US)
    other = DS3231()
    other.restore(rtc.state(5_000_000), t_us=0, elapsed_us=60_000_000)
    assert other.utc_us(0) == UTC_US + 65_000_000 and not other.stopped


def test_drift_adds_up() -> None:
    rtc = DS3231(UTC_US, drift_ppm=2.0)
    assert rtc.utc_us(1_000_000_000_000) - UTC_US == 1_000_002_000_000


def test_nonsense_date_is_a_violation_and_changes_nothing() -> None:
    rtc = DS3231(UTC_US)
    rtc.write(bytes.fromhex("0000000001310226"), 0)
    assert "not a date" in rtc.violations[0] and rtc.utc_us(0) == UTC_US


def test_shift_register_shows_the_last_byte_at_the_latch_edge() -> None:
    lamps = HC595()
    lamps.transfer(b"\x01\x02\x15", 0)
    assert lamps.outputs == 0
    lamps.set_pin("latch", 1, 5)
    assert lamps.outputs == 0x15
    lamps.transfer(b"\xff", 6)
    lamps.set_pin("latch", 1, 7)
    assert lamps.outputs == 0x15


def test_buzzer_lists_tones_and_silences_once() -> None:
    buzzer = Buzzer()
    buzzer.pwm(2000, 0, 0)
    buzzer.pwm(2000, 32768, 10)
    buzzer.pwm(2000, 20000, 20)
    buzzer.pwm(2000, 0, 30)
    assert buzzer.tones == [(10, 2000), (30, 0)]
