"""Every text that a citizen reads, by id, in one language at a time: the others are on the file system only.

The glyph packs are built from the tables in texts_<language>.py and tags_<language>.py, so a text that is not there
cannot be drawn. Lines of one text stay together on the screen.
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
    from ui import wording

    found = wording.worded(rows, language)
    forget("wording")
    return found


def _load(language: str) -> dict:
    """Return a table of texts."""
    if language == "en":
        from ui import texts_en as found
    elif language == "ko":
        from ui import texts_ko as found
    else:
        from ui import texts_zh as found
    return taken(found)


def taken(found: object) -> dict:
    """Return the texts of a module, which leaves the memory."""
    forget(found.__name__.rpartition(".")[2])
    return found.TEXTS


def forget(name: str) -> None:
    """Let a module of ui leave the memory with the last that uses something of it."""
    sys.modules.pop("ui." + name, None)
    if hasattr(ui, name):
        delattr(ui, name)
