"""drivers/touch_ft6336 against the chip model through I2C, and the model against its datasheet."""

import textwrap

import pytest

from simulator.chips.ft6336 import ADDRESS, FT6336, G_MODE, P1_XH, POLLING, POWER_ON_US, TD_STATUS, Point
from simulator.clock import Clock
from tests.device.bench import terminal

INTERRUPT = 1  # a pin that board k5 leaves free while its link is on USB
MAIN = f"""
from asyncio import ThreadSafeFlag
from machine import I2C, Pin
from drivers.touch_ft6336 import Touch
bus = I2C(1, freq=400_000, scl=Pin(27), sda=Pin(26))
flag = ThreadSafeFlag()
touch = Touch(bus, {ADDRESS}, Pin({INTERRUPT}, Pin.IN, Pin.PULL_UP), Pin.IRQ_FALLING, flag, 320)
time.sleep_ms(400)
"""
LISTEN = """
touch.start()
async def listen():
    while True:
        await flag.wait()
        touch.read()
        print(touch.points, touch.x, touch.y, touch.area)
asyncio.run(listen())
"""


class Glass:
    """A terminal with a panel at its I2C bus, not yet powered."""

    def __init__(self, tmp_path, main: str) -> None:
        self.running = terminal(tmp_path, MAIN + textwrap.dedent(main))
        self.running.start(power=False)
        soc = self.running.engine.soc
        self.panel = FT6336(soc.clock, lambda level, t_us: soc.gpio.drive(INTERRUPT, level, t_us))
        soc.i2c[1][ADDRESS] = self.panel
        self.panel.power_on(self.running.now_us)
        self.running.power_on()
        self.running.run_for(1_000)

    def lines(self) -> list[str]:
        assert self.running.violations == [] and self.panel.violations == [], self.running.console()
        return self.running.console().splitlines()


@pytest.fixture
def glass(tmp_path):
    made = []

    def make(main: str) -> Glass:
        made.append(Glass(tmp_path, main))
        return made[-1]

    yield make
    for one in made:
        one.running.close()


def test_tap_is_told_from_press_to_lift_in_the_pictures_coordinates(glass):
    shown = glass(LISTEN)
    shown.panel.touch(Point(10, 450, area=3))
    shown.running.run_for(25)
    shown.panel.release()
    shown.running.run_for(100)
    lines = shown.lines()
    assert lines[:-1] == ["1 450 309 3"] * 3 and lines[-1].startswith("0 ")


def test_corners_of_the_glass_are_the_corners_of_the_picture(glass):
    shown = glass(LISTEN)
    for x, y in ((0, 0), (319, 0), (0, 479), (319, 479)):
        shown.panel.touch(Point(x, y))
        shown.running.run_for(5)
        shown.panel.release()
        shown.running.run_for(5)
    told = [line.split()[1:3] for line in shown.lines() if line.startswith("1")]
    assert told == [["0", "319"], ["0", "0"], ["479", "319"], ["479", "0"]]


def test_two_fingers_are_two_points_and_a_third_is_not_told(glass):
    shown = glass(LISTEN)
    shown.panel.touch(Point(5, 5), Point(300, 400), Point(100, 100))
    shown.running.run_for(5)
    assert shown.lines() == ["2 5 314 2"]


def test_missing_and_foreign_chips_are_an_oserror(glass):
    shown = glass(
        """
        print("started")
        for _ in range(2):
            try:
                touch.start()
                print("taken")
            except OSError:
                print("refused")
            time.sleep_ms(2000)
        """
    )
    shown.running.run_for(500)
    shown.panel.power_off(shown.running.now_us)
    shown.running.run_for(3_000)
    assert shown.lines() == ["started", "taken", "refused"]


def test_reading_allocates_no_more_than_the_bus_itself(glass):
    shown = glass(
        f"""
        touch.start()
        time.sleep_ms(2000)
        buffer = bytearray(13)
        print(touch.points, spent(touch.read) - spent(bus.readfrom_mem_into, {ADDRESS}, 2, buffer), touch.points)
        """
    )
    shown.panel.touch(Point(7, 9))
    shown.running.run_for(3_000)
    assert shown.lines() == ["0 0 1"]


class Chip:
    """The model alone, with the levels of INT written down."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.levels: list[tuple[int, int]] = []
        self.panel = FT6336(self.clock, lambda level, t_us: self.levels.append((level, t_us)))

    def pass_time(self, us: int) -> None:
        end_us = self.clock.now_us + us
        while self.clock.run_next(end_us):
            pass
        self.clock.advance(end_us)

    def registers(self, first: int, count: int) -> bytes:
        self.panel.write(bytes([first]), self.clock.now_us)
        return self.panel.read(count, self.clock.now_us)


def test_report_has_the_datasheets_layout():
    chip = Chip()
    chip.panel.touch(Point(0x123, 0x1D4, weight=77, area=5), Point(1, 2))
    assert chip.registers(TD_STATUS, 13) == bytes.fromhex("02 0123 01d4 4d50 0001 1002 5020")
    chip.pass_time(10_000)
    assert chip.registers(P1_XH, 1) == b"\x81"  # contact
    chip.panel.release()
    assert chip.registers(TD_STATUS, 7) == bytes.fromhex("00 cfff ffff 0000")


def test_int_pulses_each_report_or_stays_low_while_touched():
    chip = Chip()
    chip.panel.touch(Point(1, 1))
    chip.pass_time(25_000)
    assert [level for level, _ in chip.levels[1:]] == [0, 1] * 3
    chip.panel.write(bytes([G_MODE, POLLING]), chip.clock.now_us)
    chip.levels.clear()
    chip.pass_time(25_000)
    chip.panel.release()
    assert {level for level, _ in chip.levels[:-1]} == {0} and chip.levels[-1][0] == 1


def test_panel_that_is_asked_too_early_or_written_wrongly_tells():
    chip = Chip()
    chip.panel.power_on(chip.clock.now_us)
    assert chip.registers(0xA8, 1) == b"\xff" and "before it answers" in chip.panel.violations[0]
    chip.pass_time(POWER_ON_US)
    chip.panel.violations.clear()
    chip.panel.write(bytes([TD_STATUS, 1]), chip.clock.now_us)
    assert "read-only" in chip.panel.violations[0] and chip.registers(0xA8, 1) == b"\x11"


def test_broken_int_and_fingers_before_the_start():
    chip = Chip()
    chip.panel.int_broken = True
    chip.panel.touch(Point(1, 1))
    chip.pass_time(15_000)
    assert {level for level, _ in chip.levels} == {1} and chip.registers(TD_STATUS, 1) == b"\x01"
    chip.panel.int_broken = False
    chip.panel.power_on(chip.clock.now_us)
    chip.levels.clear()
    chip.panel.touch(Point(1, 1))
    chip.pass_time(POWER_ON_US + 1)
    assert chip.levels[0][0] == 0 and chip.levels[0][1] >= POWER_ON_US
    with pytest.raises(ValueError, match="outside the glass"):
        chip.panel.touch(Point(320, 0))
