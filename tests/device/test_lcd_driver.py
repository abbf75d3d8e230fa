"""drivers/lcd_st7789, lamps_hc595 and buzzer_pwm against their chip models."""

from tests.device.bench import printed, terminal

DRAW = """
lcd = hw.lcd
lcd.start()
row = bytearray(2 * 320)
for y in range(240):
    for x in range(320):
        row[2 * x], row[2 * x + 1] = y, x & 255
    lcd.blit(0, y, 320, 1, row)
"""


def pixel(view: bytes, x: int, y: int) -> tuple[int, int]:
    at = 2 * (320 * y + x)
    return view[at], view[at + 1]


def test_nothing_shows_until_show_and_then_the_picture_is_upright(tmp_path):
    with terminal(tmp_path, DRAW + "lcd.show()\nlcd.blit(100, 50, 2, 2, b'abcdefgh')\n") as running:
        lcd = running.wiring.lcd
        assert running.run_until(lambda: lcd.awake, 1_000)
        assert not lcd.visible()
        assert running.run_until(lcd.visible, 5_000)
        running.run_for(10)
        view = lcd.view()
        for x, y in ((0, 0), (319, 0), (0, 239), (319, 239), (200, 100)):
            assert pixel(view, x, y) == (y, x & 255)
        assert (pixel(view, 100, 50), pixel(view, 101, 51)) == ((97, 98), (103, 104))
        assert running.violations == []


def test_start_waits_as_the_datasheet_says(tmp_path):
    lines = printed(
        tmp_path,
        """
before = time.ticks_ms()
hw.lcd.start()
print(125 <= time.ticks_diff(time.ticks_ms(), before) <= 130)
""",
    )
    assert lines == ["True"]


def test_backlight_is_off_at_first_and_follows(tmp_path):
    with terminal(tmp_path, "time.sleep_ms(100)\nhw.lcd.backlight(40)\n") as running:
        running.run_for(100)
        assert running.wiring.backlight.level == 0
        running.run_for(200)
        assert abs(running.wiring.backlight.level - 0.4) < 0.001


def test_drawing_allocates_nothing(tmp_path):
    lines = printed(
        tmp_path,
        """
hw.lcd.start()
strip = bytearray(2 * 320 * 8)
print(spent(hw.lcd.blit, 0, 16, 320, 8, strip))
""",
    )
    assert lines == ["0"]


def test_lamps_show_their_bits_although_the_display_uses_the_same_bus(tmp_path):
    main = """
lcd = hw.lcd
lcd.start()
for lit in (1, 0b10101, 0):
    hw.lamps.set(lit)
    lcd.blit(0, 0, 2, 1, b"\\xff\\x1f\\x0a\\x15")
    time.sleep_ms(100)
"""
    with terminal(tmp_path, main) as running:
        seen = []
        lamps = running.wiring.lamps
        lamps.on_change = lambda t_us: seen.append(lamps.outputs)
        running.run_for(1_000)
        assert seen == [0b00001, 0b10101, 0] or seen[1:] == [0b00001, 0b10101, 0]  # at power-up they are random
        assert running.violations == []


def test_lamp_byte_is_sent_slower_than_the_register_allows(tmp_path):
    with terminal(tmp_path, "hw.lamps.set(3)\n") as running:
        rates = []
        lamps, bus = running.wiring.lamps, running.engine.soc.spi[0]
        shift = lamps.transfer
        lamps.transfer = lambda mosi, t_us: rates.append(bus.baudrate) or shift(mosi, t_us)
        running.run_for(500)
        assert rates and max(rates) <= 5_000_000


def test_tone_sounds_until_off(tmp_path):
    with terminal(tmp_path, "hw.buzzer.tone(2500)\ntime.sleep_ms(40)\nhw.buzzer.off()\n") as running:
        running.run_for(500)
        (start, freq), (end, silence) = running.tones
        assert (freq, silence) == (2500, 0) and 40_000 <= end - start <= 41_000
