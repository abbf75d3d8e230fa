"""Levels that stay apart for every eye, and places on the glass that an old finger hits."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from tests.micropython_server import run_forked
from tests.ui import gallery
from tests.ui.colour_vision import VISION, ciede2000, distance
from ui import layout_t35, theme

APART = 15  # CIEDE2000; colours side by side differ at a glance from about 10 on
FINGER_MM = 9.5
GLASS_MM = (73.4, 49.0)  # active area of a 3.5 inch panel of 480 × 320 px
MM_A_PX = GLASS_MM[0] / layout_t35.WIDTH
# Pairs 1, 7, 17 and 34 of the test data of Sharma, Wu, Dalal 2005, table 1.
PUBLISHED = (
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
)


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_distance_of_colours_is_the_published_one(first: tuple, second: tuple, expected: float) -> None:
    assert ciede2000(first, second) == pytest.approx(expected, abs=1e-4)


def test_simulation_makes_red_and_green_alike_for_who_cannot_tell_them() -> None:
    olive, red = 0x9A8A00, 0xC86400
    assert distance(olive, red, "deuteranopia") < distance(olive, red, "usual") / 2


@pytest.mark.parametrize("vision", VISION)
def test_colours_of_any_two_levels_stay_apart(vision: str) -> None:
    for a, b in combinations(theme.LEVELS, 2):
        assert distance(theme.LEVELS[a], theme.LEVELS[b], vision) >= APART, (vision, a, b)


def test_millimetres_of_the_glass_are_the_same_both_ways() -> None:
    assert GLASS_MM[1] / layout_t35.HEIGHT == pytest.approx(MM_A_PX, rel=0.01)


@pytest.fixture(scope="module")
def touch_places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[int]]]:
    """Return screen → key → left, top, right, bottom and number of the pixels that mean it on board t35."""
    staged = gallery.stage_screens("t35", tmp_path_factory.mktemp("staged"))
    script = Path(__file__).with_name("touch_places.py")
    code, output = run_forked([str(script)], f"{gallery.ROOT}:{staged}:.frozen", "1M", 60.0)
    assert code == 0, output
    return json.loads(output)


@pytest.mark.parametrize(("screen", "keys", "alike"), (("levels", 5, 5), ("tags", 4, 3)))
def test_places_to_touch_are_as_large_as_a_finger_and_those_to_choose_from_alike(
    touch_places: dict[str, dict[str, list[int]]], screen: str, keys: int, alike: int
) -> None:
    found, sizes = touch_places[screen], []
    assert sorted(found) == [str(key) for key in range(1, keys + 1)]
    for key in sorted(found):
        left, top, right, bottom, pixels = found[key]
        assert pixels == (right - left) * (bottom - top), f"{key} is no rectangle"
        assert min(right - left, bottom - top) * MM_A_PX >= FINGER_MM, (screen, key)
        sizes.append((right - left, bottom - top))
    assert len(set(sizes[:alike])) == 1, sizes
