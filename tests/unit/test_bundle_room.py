"""What a bundle takes of the internal flash: littlefs gives every file whole blocks, so many small files cost much."""

import pytest
from littlefs import LittleFS

from host_agent.bundle import layout, make
from tests.bundle_key import bundle_key

BLOCK = 4_096
PICO_2_KB = 3_072  # MicroPython's file system on a Pico 2: 4 MB without the first one
CONTENT_KB = 256  # cards, notices and tags that the agent keeps on a terminal


def used_kb(files: dict[str, bytes]) -> int:
    """Return what files take on the file system of an RP2, as MicroPython sets it up."""
    disk = LittleFS(block_size=BLOCK, block_count=1_024, read_size=32, prog_size=32, cache_size=128, lookahead_size=32)
    for name, data in sorted(files.items()):
        disk.makedirs(name.rpartition("/")[0] or "/", exist_ok=True)
        with disk.open(name, "wb") as file:
            file.write(data)
    return disk.used_block_count * BLOCK // 1_024


def both_slots(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what lies on a terminal that holds a second version, whose packs are the same."""
    first, second = f"{layout.FIRST_SLOT}/", f"{layout.SECOND_SLOT}/"
    return files | {second + name[len(first) :]: data for name, data in files.items() if name.startswith(first)}


@pytest.mark.parametrize("board", ("k5", "t35"))
def test_two_versions_and_content_fit_a_board(board: str):
    files = make.build(board, bundle_key()).flash_files()
    assert used_kb(both_slots(files)) + CONTENT_KB <= PICO_2_KB
