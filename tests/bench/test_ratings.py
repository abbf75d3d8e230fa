"""Ratings with all detail leave the terminal as it was; the bench lives through 10,000 of them (`--long`)."""

from pathlib import Path

import pytest

from tests.bench import firmware_ratings

RATINGS = 200  # two looks at the files, some probes of the heap
FLOOR_BYTES = 16_384


@pytest.mark.slow
@pytest.mark.parametrize("board", ("k5", "t35"))
def test_ratings_with_sub_levels_and_tags_leave_memory_and_files_as_they_were(tmp_path: Path, board: str) -> None:
    found = firmware_ratings.run(tmp_path, RATINGS, board)
    assert found.events >= firmware_ratings.EVENTS_A_RATING * RATINGS * 0.99
    assert {look.flash_bytes for look in found.looks} == {found.looks[0].flash_bytes}
    assert len(found.blocks) > 1 and min(row.largest for row in found.blocks) >= FLOOR_BYTES
