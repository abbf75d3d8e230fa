"""The rendered card on the screen: pixel for pixel the agent's, and the drawn one where the file is not sound."""

import struct
from pathlib import Path

import pytest

from host_agent.content import card_file
from tests.micropython_server import run_forked
from tests.ui.conftest import Gallery
from tests.ui.gallery import ROOT, sample_card
from ui import layout, layout_t35

WIDE, HIGH = 320, 134
LAYOUTS = {"k5": layout, "t35": layout_t35}

_SCRIPT = """
import sys
from ui import card_file
class Canvas:
    def top(self): return 0
    def bottom(self): return 134
    def row(self, *_): pass
print(card_file.paint(Canvas(), (sys.argv[1], int(sys.argv[2]), b""), 320, 134, 0))
"""


def test_card_on_the_screen_is_the_agents_pixel_for_pixel(gallery: Gallery) -> None:
    shown, layout = gallery["idle_card"].picture, LAYOUTS[gallery.board]
    high = HIGH * layout.UNIT // 10
    top = layout.BAND + (gallery.high - layout.BAND - high) // 2
    for tile in card_file.decode(sample_card(gallery.wide), gallery.wide, high):
        colours = [card_file.shown(colour) for colour in tile.palette]
        box = (tile.x, top + tile.y, tile.x + tile.width, top + tile.y + tile.height)
        expected = bytes(part for row in tile.rows() for number in row for part in colours[number])
        assert shown.crop(box).tobytes() == expected


def test_damaged_card_gives_way_to_the_drawn_one(gallery: Gallery) -> None:
    damaged, drawn = gallery["idle_card_damaged"], gallery["idle"]
    assert [text for *_, text in damaged.texts if "damaged" not in text] == [
        text for *_, text in drawn.texts if "3017" not in text
    ]
    left = (0, 0, gallery.wide // 3, gallery.high)
    assert damaged.picture.crop(left).tobytes() == drawn.picture.crop(left).tobytes()


def painted(folder: Path, data: bytes, start: int = 0) -> str:
    """Return whether the painter takes a file, as the firmware says it."""
    (folder / "card").write_bytes(data)
    (folder / "script.py").write_text(_SCRIPT)
    code, output = run_forked(
        [str(folder / "script.py"), str(folder / "card"), str(start)], f"{ROOT}/firmware:.frozen", "1M", 30.0
    )
    assert code == 0, output
    return output.strip()


@pytest.mark.parametrize(
    "damage",
    [
        lambda card: b"",
        lambda card: card[:4],
        lambda card: card[:30],
        lambda card: card[:-1],
        lambda card: card + b"\0",
        lambda card: b"YPC2" + card[4:],
        lambda card: card[:4] + b"\0" + card[5:],
        lambda card: card[:4] + b"\5" + card[5:],
        lambda card: card[:5] + struct.pack("<H", 300) + card[7:],
        lambda card: card[:7] + struct.pack("<H", 1) + card[9:],
        lambda card: card[:9] + struct.pack("<H", 0) + card[11:],
    ],
    ids=["empty", "cut in the head", "cut in a tile", "cut at the end", "longer", "other magic", "no tiles",
         "five tiles", "too far right", "too far down", "no width"],
)  # fmt: skip
def test_file_that_is_no_card_is_not_painted(damage, tmp_path: Path) -> None:
    assert painted(tmp_path, damage(sample_card(WIDE))) == "False"


def test_sound_card_is_painted_from_any_place_in_its_file(tmp_path: Path) -> None:
    assert painted(tmp_path, sample_card(WIDE)) == "True"
    assert painted(tmp_path, bytes(32) + sample_card(WIDE), 32) == "True"
    assert painted(tmp_path, sample_card(WIDE), 32) == "False"
