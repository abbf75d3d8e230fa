"""Test the parts that need nobody's help, without a sound and without a change on the screen, in about three seconds.

What the journal does at the same time stays whole: each access to its chip here is done before anything else runs, and
the only writing goes to a register beside the journal's array. 16 bytes of it are programmed a test and it is erased
when it is full: once in 16 tests, 230 times in ten years of one test a day, where the chip is good for 100,000.
"""

import gc
import os
import time

from drivers import lcd_st7789_state, nor_w25q_spare, rtc_ds3231_seconds, touch_ft6336_identity
from drivers.nor_w25q import NorError
from protocol import self_test_parts as parts

LEAST_HEAP_BYTES = 24_576
LEAST_ROOM_BYTES = 32_768  # of the internal file system: what content must leave, see store/incoming.py
KEYS = range(1, 8)  # 1 to 5 the levels, 6 the function, 7 the clerk's; the case's switch may be open

_STEP_MS = 10
_BUSY_MS = 1_500  # of an erase that the journal began: at most 400 by the datasheet
_SLOT_BYTES = 16
_TICK_MS, _TICK_OFF_MS = 1_000, 20  # 2 % off: no crystal is
_NO_TICK_MS = 1_200
_STUCK_MS = 4_000  # who rests a hand there lets go sooner, and an answer must come within 10 s
_PLAY_MS = 500  # until BUSY tells
_PROMPT_MS = 5_000  # until what plays at the beginning has ended
_TRACK = 1


class Chips:
    """What is tested; None for what the board does not have. `lcd_bus_hz` is 0 where the display cannot be read."""

    def __init__(
        self, nor: object, rtc: object, lcd: object, lcd_bus_hz: int, touch: object, voice: object, keys: object
    ) -> None:
        self.nor = nor
        self.rtc = rtc
        self.lcd = lcd
        self.lcd_bus_hz = lcd_bus_hz
        self.touch = touch
        self.voice = voice
        self.keys = keys
        self.hushed = None  # called before the voice module is made silent: its loudness has to be set anew


async def run(chips: Chips, sleep_ms: object) -> int:
    """Return the mask of the parts that failed (protocol/self_test_parts.py); what `sleep_ms` raises breaks it off."""
    failed = await _test_nor(chips.nor, sleep_ms)
    failed |= await _test_clock(chips.rtc, sleep_ms)
    if chips.lcd_bus_hz and not lcd_st7789_state.shows(chips.lcd, chips.lcd_bus_hz):
        failed |= parts.LCD
    if chips.touch is not None and not touch_ft6336_identity.is_there(chips.touch):
        failed |= parts.TOUCH
    failed |= await _test_hands(chips, sleep_ms)
    if chips.voice is not None and not await _test_voice(chips, sleep_ms):
        failed |= parts.VOICE
    return failed | _test_room()


def not_judged(chips: Chips) -> int:
    """Return the mask of the parts that nothing on this board lets `run` judge."""
    return 0 if chips.lcd_bus_hz else parts.LCD


async def _test_nor(nor: object, sleep_ms: object) -> int:
    """Let an erase of the journal's end, then identify the chip, erase, program and read back."""
    waited_ms = 0
    while nor.busy():
        if waited_ms >= _BUSY_MS:
            return parts.NOR
        waited_ms += _STEP_MS
        await sleep_ms(_STEP_MS)
    try:
        nor.start()
    except NorError:
        return parts.NOR
    return 0 if _holds(nor) or _holds(nor) else parts.READ_BACK


def _holds(nor: object) -> bool:
    """Program one more slot and read all of them back; a slot that is not sound has the register erased first."""
    found = nor_w25q_spare.read(nor)
    slot = 0
    while slot < nor_w25q_spare.SIZE // _SLOT_BYTES and _slot(found, slot) == _pattern(slot):
        slot += 1
    at = slot * _SLOT_BYTES
    if found[at:] != b"\xff" * (nor_w25q_spare.SIZE - at) or not found[at:]:
        if not nor_w25q_spare.erase(nor):
            return False
        slot = at = 0
    wanted = b"".join([_pattern(i) for i in range(slot + 1)])
    if not nor_w25q_spare.program(nor, at, _pattern(slot)):
        return False
    return bytes(nor_w25q_spare.read(nor)) == wanted + b"\xff" * (nor_w25q_spare.SIZE - len(wanted))


def _slot(register: bytearray, slot: int) -> bytes:
    return bytes(register[slot * _SLOT_BYTES : (slot + 1) * _SLOT_BYTES])


def _pattern(slot: int) -> bytes:
    """Return what a slot holds: every second bit, then the others, and not the same as its neighbour."""
    return bytes((0x55 ^ slot, 0xAA ^ slot)) * (_SLOT_BYTES // 2)


async def _test_clock(rtc: object, sleep_ms: object) -> int:
    """Time one second of the clock chip, however late this task comes to look."""
    try:
        first = await _next_second(rtc, sleep_ms)
        second = None if first is None else await _next_second(rtc, sleep_ms)
    except OSError:
        return parts.RTC
    if first is None or second is None or (second[0] - first[0]) % 60 != 1:
        return parts.TICKING
    shortest = time.ticks_diff(second[1], first[2])
    longest = time.ticks_diff(second[2], first[1])
    on_time = shortest <= _TICK_MS + _TICK_OFF_MS and longest >= _TICK_MS - _TICK_OFF_MS
    return 0 if on_time else parts.TICKING


async def _next_second(rtc: object, sleep_ms: object) -> tuple | None:
    """Return (seconds, ticks before it began, ticks after it began); None when none begins; OSError without a chip."""
    began = before = time.ticks_ms()
    old = rtc_ds3231_seconds.seconds(rtc)
    while time.ticks_diff(before, began) < _NO_TICK_MS:
        await sleep_ms(_STEP_MS)
        asked = time.ticks_ms()
        new = rtc_ds3231_seconds.seconds(rtc)
        if new != old:
            return new, before, time.ticks_ms()
        before = asked
    return None


async def _test_hands(chips: Chips, sleep_ms: object) -> int:
    """Look for keys and a glass that nobody lets go."""
    waited_ms = 0
    while True:
        failed = parts.KEYS if any(chips.keys.is_down(number) for number in KEYS) else 0
        if chips.touch is not None and touch_ft6336_identity.is_touched(chips.touch):
            failed |= parts.TOUCH
        if not failed or waited_ms >= _STUCK_MS:
            return failed
        waited_ms += _STEP_MS
        await sleep_ms(_STEP_MS)


async def _test_voice(chips: Chips, sleep_ms: object) -> bool:
    """Return whether the module begins a track, at loudness 0, and stops."""
    voice = chips.voice
    if not await _tells(voice, False, _PROMPT_MS, sleep_ms):
        return False
    if chips.hushed is not None:
        chips.hushed()
    voice.volume(0)
    voice.play(_TRACK)
    begins = await _tells(voice, True, _PLAY_MS, sleep_ms)
    voice.stop()
    return begins and await _tells(voice, False, _PLAY_MS, sleep_ms)


async def _tells(voice: object, plays: bool, longest_ms: int, sleep_ms: object) -> bool:
    """Wait until the module says that it plays, or does not; false when it does not say so in time."""
    waited_ms = 0
    while voice.playing() != plays:
        if waited_ms >= longest_ms:
            return False
        waited_ms += _STEP_MS
        await sleep_ms(_STEP_MS)
    return True


def _test_room() -> int:
    gc.collect()
    room = os.statvfs(os.getcwd())
    failed = 0 if gc.mem_free() >= LEAST_HEAP_BYTES else parts.MEMORY
    return failed if room[0] * room[3] >= LEAST_ROOM_BYTES else failed | parts.FILES
