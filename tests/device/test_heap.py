"""The firmware's memory after its start, against its limit; and what the simulated chip's heap adds for the shims."""

import os
import subprocess

import pytest

from simulator.chips.rp2_chip import CHIPS
from simulator.process import SEAT_KB, SHIMS_KB, interpreter
from simulator.stage import shims_folder
from tests.device import heap

LIMITS_KB = {"k5": 150, "t35": 250}  # on a 32-bit heap, see docs/decisions/0006-k5-memory.md; t35 as designed
SHIMS_OFF_KB = {"k5": 1.5, "t35": 3}  # both boards get the same; one with room to spare may get a little more
SEAT_OFF_KB = 0.5
_SEAT = """
import gc, sys
gc.collect()
before = gc.mem_alloc()
import _flash, _system
flash = _flash.Flash(sys.argv[1], 640)
_system.install()
gc.collect()
print(gc.mem_alloc() - before)
"""


@pytest.fixture(scope="module", params=("k5", "t35"))
def readings(request: pytest.FixtureRequest) -> tuple[str, heap.Reading, heap.Reading]:
    """Return a board, and the readings of its firmware and of its bare peripherals."""
    return request.param, *heap.measure(request.param)


def test_heap_in_use_after_the_start_stays_within_its_limit(readings):
    used = heap.in_use(*readings, heap.PLAIN_BYTES, heap.ENTRY_BYTES)
    assert 100 < used * heap.NARROW / 1024 <= LIMITS_KB[readings[0]], f"{used} bytes on the 64-bit heap"


def test_heap_of_the_simulated_chip_pays_for_the_shims(readings):
    used = heap.in_use(*readings, heap.PLAIN_BYTES, heap.ENTRY_BYTES)
    assert abs(heap.shims(readings[1], used) / 1024 - SHIMS_KB) <= SHIMS_OFF_KB[readings[0]]


def test_names_cost_their_text_and_a_table_that_doubles():
    twenty = {f"n{number:03}" for number in range(20)}
    assert heap.names_bytes(twenty, 6) == 20 * 6 + 32 + 20 * 5
    assert heap.names_bytes(twenty | {"more"}, 6) == 60 * 6 + 2 * 32 + 21 * 5


def test_heap_of_a_bare_board_pays_for_its_shims(tmp_path):
    image = tmp_path / "flash.img"
    with image.open("wb") as file:
        file.truncate(CHIPS["rp2350"].file_system_bytes)
    names = {"SIM_RELEASE": "1.29.0", "SIM_DATE": "2026-06-01", "SIM_MACHINE": "a board"}
    environment = names | {"MICROPYPATH": f"{shims_folder()}:.frozen", "PATH": os.environ["PATH"]}
    command = [*interpreter(), "-X", "heapsize=400K", "-c", _SEAT, str(image)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert abs(int(done.stdout) / 1024 - SEAT_KB) <= SEAT_OFF_KB
