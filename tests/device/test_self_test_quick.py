"""The quick part of the self-test on the chip models: each chip dead, wrong or stuck; the mask names exactly it."""

import shutil
from pathlib import Path

import pytest

from protocol import self_test_parts as parts
from simulator.chips.ft6336 import Point
from simulator.stage import FIRMWARE, PROTOCOL
from simulator.terminal import SimTerminal
from tests.device.bench import BOOT, PREFACE

MAIN = """
from self_test import quick
bus = hw.board["spi"][hw.board["chips"]["lcd"]["spi"]]
hz = 0 if bus["miso"] is None else bus["baudrate_hz"]
chips = quick.Chips(hw.nor, hw.rtc, hw.lcd, hz, hw.touch, hw.voice, hw.keys)
async def pause(ms):
    await asyncio.sleep_ms(ms)
    hw.keys.scan(time.ticks_ms())
hw.lcd.start()
hw.lcd.show()
time.sleep_ms(1_000)
while True:
    began = time.ticks_ms()
    failed = asyncio.run(quick.run(chips, pause))
    print("mask", failed, quick.not_judged(chips), time.ticks_diff(time.ticks_ms(), began))
    time.sleep_ms(1_000)
"""
STOPPED_PPM = -1_000_000


class Bench:
    """A board without the terminal's program that tests itself again and again."""

    def __init__(self, folder: Path, board: str = "k5", lcd_miso: bool = False) -> None:
        firmware = folder / "firmware"
        for name in ("boards", "drivers", "store", "self_test"):
            shutil.copytree(FIRMWARE / name, firmware / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(FIRMWARE / "port.py", firmware / "port.py")
        (firmware / "boot.py").write_text(BOOT)
        (firmware / "main.py").write_text(PREFACE.replace("k5", board) + MAIN)
        if lcd_miso:
            path = firmware / "boards" / f"{board}.py"
            text = path.read_text()
            assert text.count('"miso": None') == 1
            path.write_text(text.replace('"miso": None', '"miso": 4'))
        self.terminal = SimTerminal(
            board, folder / "state", clock="virtual", firmware_dir=firmware, protocol_dir=PROTOCOL
        )

    def __enter__(self) -> "Bench":
        self.terminal.start(power=False)
        return self

    def __exit__(self, *exc: object) -> None:
        self.terminal.close()

    def masks(self, count: int = 1) -> list[int]:
        """Run until the test has ended `count` times in all; return the masks."""

        def lines() -> list[list[str]]:
            return [line.split() for line in self.terminal.console(100_000).splitlines() if line.startswith("mask ")]

        if not self.terminal.powered:
            self.terminal.power_on()
        assert self.terminal.run_until(lambda: len(lines()) >= count, 20_000 * count), self.terminal.console()
        assert all(int(line[3]) < 9_000 for line in lines())
        return [int(line[1]) for line in lines()]


@pytest.mark.parametrize("board", ("k5", "t35"))
def test_sound_board_passes_without_a_sound_and_breaks_no_datasheet(tmp_path: Path, board: str) -> None:
    with Bench(tmp_path, board) as bench:
        assert bench.masks(3) == [0, 0, 0]
        assert bench.terminal.violations == []
        assert {heard.volume for heard in bench.terminal.wiring.voice.heard} == {0}
        assert [freq_hz for _, freq_hz in bench.terminal.tones if freq_hz] == []
        assert bytes(bench.terminal.wiring.nor.array.image).count(0xFF) == len(bench.terminal.wiring.nor.array.image)


def nor_dead(bench: Bench) -> None:
    bench.terminal.wiring.nor.dead = True


def nor_wrong(bench: Bench) -> None:
    bench.terminal.wiring.nor.jedec = b"\xc8\x40\x16"


def nor_busy(bench: Bench) -> None:
    bench.terminal.wiring.nor.stuck_busy = True


def nor_worn(bench: Bench) -> None:
    bench.terminal.wiring.nor.security.stuck.add(1)


def rtc_dead(bench: Bench) -> None:
    del bench.terminal.engine.soc.i2c[1][0x68]


def rtc_stopped(bench: Bench) -> None:
    bench.terminal.wiring.rtc.run_at(STOPPED_PPM, 0)


def rtc_slow(bench: Bench) -> None:
    bench.terminal.wiring.rtc.run_at(-50_000, 0)


def rtc_fast(bench: Bench) -> None:
    bench.terminal.wiring.rtc.run_at(1_000_000, 0)


def voice_dead(bench: Bench) -> None:
    del bench.terminal.engine.soc.uart[1]


def voice_stuck(bench: Bench) -> None:
    bench.terminal.wiring.voice.busy_stuck = 1


def key_stuck(bench: Bench) -> None:
    bench.terminal.stick(3)


def clerk_key_stuck(bench: Bench) -> None:
    bench.terminal.stick("clerk")


@pytest.mark.parametrize(
    ("fault", "mask"),
    [
        (nor_dead, parts.NOR),
        (nor_wrong, parts.NOR),
        (nor_busy, parts.NOR),
        (nor_worn, parts.READ_BACK),
        (rtc_dead, parts.RTC),
        (rtc_stopped, parts.TICKING),
        (rtc_slow, parts.TICKING),
        (rtc_fast, parts.TICKING),
        (voice_dead, parts.VOICE),
        (voice_stuck, parts.VOICE),
        (key_stuck, parts.KEYS),
        (clerk_key_stuck, parts.KEYS),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_mask_names_exactly_what_is_broken(tmp_path: Path, fault, mask: int) -> None:
    with Bench(tmp_path) as bench:
        fault(bench)
        assert bench.masks() == [mask]


def test_touch_panel_dead_foreign_or_touched_is_named(tmp_path: Path) -> None:
    with Bench(tmp_path, "t35") as bench:
        bench.terminal.wiring.touch.family = 0x11
        assert bench.masks() == [parts.TOUCH]
        bench.terminal.power_off()
        bench.terminal.wiring.touch.family = 0x64
        assert bench.masks(2)[1:] == [0]
        bench.terminal.wiring.touch.touch(Point(10, 10))
        assert bench.masks(3)[2:] == [parts.TOUCH]
        bench.terminal.wiring.touch.touch()
        assert bench.masks(4)[3:] == [0]
        del bench.terminal.engine.soc.i2c[1][0x38]
        assert bench.masks(5)[4:] == [parts.TOUCH]


def test_display_is_judged_where_it_can_be_read_and_named_as_not_judged_elsewhere(tmp_path: Path) -> None:
    with Bench(tmp_path / "wired", lcd_miso=True) as bench:
        assert bench.masks() == [0]
        assert bench.terminal.violations == []
        bench.terminal.wiring.lcd.dead = True
        assert bench.masks(2)[1:] == [parts.LCD]
        assert " 0 " in bench.terminal.console().splitlines()[0]
    with Bench(tmp_path / "unwired") as bench:
        bench.terminal.wiring.lcd.dead = True
        assert bench.masks() == [0]
        assert bench.terminal.console().split()[2] == str(parts.LCD)


def test_hand_that_leaves_the_key_in_time_is_no_fault(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.terminal.power_on()
        bench.terminal.run_for(1_500)
        bench.terminal.press(2, 3_000)
        assert bench.masks() == [0]


def test_register_is_erased_once_in_sixteen_tests_and_survives_a_torn_one(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert set(bench.masks(34)) == {0}
        security = bench.terminal.wiring.nor.security
        assert (security.programs, security.erases) == (34, 2)
        bench.terminal.power_off()
        security.image[0x1000 + 40] ^= 0x81
        assert bench.masks(35)[-1] == 0
        assert security.erases == 3
        assert bench.terminal.violations == []
