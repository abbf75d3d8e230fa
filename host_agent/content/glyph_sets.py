"""Decide which characters and icons each glyph pack holds, from the firmware's own table of texts."""

import ast
from pathlib import Path

import attrs

from host_agent.content import icons
from host_agent.content.icons import Painter
from host_agent.errors import UserError

ASCII = "".join(chr(code) for code in range(0x20, 0x7F))
PUNCTUATION = "，。、；：？！（）《》「」“”·…—～￥％"
CHARSETS = Path(__file__).parent / "charsets"
NAME_SETS = ("surnames", "given")  # the clerk's name, in SMALL and MIDDLE
NOTICE_SETS = ("office", "common")  # posts and notices, in SMALL

PORTRAIT_SIZE = 96


@attrs.frozen
class GlyphSet:
    """What one pack holds: characters from the font, and icons by code point."""

    size: int
    chars: str
    icons: dict[int, Painter]
    sliced: dict[int, Painter] = attrs.field(factory=dict)  # tall icons: first code point → painter
    rows: int = 1


def read_strings(path: Path) -> dict[str, object]:
    """Return the literals that strings.py assigns to capital names; UserError when it is not there."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError("the firmware's texts cannot be read", str(path), error.strerror or "check the path") from None
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = _literal(node.value, found)
    return found


def _literal(node: ast.expr, known: dict[str, object]) -> object:
    """Return a literal's value; names stand for what was assigned before."""
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.Dict):
        return {
            ast.literal_eval(key): _literal(value, known)
            for key, value in zip(node.keys, node.values, strict=True)
            if key
        }
    return ast.literal_eval(node)


def charset(name: str) -> str:
    """Return the characters of a list in charsets/."""
    return "".join((CHARSETS / f"{name}.txt").read_text(encoding="utf-8").split())


def glyph_sets(strings: dict) -> list[GlyphSet]:
    """Return the packs' contents, smallest size first."""
    tiny, small, middle, large = (strings[name] for name in ("TINY", "SMALL", "MIDDLE", "LARGE"))
    chars: dict[int, set[str]] = {tiny: set(), small: set(), middle: set(), large: set()}
    for texts in strings["TEXTS"].values():
        for text_id, text in texts.items():
            chars[strings["SIZES"].get(text_id, small)] |= set(text)
            chars[small] |= set(text)
    names = "".join(charset(name) for name in NAME_SETS)
    notices = "".join(charset(name) for name in NOTICE_SETS)
    chars[small] |= set(ASCII + PUNCTUATION + names + notices)
    chars[middle] |= set(ASCII + PUNCTUATION + names)
    chars[large] |= set("0123456789")
    small_icons = {
        icons.STAR: icons.star,
        icons.STAR_EMPTY: icons.star_empty,
        icons.OFFLINE: icons.offline,
        icons.KEY_BELOW: icons.key_below,
    }
    large_icons = {icons.FACE + level: icons.face(level) for level in (5, 4, 3, 2, 1)} | {icons.TICK: icons.tick}
    return [
        GlyphSet(tiny, _sorted(chars[tiny]), {}),
        GlyphSet(small, _sorted(chars[small]), small_icons),
        GlyphSet(middle, _sorted(chars[middle]), {}),
        GlyphSet(large, _sorted(chars[large]), large_icons),
        GlyphSet(PORTRAIT_SIZE, "", {}, {icons.PERSON: icons.person}, icons.PERSON_ROWS),
    ]


def _sorted(chars: set[str]) -> str:
    return "".join(sorted(chars - {"\n"}))
