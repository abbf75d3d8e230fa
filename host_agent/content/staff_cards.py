"""Makes the staff of a table: reads every photo, renders every card for every board, and names all that fails at once.

Needs the extra `content` (Pillow, and an open font); nothing else of the agent does.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from host_agent.content import card_render, portrait
from host_agent.content.card_boards import BOARDS
from host_agent.content.card_render import Fonts, LayoutError
from host_agent.content.portrait import PortraitError
from host_agent.content.staff import Staff
from host_agent.content.staff_table import StaffRow
from host_agent.errors import ManyUserErrors, UserError

FONT_PACKAGE, FONT_FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"
_MISSING_CURE = "give a font that has it with --font, or write the name with other characters"


def fonts(more: list[Path]) -> Fonts:
    """Return Noto Sans SC of the extra, then the fonts given.

    :raises UserError: a font is missing or is none.
    """
    spec = importlib.util.find_spec(FONT_PACKAGE)
    packaged = [Path(spec.origin).parent / FONT_FILE] if spec is not None and spec.origin is not None else []
    if not packaged and not more:
        raise UserError("no font for the cards", "yiping staff import", "install the extra yiping[content]")
    for path in more:
        try:
            Fonts([path])
        except OSError as error:
            raise UserError(f"cannot use the font: {error}", str(path), "give an OpenType or TrueType file") from None
    return Fonts([*packaged, *more])


def make(rows: list[StaffRow], table: Path, photos: Path | None, found: Fonts, done: Callable[[], None]) -> list[Staff]:
    """Return everyone with their cards; `done` hears of each row.

    :raises UserError: (ManyUserErrors when there are several) line and cure of each photo or text that cannot be used.
    """
    people, faults = [], []
    for row in rows:
        where = f"{table} line {row.line}"
        mine = [UserError(what, where, cure) for what, cure in _text_faults(row, found)]
        try:
            cards = _cards(row, _photo(row, photos or table.parent, photos is not None), found) if not mine else {}
            people.append(Staff(row.clerk, cards))
        except PortraitError as error:
            mine.append(UserError(f"{row.photo or row.clerk.number}: {error.what}", where, error.cure))
        except LayoutError:
            mine.append(UserError("name, number or post is too wide for the card", where, "shorten it"))
        faults += mine
        done()
    if faults:
        raise ManyUserErrors(faults)
    return people


def _text_faults(row: StaffRow, found: Fonts) -> list[tuple[str, str]]:
    missing = found.missing(row.clerk.name + row.clerk.post)
    return [(f"no font has the character {char} (U+{ord(char):04X})", _MISSING_CURE) for char in missing]


def _photo(row: StaffRow, folder: Path, by_number: bool) -> Path | None:
    """Return the photo's path: as the table says, or in a folder that was named by the clerk's number."""
    if row.photo is not None:
        return folder / row.photo
    if by_number:
        for suffix in portrait.SUFFIXES:
            for name in (row.clerk.number + suffix, row.clerk.number + suffix.upper()):
                if (folder / name).is_file():
                    return folder / name
    return None


def _cards(row: StaffRow, photo: Path | None, found: Fonts) -> dict[str, bytes]:
    """Return the card of each board.

    :raises PortraitError: the photo cannot be used; LayoutError: a text does not fit.
    """
    cards = {}
    for board in BOARDS.values():
        image = None if photo is None else portrait.portrait(photo, *board.portrait[2:])
        cards[board.name] = card_render.render(row.clerk, image, board, found)
    return cards
