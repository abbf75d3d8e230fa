"""The tag table that the agent sent, as evidence names it and as a page of tags needs it."""

import sys

import store
from protocol import content

_VERSION_BYTES = 4


class TagTable:
    """The table on the shelf, or none; `worded` takes [(code, text)] and a language, and returns the texts in it."""

    def __init__(self, shelf: object, worded: object) -> None:
        self._worded = worded
        self._path = shelf.path(content.TAG_TABLE, content.TAG_TABLE_NAME)
        self._shelf = shelf

    @property
    def version(self) -> bytes | None:
        """Return the 4 bytes that name the table in evidence, None without one."""
        digest = self._shelf.digest(self._path)
        return None if digest is None else digest[:_VERSION_BYTES]

    def rows(self, overall: int, business: int | None, service: int | None, language: str) -> list:
        """Return [(code, text)] of the tags that explain these levels, in the order shown; [] without a sound table."""
        from store import tag_rows as reader

        sys.modules.pop(reader.__name__, None)
        if hasattr(store, "tag_rows"):
            del store.tag_rows
        found = reader.read(self._path, overall, business, service)
        return self._worded(found, language) if found else found
