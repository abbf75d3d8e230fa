"""The firmware's memory after its start, against its limit; and what the simulated chip's heap adds for the shims."""

import pytest

from simulator.process import SHIMS_KB
from tests.device import heap

LIMITS_KB = {"k5": 150, "t35": 250}  # on a 32-bit heap, see docs/decisions/0006-k5-memory.md; t35 as designed
SHIMS_OFF_KB = {"k5": 1.5, "t35": 3}  # both boards get the same; one with room to spare may get a little more


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
