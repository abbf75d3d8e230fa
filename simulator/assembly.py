"""Put a terminal together: chips wired to the chip that runs the firmware, with what they kept without power."""

import mmap
import time

from simulator import flash_room
from simulator.chips.ds3231 import DS3231
from simulator.chips.w25q import Timing
from simulator.engine import FLASH_BYTES, Engine
from simulator.state import State
from simulator.wiring import Wiring

VIRTUAL_UTC_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z, the clock chip's time at the start of virtual time

RTC_SET, RTC_UNSET, RTC_MISSING = "set", "unset", "missing"
_CLEAR_OSF = b"\x0f\x00"


def assemble(board: dict, engine: Engine, state: State, seed: int, timing: Timing, rtc: str) -> Wiring:
    """Wire a board's chips to the engine, all without power.

    :raises SimError: nor.bin does not fit; UserError: the files of the internal flash do not.
    """
    flash_room.require(FLASH_BYTES, state.flash)
    nor = board.get("chips", {}).get("nor")
    image = state.nor_image(nor["size_bytes"]) if nor else bytearray()
    wiring = Wiring(board, engine.soc, image, seed, timing)
    engine.wire(wiring)
    if wiring.rtc is not None and rtc == RTC_MISSING:
        data = board["chips"]["rtc"]
        del engine.soc.i2c[data["i2c"]][data["address"]]
    elif wiring.rtc is not None:
        _restore_rtc(wiring.rtc, state, rtc, engine.clock.virtual)
    wiring.power_off(0)
    return wiring


def keep(wiring: Wiring, state: State, now_us: int) -> None:
    """Write what the chips keep without power to the state's folder."""
    if wiring.rtc is not None:
        state.save_rtc(wiring.rtc.state(now_us))
    image = wiring.nor.array.image if wiring.nor is not None else None
    if isinstance(image, mmap.mmap):
        image.flush()


def _restore_rtc(rtc: DS3231, state: State, start: str, virtual: bool) -> None:
    """Give the clock chip what its cell kept; a new one is set as the flashing tool does, or was never set."""
    kept = state.load_rtc()
    if kept is not None:
        rtc.restore(kept, 0, 0 if virtual else kept["elapsed_us"])
    elif start == RTC_SET:
        rtc.set_utc_us(VIRTUAL_UTC_US if virtual else time.time_ns() // 1000, 0)
        rtc.power_on(0)
        rtc.write(_CLEAR_OSF, 0)
