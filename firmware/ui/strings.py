"""Every text that a citizen reads, by id, in one language at a time: the others are on the file system only.

The glyph packs are built from the tables in texts_<language>.py and tags_<language>.py, so a text that is not there
cannot be drawn. Lines of
one text stay together on the screen.
"""

import sys

import ui
from ui.layout import LARGE, MIDDLE, SMALL, TINY  # noqa: F401 - a screen finds the sizes of its texts here

DEFAULT = "zh"
LANGUAGES = ("zh", "en", "ko")


class Strings:
    """Give texts in one language."""

    def __init__(self, language: str = DEFAULT) -> None:
        self.language = ""
        self._texts = {}
        self.use(language)

    def use(self, language: str) -> None:
        """Take another language; one that is not there is the default."""
        if language != self.language:
            self._texts = {}  # the tables of two languages need not fit beside each other
            self._texts = _load(language)
            self.language = language

    def __getitem__(self, text_id: str) -> str:
        return self._texts[text_id]


def worded(rows: list, language: str) -> list:
    """Return tags [(code, text)] in a language where they are the regulation's; a break says where a line may end."""
    own = _load_tags(DEFAULT)
    there = own if language == DEFAULT else _load_tags(language)
    return [(code, there[code] if own.get(code, "").replace("\n", "") == text else text) for code, text in rows]


def _load(language: str) -> dict:
    """Return a table of texts."""
    if language == "en":
        from ui import texts_en as found
    elif language == "ko":
        from ui import texts_ko as found
    else:
        from ui import texts_zh as found
    return _taken(found)


def _load_tags(language: str) -> dict:
    """Return the texts of the regulation's tags by code."""
    if language == "en":
        from ui import tags_en as found
    elif language == "ko":
        from ui import tags_ko as found
    else:
        from ui import tags_zh as found
    return _taken(found)


def _taken(found: object) -> dict:
    """Return the texts of a module, which leaves the memory."""
    texts, name = found.TEXTS, found.__name__
    sys.modules.pop(name, None)
    short = name.rpartition(".")[2]
    if hasattr(ui, short):
        delattr(ui, short)
    return texts
