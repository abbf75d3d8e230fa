"""Knows tag tables by their version, and says whether the tags of a rating are such as its terminal offered.

Promise: a rating is kept and handed on whatever its tags are; what does not fit is a note for people. Tables are the
built-in one and every *.cbor in one folder, as `yiping tags build` writes them; a new one is found without a restart.
"""

import logging
from pathlib import Path

from host_agent.content import tag_table
from host_agent.content.tag_table import Row, TagTableError
from host_agent.receiver.checks import Alarm
from protocol import rating

# How often the folder is looked through while events name a table that it has not, ms.
LOOK_AGAIN_MS = 60_000
_LEVEL, _BUSINESS, _SERVICE, _TAGS, _TABLE = 6, 7, 8, 9, 10

_log = logging.getLogger(__name__)


class TagTables:
    """Hold the tables; belongs to the worker's thread."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read the folder, if there is one."""
        self._folder = folder
        self._tables: dict[bytes, list[Row]] = {}
        self._looked_ms: int | None = None
        self._keep(tag_table.builtin())

    def note(self, fields: dict, now_ms: int) -> list[Alarm]:
        """Return what is odd about the tags of an opened event, in a list of at most one."""
        tags, version = fields.get(_TAGS), fields.get(_TABLE)
        if not tags:
            return []
        if version is None:
            return [Alarm("odd_tags", "tags without the version of their table")]
        rows = self._find(version, now_ms)
        if rows is None:
            return [Alarm("unknown_tag_table", version.hex())]
        try:
            rating.check_tags(tags, rows, fields.get(_LEVEL, 0), fields.get(_BUSINESS), fields.get(_SERVICE))
        except ValueError as error:
            return [Alarm("odd_tags", str(error))]
        return []

    def _find(self, version: bytes, now_ms: int) -> list[Row] | None:
        due = self._looked_ms is None or not 0 <= now_ms - self._looked_ms < LOOK_AGAIN_MS
        if version not in self._tables and due:
            self._looked_ms = now_ms
            self._look()
        return self._tables.get(version)

    def _look(self) -> None:
        """Read the folder anew; a file that is no table is told and left out."""
        if self._folder is None:
            return
        try:
            paths = sorted(self._folder.glob("*.cbor"))
        except OSError as error:
            _log.error("the tag tables cannot be read: %s", error)
            return
        for path in paths:
            try:
                self._keep(path.read_bytes())
            except (OSError, TagTableError) as error:
                _log.error("%s is left out: %s", path, error)

    def _keep(self, data: bytes) -> None:
        self._tables[tag_table.version(data)] = tag_table.decode(data)
