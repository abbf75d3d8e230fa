"""Take a firmware on a littlefs that runs out of blocks though it was not asked first. Under MicroPython.

update_full.py FIRMWARES, see test_full_flash.py. For every number of blocks that are left once the slot was cleared,
until all has room: prints "blocks N: STEP REASON" of the first step that is refused. With room again the same firmware
is taken.
"""

import os
import sys

import slots
from protocol import content, reasons
from tests.both.flash_room import put
from tests.power_cut.update_terminal import NEXT, RUNS, Terminal, firmwares, flashed
from update import slot_files

ASKED = slot_files.room_bytes
ONE_BLOCK = bytes(4_000)


def filled(blocks: int, fillers: list) -> object:
    """Return what stands in for the question how much room there is: leaves so many blocks, and tells of plenty."""

    def told() -> int:
        try:
            while True:
                fillers.append(f"filler{len(fillers)}")
                put(fillers[-1], ONE_BLOCK)
        except OSError:
            for _ in range(blocks + 1):
                os.remove(fillers.pop())
        return 1 << 30

    return told


def first_refusal(terminal: Terminal, new: object) -> tuple:
    """Return name and reason of the first step that is not OK."""
    reason = terminal.takes_manifest(new)
    if reason != reasons.OK:
        return "manifest", reason
    for index, data in enumerate(new.ordered):
        reason = terminal.takes(content.FIRMWARE_FILE, str(index), data)
        if reason != reasons.OK:
            return f"file{index}", reason
    return "switch", terminal.switches(new)


def main(firmwares_path: str) -> None:
    """Do it for one block more each time."""
    found = firmwares(firmwares_path)
    reason = reasons.FULL
    blocks = 0
    image = flashed(found, "a")
    while reason != reasons.OK:
        terminal = Terminal(bytearray(image))
        terminal.runs("a", found)
        fillers = []
        slot_files.room_bytes = filled(blocks, fillers)
        step, reason = first_refusal(terminal, found[NEXT])
        print(f"blocks {blocks}: {step} {reason}")
        if reason != reasons.OK:
            assert found[RUNS].is_whole("a") and slots.read()["trial"] == "", blocks
            for name in fillers:
                os.remove(name)
            slot_files.room_bytes = ASKED
            assert first_refusal(terminal, found[NEXT]) == ("switch", reasons.OK), blocks
        assert terminal.starts() == ("b", True) and found[NEXT].is_whole("b"), blocks
        terminal.off()
        blocks += 1


main(sys.argv[1])
