"""Test a board at its prompt, with no other program running: `bench.run()`.

Prints `ask …` for each thing that a person has to do, then `failed <mask> judged <mask>`, and returns the mask of the
parts that failed (protocol/self_test_parts.py). The display shows the same in Chinese.
"""

import asyncio
import time

import boards
from protocol import self_test_parts as parts
from self_test import bench_screens as screens
from self_test import bench_texts as texts
from self_test import quick
from self_test.person import CASE, Person
from ui import canvas, glyphs, theme
from update import slot_files

_LEVEL_KEYS = (1, 2, 3, 4, 5)
_OTHER_KEYS = (6, 7)
_BRIGHT, _DIM = 80, 5  # %
_FLICKS, _FLICK_MS = 3, 300
_TONE_HZ, _TONE_MS = 2_000, 500
_LOUDNESS, _TRACK = 60, 1


def run(board: str, person: bool = True, utc_s: int | None = None) -> int:
    """Test everything, or without a person the quick part only; `utc_s` sets the clock first."""
    hardware = boards.build(boards.load(board))
    if utc_s is not None:
        try:
            hardware.rtc.set_utc_s(utc_s)
        except OSError:
            pass  # the test says so
    bench = _Bench(hardware)
    bench.quick()
    if person:
        bench.with_person()
    bench.show_result()
    print("failed", bench.failed, "judged", bench.judged)
    return bench.failed


class _Bench:
    """One board on the bench: what was judged so far, and what failed."""

    def __init__(self, hardware: object) -> None:
        self.failed = self.judged = 0
        self._hw = hardware
        self._absent = (parts.TOUCH if hardware.touch is None else 0) | (parts.LAMPS if hardware.lamps is None else 0)
        self._canvas = canvas.Canvas(hardware.lcd, _packs())
        hardware.lcd.start()
        self._rows(texts.RUNNING, theme.BAND)
        hardware.lcd.show()
        hardware.lcd.backlight(_BRIGHT)

    def quick(self) -> None:
        """Judge what needs nobody."""
        hw = self._hw
        bus = hw.board["spi"][hw.board["chips"]["lcd"]["spi"]]
        hz = 0 if bus["miso"] is None else bus["baudrate_hz"]
        chips = quick.Chips(hw.nor, hw.rtc, hw.lcd, hz, hw.touch, hw.voice, hw.keys)
        time.sleep_ms(hw.voice.ready_ms)

        async def pause(ms: int) -> None:
            await asyncio.sleep_ms(ms)
            hw.keys.scan(time.ticks_ms())

        self.failed |= asyncio.run(quick.run(chips, pause))
        self.judged |= parts.ALL & ~parts.AT_BENCH & ~quick.not_judged(chips)
        self.judged &= ~self._absent

    def with_person(self) -> None:
        """Judge what a person has to press, see and hear."""
        hw = self._hw
        try:
            person = Person(hw.keys, hw.touch)
        except OSError:
            person = Person(hw.keys, None)
            self._judge(parts.TOUCH, False)
        self._keys(person)
        self._case(person)
        if hw.touch is not None and not self.failed & parts.TOUCH:
            columns, rows = screens.GRID
            screens.show(self._canvas, screens.paint_grid, 0)
            self._judge(parts.TOUCH, person.touches(columns * rows, self._touched))
        if hw.lamps is not None:
            self._judge(parts.LAMPS, self._ask(person, "lamps", texts.ASK_LAMPS))
        screens.show(self._canvas, screens.paint_pattern, texts.ASK_PATTERN)
        self._judge(parts.LCD, person.answers("pattern"))
        for _ in range(_FLICKS):
            for percent in (_DIM, _BRIGHT):
                hw.lcd.backlight(percent)
                time.sleep_ms(_FLICK_MS)
        self._judge(parts.LIGHT, self._ask(person, "light", texts.ASK_LIGHT))
        hw.buzzer.tone(_TONE_HZ)
        time.sleep_ms(_TONE_MS)
        hw.buzzer.off()
        self._judge(parts.BUZZER, self._ask(person, "buzzer", texts.ASK_BUZZER))
        hw.voice.volume(_LOUDNESS)
        hw.voice.play(_TRACK)
        self._judge(parts.VOICE, self._ask(person, "voice", texts.ASK_VOICE))

    def show_result(self) -> None:
        """Show every part."""
        if self.failed:
            self._rows(texts.SOME_FAILED, screens.BAD)
        else:
            self._rows(texts.ALL_WELL, screens.GOOD)

    def _keys(self, person: Person) -> None:
        """Have each key pressed in its turn; another one that answers is wired wrongly, so the test ends there."""
        present = [number for number, _ in self._hw.board["keys"] if number in _LEVEL_KEYS]
        good = True
        for number in tuple(present) + _OTHER_KEYS:
            if self._hw.lamps is not None:
                self._hw.lamps.set(1 << number - 1 if number in _LEVEL_KEYS else 0)
            screens.show(self._canvas, screens.paint_order, texts.PRESS_ONE, texts.PRESS_KEY[number - 1], "")
            found = person.contact(_LEVEL_KEYS + _OTHER_KEYS, f"key {number}")
            if found != number:
                note = texts.WRONG_KEY + texts.PRESS_KEY[found - 1] if found else ""
                screens.show(self._canvas, screens.paint_order, texts.PRESS_ONE, texts.PRESS_KEY[number - 1], note)
                time.sleep_ms(2_000)
                good = False
                break
            person.let_go(number)
        if self._hw.lamps is not None:
            self._hw.lamps.set(0)
        self._judge(parts.KEYS, good)

    def _case(self, person: Person) -> None:
        """Have the case opened and shut, or the other way round."""
        shut = person.case_is_shut()
        good = True
        for opens in (shut, not shut):
            order = texts.OPEN_CASE if opens else texts.SHUT_CASE
            screens.show(self._canvas, screens.paint_order, "", order, "")
            good = good and person.contact((CASE,), "case open" if opens else "case shut", not opens) == CASE
        self._judge(parts.CASE, good)

    def _ask(self, person: Person, ask: str, question: str) -> bool:
        screens.show(self._canvas, screens.paint_question, question)
        return person.answers(ask)

    def _touched(self, mask: int) -> None:
        screens.show(self._canvas, screens.paint_grid, mask)

    def _judge(self, part: int, good: bool) -> None:
        self.judged |= part
        if not good:
            self.failed |= part

    def _rows(self, title: str, colour: int) -> None:
        screens.show(self._canvas, screens.paint_rows, title, colour, rows(self.failed, self.judged, self._absent))


def rows(failed: int, judged: int, absent: int) -> tuple:
    """Return (name, state) of each part."""
    found = []
    for part, name in texts.NAMES:
        state = texts.ABSENT if absent & part else texts.WAITING
        if judged & part:
            state = texts.FAILED if failed & part else texts.PASSED
        found.append((name, state))
    return tuple(found)


def _packs() -> dict:
    return glyphs.open_packs(slot_files.running() + "/assets", "packs")
