"""What a bundle takes of the internal flash: two versions must fit side by side, or no update comes over a link."""

import functools

import pytest

from host_agent.bundle import layout, make
from simulator.chips.rp2_chip import CHIPS
from tests.bundle_key import bundle_key
from tests.unit import board_littlefs

CONTENT_KB = 256  # cards, notices and tags that the agent keeps on a terminal
RESERVE_KB = 32  # that stay free when an update is taken


@functools.cache
def flashed(board: str) -> dict[str, bytes]:
    return make.build(board, bundle_key()).flash_files()


def with_another(files: dict[str, bytes], other_packs: bool = False) -> dict[str, bytes]:
    """Return what lies on a terminal that holds a second version, whose packs are the same ones or all others."""
    first, second = f"{layout.FIRST_SLOT}/", f"{layout.SECOND_SLOT}/"
    found = files | {second + name[len(first) :]: data for name, data in files.items() if name.startswith(first)}
    if other_packs:
        found |= {f"{name}-2": data for name, data in files.items() if name.startswith(layout.PACKS)}
    return found


def needed_kb(files: dict[str, bytes]) -> int:
    return board_littlefs.used_blocks(files) * board_littlefs.BLOCK_BYTES // 1_024 + CONTENT_KB + RESERVE_KB


@pytest.mark.parametrize("board", ["k5", "t35"])
def test_two_versions_and_content_fit_a_pico_2_also_when_all_packs_are_new(board: str) -> None:
    assert needed_kb(with_another(flashed(board), other_packs=True)) <= CHIPS["rp2350"].file_system_bytes // 1_024


def test_two_versions_with_the_same_packs_and_content_fit_a_pico() -> None:
    assert needed_kb(with_another(flashed("k5"))) <= CHIPS["rp2040"].file_system_bytes // 1_024


def test_slot_takes_little_more_than_its_bytes() -> None:
    files = flashed("k5")
    size = sum(len(data) for name, data in files.items() if name.startswith(f"{layout.FIRST_SLOT}/"))
    taken = needed_kb(with_another(files)) - needed_kb(files)
    assert taken * 1_024 <= 1.5 * size
