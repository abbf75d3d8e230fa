"""The firmware's memory after its start, against its limit; and what the simulated chip's heap adds for the shims."""

import pytest

from simulator.process import SHIMS_KB
from tests.device import heap

LIMIT_KB = 150  # on a 32-bit heap, see docs/decisions/0006-k5-memory.md


@pytest.fixture(scope="module")
def readings() -> tuple[heap.Reading, heap.Reading]:
    """Return the readings of the firmware and of the bare peripherals."""
    return heap.measure()


def test_heap_in_use_after_the_start_stays_within_its_limit(readings):
    used = heap.in_use(*readings, heap.PLAIN_BYTES, heap.ENTRY_BYTES)
    assert 100 < used * heap.NARROW / 1024 <= LIMIT_KB, f"{used} bytes on the 64-bit heap"


def test_heap_of_the_simulated_chip_pays_for_the_shims(readings):
    used = heap.in_use(*readings, heap.PLAIN_BYTES, heap.ENTRY_BYTES)
    assert abs(heap.shims(readings[0], used) / 1024 - SHIMS_KB) <= 1.5


def test_names_cost_their_text_and_a_table_that_doubles():
    twenty = {f"n{number:03}" for number in range(20)}
    assert heap.names_bytes(twenty, 6) == 20 * 6 + 32 + 20 * 5
    assert heap.names_bytes(twenty | {"more"}, 6) == 60 * 6 + 2 * 32 + 21 * 5
