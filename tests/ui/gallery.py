"""Draw all scenes of each board, in each language, and hand them out as pictures and texts.

`make screens` shows what changed beside what was approved; `make screens ARGS=--accept` approves what is drawn now.
"""

import json
import shutil
import tempfile
from array import array
from pathlib import Path

import attrs
from PIL import Image

from host_agent.bundle import layout
from host_agent.content import card_file, card_render, staff_cards
from host_agent.content.card_boards import BOARDS
from host_agent.content.portrait import portrait
from host_agent.content.staff import Clerk
from simulator.window_code import packed
from tests.micropython_server import run_forked
from tests.ui.scenes import CLERK, CODE_TEXT
from tests.unit.photos import photo

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware"
SIZES = {"k5": (320, 240), "t35": (480, 320)}


@attrs.frozen
class Scene:
    """One screen: its picture, its texts as (y, x, width, glyph size, text), and those of them that were cut off."""

    picture: Image.Image
    texts: list[tuple[int, int, int, int, str]]
    cut: list[str]


def draw_all(board: str) -> dict[str, Scene]:
    """Return every scene as <scene>.<language>, drawn by the firmware of a board under MicroPython."""
    with tempfile.TemporaryDirectory() as folder:
        staged = stage_screens(board, Path(folder) / "staged")
        card = sample_card(SIZES[board][0])
        (Path(folder) / "card.ypc").write_bytes(card)
        (Path(folder) / "damaged.ypc").write_bytes(card[:-1])
        (Path(folder) / "photo.ypc").write_bytes(rendered_card(board, Path(folder)))
        flash = stage_packs(board, Path(folder) / "flash")
        code, output = run_forked(
            [str(ROOT / "tests/ui/draw_scenes.py"), str(flash), str(packed(CODE_TEXT)), folder],
            f"{ROOT}:{staged}:.frozen",
            "4M",  # the picture itself lies in the heap here
            60.0,
        )
        if code:
            raise RuntimeError(output)
        found = {}
        for line in output.splitlines():
            told = json.loads(line)
            data = (Path(folder) / f"{told['scene']}.rgb565").read_bytes()
            found[told["scene"]] = Scene(picture(data, SIZES[board]), [tuple(t) for t in told["texts"]], told["cut"])
        return found


def stage_screens(board: str, folder: Path) -> Path:
    """Lay the firmware's screens into a folder as they are flashed on a board; return the folder."""
    for name, source in layout.sources(FIRMWARE, None, board).items():
        if name.startswith(("ui/", "app/", "self_test/bench_")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    return folder


def rendered_card(board: str, folder: Path) -> bytes:
    """Return the card of the clerk of the scenes as the agent renders it from a photo."""
    sizes = BOARDS[board]
    photo().save(folder / "photo.png")
    clerk = Clerk(**CLERK)
    return card_render.render(clerk, portrait(folder / "photo.png", *sizes.portrait[2:]), sizes, staff_cards.fonts([]))


def stage_packs(board: str, folder: Path) -> Path:
    """Lay a board's glyph packs, and what tells their names, into a folder as they are flashed; return the folder."""
    (folder / "assets").mkdir(parents=True)
    (folder / layout.PACKS).mkdir()
    for path in (FIRMWARE / "assets" / board).iterdir():
        is_pack = layout.is_pack(f"assets/{path.name}")
        place = layout.pack_place(layout.sha256(path.read_bytes())) if is_pack else f"assets/{path.name}"
        (folder / place).symlink_to(path)
    return folder


def sample_card(width: int) -> bytes:
    """Return a card whose every part shows where it stands: a head before a wall, and bands to the edges of the box."""
    high = 134 if width == 320 else 187
    wall, skin, coat = 0x4C73B0, 0xE4B99B, 0x1E2846
    shades = [wall, skin, coat, *(0x0E0E0E * i for i in range(13))]
    wide = high * 7 // 9
    head = bytearray()
    for y in range(high):
        for x in range(wide):
            across, up = 2 * x - wide, 2 * y - high * 3 // 4
            body = across * across + 2 * (2 * y - 2 * high) ** 2
            inside = across * across * 9 + up * up * 5 < high * high
            head.append(1 if inside else 2 if body < wide * wide else 0)
    right = width - wide - 31
    bands = bytes(3 + (x * 13 // right + y * 13 // high) % 13 for y in range(high) for x in range(right))
    colours = tuple(card_file.rgb565(shade) for shade in shades)
    tiles = (
        card_file.Tile(14, 0, wide, high, colours, card_file.pack(bytes(head), wide)),
        card_file.Tile(width - right, 0, right, high, colours, card_file.pack(bands, right)),
    )
    return card_file.encode(tiles)


def picture(data: bytes, size: tuple[int, int]) -> Image.Image:
    """Return RGB565 pixels, high byte first, as a picture."""
    pixels = array("H", data)
    pixels.byteswap()
    return Image.frombytes("RGB", size, pixels.tobytes(), "raw", "BGR;16")
