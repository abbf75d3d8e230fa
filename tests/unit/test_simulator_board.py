"""The board around the firmware: keys, switches, chips, what they keep over a power cut, and the files on it."""

import json
import random

import pytest

from host_agent import errors
from simulator.errors import SimError, UserError
from simulator.terminal import SimTerminal
from tests.unit.simulated import BOARD, firmware, printed, terminal

PROGRAM = """
import time
from machine import SPI, Pin
spi, cs = SPI(1, 10_000_000, sck=Pin(10), mosi=Pin(11), miso=Pin(12)), Pin(13, Pin.OUT, value=1)
def command(data, n=0):
    cs(0)
    spi.write(data)
    got = spi.read(n) if n else b""
    cs(1)
    return got
time.sleep_ms(10)
"""


def test_press_reaches_the_pin_with_bounce_and_settles(tmp_path):
    with terminal(
        tmp_path, "import time\nfrom machine import Pin\nPin(2, Pin.IN, Pin.PULL_UP)\ntime.sleep(9)\n"
    ) as simulated:
        simulated.run_for(50)
        levels = []
        simulated.engine.soc.gpio.watch(2, lambda level, t_us: levels.append((t_us, level)))
        start_us = simulated.now_us
        simulated.press(1, 100)
        simulated.run_for(300)
        down = [level for t_us, level in levels if t_us - start_us < 50_000]
        up = [level for t_us, level in levels if t_us - start_us > 50_000]
        assert levels[0] == (start_us, 0) and len(down) > 2 and down[-1] == 0
        assert up[0] == 1 and up[-1] == 1 and len(up) > 2
        assert levels[-1][0] - start_us < 105_000


def test_held_key_stays_down_and_a_stuck_one_ignores_its_release(tmp_path):
    with terminal(
        tmp_path, "from machine import Pin\nPin(2, Pin.IN, Pin.PULL_UP)\nPin(7, Pin.IN, Pin.PULL_UP)\n"
    ) as simulated:
        simulated.run_for(50)
        gpio = simulated.engine.soc.gpio
        simulated.key_down(1)
        simulated.stick("function")
        simulated.run_for(5000)
        simulated.key_up(1)
        simulated.key_up("function")
        simulated.run_for(50)
        assert (gpio.level(2), gpio.level(7)) == (1, 0)
        simulated.free("function")
        simulated.run_for(50)
        assert gpio.level(7) == 1
        with pytest.raises(SimError, match="no key 9: this board has 1, 2, function"):
            simulated.press(9)


def test_case_switch_and_jumper_reach_their_pins(tmp_path):
    main = "from machine import Pin\nPin(9, Pin.IN, Pin.PULL_UP)\nPin(28, Pin.IN, Pin.PULL_UP)\n"
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(50)
        gpio = simulated.engine.soc.gpio
        assert (gpio.level(9), gpio.level(28)) == (0, 1)
        simulated.set_case_open(True)
        simulated.set_jumper(True)
        assert (gpio.level(9), gpio.level(28)) == (1, 0)


def test_nor_keeps_its_bytes_over_power_off_and_in_a_new_terminal(tmp_path):
    main = (
        PROGRAM
        + """
before = command(b"\\x03\\x00\\x01\\x00", 4)
print(before)
if before == b"\\xff\\xff\\xff\\xff":
    command(b"\\x06")
    command(b"\\x02\\x00\\x01\\x00" + b"kept")
    while command(b"\\x05", 1)[0] & 1:
        pass
"""
    )
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(100)
        simulated.power_off()
        simulated.power_on()
        simulated.run_for(100)
        assert simulated.console().splitlines() == [r"b'\xff\xff\xff\xff'", "b'kept'"]
        assert simulated.violations == []
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(100)
        assert simulated.console().splitlines()[-1] == "b'kept'"
    assert (tmp_path / "state" / "nor.bin").read_bytes()[256:260] == b"kept"


@pytest.mark.parametrize("after_us", [0, 1, 200, 399])
def test_power_cut_during_a_page_program_tears_it(tmp_path, after_us):
    main = (
        PROGRAM
        + """
command(b"\\x06")
command(b"\\x02\\x00\\x00\\x00" + bytes(256))
time.sleep_ms(100)
"""
    )
    with terminal(tmp_path, main, seed=after_us) as simulated:
        nor = simulated.wiring.nor
        nor.tear = "first"
        simulated.run_until(lambda: nor._program is not None)
        simulated.run_to_us(simulated.now_us + after_us)
        simulated.power_off()
        image = bytes(nor.array.image[:256])
        assert nor.array.programs == 0
        torn = image.rstrip(b"\xff")
        assert torn == bytes(len(torn)) and len(torn) > 0


def test_chip_reset_leaves_an_erase_of_the_nor_running(tmp_path):
    main = (
        PROGRAM
        + """
import machine
if machine.reset_cause() == machine.PWRON_RESET:
    command(b"\\x06")
    command(b"\\x20\\x00\\x00\\x00")
    machine.reset()
print("busy", command(b"\\x05", 1)[0] & 1)
time.sleep_ms(60)
print("busy", command(b"\\x05", 1)[0] & 1)
"""
    )
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(300)
        assert simulated.console().splitlines() == ["busy 1", "busy 0"]
        assert simulated.wiring.nor.array.erases == 1


def test_clock_chip_runs_on_while_the_power_is_off(tmp_path):
    main = "from machine import I2C\nprint(I2C(1, sda=26, scl=27).readfrom_mem(0x68, 0, 3))\n"
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(100)
        simulated.power_off()
        simulated.run_for(3_600_000)
        simulated.power_on()
        simulated.run_for(100)
        assert simulated.console().splitlines() == [r"b'\x00\x00\x00'", r"b'\x00\x00\x01'"]
    kept = json.loads((tmp_path / "state" / "rtc.json").read_text())
    assert abs(kept["utc_us"] - 1_767_225_600_000_000 - 3_600_200_000) < 100_000


def test_missing_clock_chip_does_not_answer(tmp_path):
    main = "from machine import I2C\nprint(I2C(1, sda=26, scl=27).scan())\n"
    assert printed(tmp_path, main, rtc="missing") == ["[]"]


def test_lamps_tones_and_picture_are_what_the_chips_show(tmp_path):
    main = """
        import time
        from machine import PWM, SPI, Pin
        spi, latch = SPI(0, 4_000_000, sck=Pin(18), mosi=Pin(19)), Pin(22, Pin.OUT, value=0)
        spi.write(b"\\x05")
        latch(1)
        tone = PWM(Pin(15), freq=2000, duty_u16=32768)
        time.sleep_ms(50)
        tone.duty_u16(0)
        cs, dc, light = Pin(17, Pin.OUT, value=1), Pin(16, Pin.OUT, value=1), PWM(Pin(21), freq=1000, duty_u16=65535)
        def send(code, data=b""):
            dc(0); cs(0); spi.write(bytes((code,))); dc(1); spi.write(data); cs(1)
        time.sleep_ms(150)
        send(0x11)
        time.sleep_ms(130)
        for code, data in ((0x3A, b"\\x55"), (0x36, b"\\x60"), (0x21, b"")):
            send(code, data)
        send(0x2A, b"\\x00\\x00\\x01\\x3f")
        send(0x2B, b"\\x00\\x00\\x00\\xef")
        send(0x2C, b"\\xf8\\x00" * 640)
        for _ in range(238):
            send(0x3C, b"\\x07\\xe0" * 320)
        send(0x29)
        time.sleep_ms(500)
    """
    with terminal(tmp_path, main) as simulated:
        simulated.run_until(lambda: simulated.wiring.lcd.on)
        picture = simulated.screenshot()
        assert picture.size == (320, 240)
        assert [picture.getpixel(at) for at in ((0, 0), (319, 1), (0, 2), (319, 239))] == [
            (255, 0, 0),
            (255, 0, 0),
            (0, 255, 0),
            (0, 255, 0),
        ]
        assert simulated.lamps() == (True, False, True, False, False)
        assert [tone.freq_hz for tone in simulated.tones] == [2000, 0]
        assert 49_000 < simulated.tones[1].t_us - simulated.tones[0].t_us < 52_000
        assert simulated.violations == []
        version = simulated.display_version
        simulated.power_off()
        assert simulated.display_version > version
        assert simulated.screenshot().getextrema() == ((0, 0), (0, 0), (0, 0))


def test_files_the_firmware_wrote_survive_and_code_is_updated(tmp_path):
    with terminal(tmp_path, "open('kept.txt', 'w').write('x')\nprint('one')\n") as simulated:
        simulated.run_for(50)
        settings = simulated.state.settings.read_text()
    with terminal(tmp_path, "print('two', open('kept.txt').read())\n") as simulated:
        simulated.run_for(50)
        assert simulated.console().splitlines() == ["one", "two x"]
        assert simulated.state.settings.read_text() == settings


def test_modules_are_flashed_as_mpy_and_removed_with_their_source(tmp_path):
    folder = firmware(tmp_path, "import drivers.thing\nprint(drivers.thing.NAME)\n")
    (folder / "drivers").mkdir()
    (folder / "drivers" / "thing.py").write_text("NAME = 'thing'\n")
    with SimTerminal(BOARD, tmp_path / "state", clock="virtual", firmware_dir=folder, protocol_dir=None) as simulated:
        simulated.run_for(50)
        assert simulated.console() == "thing\n"
        assert sorted(p.name for p in simulated.state.flash.rglob("*.*")) == [
            "boot.py",
            "main.py",
            "settings.json",
            "thing.mpy",
        ]
    (folder / "drivers" / "thing.py").unlink()
    with SimTerminal(BOARD, tmp_path / "state", clock="virtual", firmware_dir=folder, protocol_dir=None) as simulated:
        simulated.run_for(50)
        assert "ImportError" in simulated.console()


def test_firmware_that_does_not_compile_is_named(tmp_path):
    folder = firmware(tmp_path, "")
    (folder / "broken.py").write_text("def (:\n")
    with pytest.raises(errors.UserError, match=r"broken\.py"):
        SimTerminal(BOARD, tmp_path / "state", clock="virtual", firmware_dir=folder, protocol_dir=None).start()


def test_fresh_state_is_provisioned_alike_for_the_chip_and_the_registry(tmp_path):
    with terminal(tmp_path, "", terminal="YP-7", window="W07", centre="C02", seed=5) as simulated:
        settings, registry = json.loads(simulated.state.settings.read_text()), simulated.state.provisioned()
    assert {key: settings[key] for key in ("terminal", "epoch", "secret", "window", "board")} == {
        key: registry[key] for key in ("terminal", "epoch", "secret", "window", "board")
    }
    assert settings["journal"] == "new" and settings["reveal_level"] is False and registry["centre"] == "C02"
    expected = random.Random(5)
    assert settings["secret"] == expected.randbytes(32).hex() and settings["journal_id"] == expected.randbytes(8).hex()


def test_state_in_use_and_unknown_board_are_refused_with_a_cure(tmp_path):
    with terminal(tmp_path, ""), pytest.raises(UserError, match="in use by another simulated terminal"):
        terminal(tmp_path, "").start()
    with pytest.raises(UserError, match=r"unknown board k9 .*name one of: .*k5"):
        SimTerminal("k9", tmp_path / "other")


def test_idle_waits_and_transfers_allocate_nothing(tmp_path):
    main = """
        import asyncio, gc, machine, select, time
        from machine import SPI, Pin
        spi, pin, wdt = SPI(1, 1_000_000), Pin(4, Pin.OUT), machine.WDT(timeout=8000)
        poller, buffer = select.poll(), bytearray(16)
        poller.register(asyncio.ThreadSafeFlag(), select.POLLIN)
        def once():
            pin(1)
            spi.write(buffer)
            spi.readinto(buffer)
            spi.write_readinto(buffer, buffer)
            pin()
            time.sleep_ms(1)
            time.ticks_us()
            wdt.feed()
            for _ in poller.ipoll(3):
                pass
        once()
        gc.collect()
        before = gc.mem_alloc()
        for _ in range(20):
            once()
        print(gc.mem_alloc() - before)
    """
    assert printed(tmp_path, main, 500) == ["0"]
