"""How much files take of a simulated terminal's flash, against littlefs itself; what does not fit is refused."""

import random
from pathlib import Path

import pytest

from host_agent.bundle import make
from simulator import flash_room
from simulator.errors import UserError
from tests.bundle_key import bundle_key
from tests.unit import board_littlefs

OFF_BLOCKS = 3  # of a board's folders: how full their blocks are depends on the order of changes


def sizes(files: dict[str, bytes]) -> dict[str, int]:
    return {path: len(data) for path, data in files.items()}


@pytest.mark.parametrize("board", ["k5", "t35"])
def test_files_of_a_board_take_what_littlefs_gives_them(board: str) -> None:
    files = make.build(board, bundle_key()).flash_files()
    assert abs(flash_room.used_blocks(sizes(files)) - board_littlefs.used_blocks(files)) <= OFF_BLOCKS


def test_files_of_any_size_take_what_littlefs_gives_them() -> None:
    for seed in range(8):
        rng = random.Random(seed)
        files = {
            f"{'deep/er/' * rng.randrange(2)}{rng.choice(('', 'one/', 'two/'))}f{n}": bytes(
                rng.choice((0, 1, 512, 513, 4_096, 4_097, rng.randrange(40_000)))
            )
            for n in range(rng.randrange(1, 25))
        }
        found = flash_room.used_blocks(sizes(files)) - board_littlefs.used_blocks(files)
        folders = 1 + len({path.rpartition("/")[0] for path in files} - {""})
        assert abs(found) <= 2 * folders, f"seed {seed}: {found} blocks off"  # one pair of blocks each


def test_firmware_that_does_not_fit_is_refused_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "glyphs").write_bytes(bytes(1 << 20))
    flash_room.require(2 << 20, tmp_path)
    with pytest.raises(UserError, match=r"need 1\d\d\d KB, the flash has 1024 .*: take a chip with more flash"):
        flash_room.require(1 << 20, tmp_path)
