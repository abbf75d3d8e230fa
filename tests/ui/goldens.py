"""The approved screens: for each a file with the hash of its pixels and its texts, and its picture in docs/images."""

import hashlib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.ui.gallery import ROOT, SIZES, Scene

GOLDENS = Path(__file__).parent / "goldens"
PICTURES = ROOT / "docs" / "images" / "screens"
_SHEET_COLUMNS = {"k5": 6, "t35": 5}
_NOT_ON_THE_SHEET = ("idle_card", "idle_card_damaged")  # a card no agent renders: it shows where each part stands
_LABEL_PX = 22
_GAP_PX = 8
_PAPER, _INK = (255, 255, 255), (60, 66, 74)


def told(scene: Scene) -> str:
    """Return what a golden says: the hash of the pixels, then a line for each text with its place and size."""
    lines = [hashlib.sha256(scene.picture.tobytes()).hexdigest()]
    lines += [f"{y:3} {x:3} {size}px {text}" for y, x, _, size, text in scene.texts]
    return "\n".join(lines) + "\n"


def approved(board: str) -> dict[str, str]:
    """Return the goldens of a board by <scene>.<language>."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((GOLDENS / board).glob("*.txt"))}


def changed(board: str, scenes: dict[str, Scene]) -> list[str]:
    """Return the names of scenes that are new, gone, or look otherwise than approved."""
    before, now = approved(board), {name: told(scene) for name, scene in scenes.items()}
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def accept(board: str, scenes: dict[str, Scene]) -> list[str]:
    """Approve every scene as it is drawn now, with pictures and contact sheet; return what changed by that."""
    names = changed(board, scenes)
    for name in names:
        golden, picture = GOLDENS / board / f"{name}.txt", PICTURES / board / f"{name}.png"
        if name not in scenes:
            golden.unlink()
            picture.unlink(missing_ok=True)
            continue
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(told(scenes[name]), encoding="utf-8")
    for name, scene in scenes.items():
        picture = PICTURES / board / f"{name}.png"
        if name in names or not picture.exists():
            picture.parent.mkdir(parents=True, exist_ok=True)
            _save(scene.picture, picture)
    for language in sorted({name.rpartition(".")[2] for name in scenes}):
        sheet = PICTURES / f"contact-{board}-{language}.png"
        if names or not sheet.exists():
            shown = [n for n in scenes if n.endswith(f".{language}") and n.partition(".")[0] not in _NOT_ON_THE_SHEET]
            _save(contact_sheet(board, {name: scenes[name] for name in shown}), sheet)
    return names


def contact_sheet(board: str, scenes: dict[str, Scene]) -> Image.Image:
    """Return all screens on one picture, each with its name."""
    columns = _SHEET_COLUMNS[board]
    wide, high = SIZES[board]
    cell = (wide + _GAP_PX, high + _LABEL_PX + _GAP_PX)
    rows = -(-len(scenes) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP_PX, rows * cell[1] + _GAP_PX), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for index, (name, scene) in enumerate(scenes.items()):
        x, y = _GAP_PX + index % columns * cell[0], _GAP_PX + index // columns * cell[1]
        draw.text((x, y), name.rpartition(".")[0], _INK, font)
        sheet.paste(scene.picture, (x, y + _LABEL_PX))
    return sheet


def _save(picture: Image.Image, path: Path) -> None:
    """Save with as few colours as lose nothing that an eye sees: smooth edges have a few hundred."""
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
