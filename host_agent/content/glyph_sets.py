"""Decide which characters and icons each board's glyph packs hold, from the firmware's own texts and layouts."""

import ast
from pathlib import Path

import attrs

from host_agent.content import icons
from host_agent.content.glyph_pack import FULL_WIDTH_FROM
from host_agent.content.icons import Painter
from host_agent.content.text_sizes import TEXT_SIZES
from host_agent.errors import UserError
from protocol import indicators

ASCII = "".join(chr(code) for code in range(0x20, 0x7F))
PUNCTUATION = "，。、；：？！（）《》「」“”·…—～￥％"
CHARSETS = Path(__file__).parent / "charsets"
NAME_SETS = ("surnames", "given")  # the clerk's name, in SMALL and MIDDLE
NOTICE_SETS = ("office", "common")  # posts and notices, in SMALL
BENCH_TEXTS = Path("self_test", "bench_texts.py")  # beside ui: the screens of the self-test at the bench
BENCH_LARGE = ("PRESS_KEY", "OPEN_CASE", "SHUT_CASE", "YES", "NO")  # all of them in SMALL and MIDDLE
FULL_WIDTH = chr(FULL_WIDTH_FROM)
FIRST_BOARD = "k5"  # whose layout has no board in its name


@attrs.frozen
class GlyphSet:
    """What one pack holds: characters from the font, and icons by code point."""

    size: int
    chars: str
    icons: dict[int, Painter]
    sliced: dict[int, Painter] = attrs.field(factory=dict)  # tall icons: first code point → painter
    rows: int = 1


@attrs.frozen
class Screens:
    """What the firmware draws: texts and tags by language and id, and sizes by board and name."""

    texts: dict[str, dict[str, str]]
    tags: dict[str, dict[int, str]]  # the regulation's, by code
    layouts: dict[str, dict[str, int]]
    bench: dict[str, str]  # characters of the bench's texts, by name


def read_screens(ui: Path) -> Screens:
    """Return the texts and layouts in the firmware's folder ui; UserError when they are not there."""
    texts = {path.stem.removeprefix("texts_"): literals(path)["TEXTS"] for path in sorted(ui.glob("texts_*.py"))}
    tags = {path.stem.removeprefix("tags_"): literals(path)["TEXTS"] for path in sorted(ui.glob("tags_*.py"))}
    layouts = {path.stem.removeprefix("layout_"): literals(path) for path in sorted(ui.glob("layout_*.py"))}
    layouts = {FIRST_BOARD: literals(ui / "layout.py"), **layouts}
    if not texts:
        raise UserError("there are no texts", str(ui), "name the folder ui of the firmware")
    return Screens(texts, tags, layouts, _bench_texts(ui.parent / BENCH_TEXTS))


def literals(path: Path) -> dict:
    """Return the literals that a file assigns to capital names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError("the firmware's texts cannot be read", str(path), error.strerror or "check the path") from None
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _bench_texts(path: Path) -> dict[str, str]:
    """Return the characters of each text that the bench's file assigns to a name; none without such a file."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names = {inner.id for target in node.targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}
            texts = [one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            found |= dict.fromkeys(names, "".join(text for text in texts if isinstance(text, str)))
    return found


def charset(name: str) -> str:
    """Return the characters of a list in charsets/."""
    return "".join((CHARSETS / f"{name}.txt").read_text(encoding="utf-8").split())


def glyph_sets(screens: Screens, board: str) -> list[GlyphSet]:
    """Return the packs' contents of a board, smallest size first."""
    layout = screens.layouts[board]
    tiny, small, middle, large = (layout[name] for name in ("TINY", "SMALL", "MIDDLE", "LARGE"))
    chars: dict[int, set[str]] = {size: set() for size in (tiny, small, layout["TAG_LATIN"], middle, large)}
    for texts in screens.texts.values():
        for text_id, text in texts.items():
            for size in (*TEXT_SIZES.get(text_id, ()), "SMALL"):
                chars[layout[size]] |= set(text)
    names = "".join(charset(name) for name in NAME_SETS)
    notices = "".join(charset(name) for name in NOTICE_SETS)
    chars[small] |= set(ASCII + PUNCTUATION + names + notices)
    chars[middle] |= set(ASCII + PUNCTUATION + names)
    chars[large] |= set("0123456789")
    chars[layout["TAG_LATIN"]] |= set(ASCII)
    for row in indicators.tag_table(indicators.load()):
        chars[layout["TAG"]] |= set(row[-1])
    for text in (text for tags in screens.tags.values() for text in tags.values()):
        chars[layout["TAG_LATIN" if max(text) < FULL_WIDTH else "TAG"]] |= set(text)
    for name, text in screens.bench.items():
        for size in (small, middle, large) if name in BENCH_LARGE else (small, middle):
            chars[size] |= set(text)
    small_icons = {
        icons.STAR: icons.star,
        icons.STAR_EMPTY: icons.star_empty,
        icons.OFFLINE: icons.offline,
        icons.KEY_BELOW: icons.key_below,
        icons.TICK: icons.tick,
    }
    large_icons = {icons.FACE + level: icons.face(level) for level in (5, 4, 3, 2, 1)} | {icons.TICK: icons.tick}
    of_size = {small: small_icons, large: large_icons}
    return [
        *(GlyphSet(size, _sorted(found), of_size.get(size, {})) for size, found in sorted(chars.items())),
        GlyphSet(layout["PICTURE"], "", {}, {icons.PERSON: icons.person}, icons.PERSON_ROWS),
    ]


def _sorted(chars: set[str]) -> str:
    return "".join(sorted(chars - {"\n"}))
