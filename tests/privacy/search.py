"""Finds a text in bytes in whatever way a program may have written it down, and what keys a program's data has."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


def forms(text: str) -> dict[str, bytes]:
    """Return every way of writing a text that is looked for, by its name; hexadecimal digits in lower case."""
    found: dict[str, bytes] = {}
    for encoding in _ENCODINGS:
        raw = text.encode(encoding)
        found[encoding] = raw
        found[f"hex of {encoding}"] = raw.hex().encode()
        found[f"spaced hex of {encoding}"] = raw.hex(" ").encode()
        found[f"Python's escapes of {encoding}"] = repr(raw)[2:-1].encode()
        for shift in range(3):
            found[f"base64 of {encoding}, {shift} bytes on"] = _middle_of_base64(raw, shift)
        found[f"percent signs of {encoding}"] = quote(raw).encode()
    escaped = json.dumps(text)[1:-1]
    found["JSON escapes"] = escaped.encode()
    found["JSON escapes in JSON"] = json.dumps(escaped)[1:-1].encode()
    for shift in range(3):
        found[f"base64 of JSON escapes, {shift} bytes on"] = _middle_of_base64(escaped.encode(), shift)
    return found


def _middle_of_base64(raw: bytes, shift: int) -> bytes:
    """Return the characters that stand in any base64 of bytes which have `raw` at an offset of 3 n + `shift`."""
    whole = base64.b64encode(bytes(shift) + raw + bytes(-(shift + len(raw)) % 3))
    first, last = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6
    return whole[first:last]


class Search:
    """Look for many texts at once."""

    def __init__(self, texts: dict[str, str]) -> None:
        """Prepare every form of the texts, which bear names."""
        self._wanted: list[tuple[str, bytes]] = []
        for name, text in texts.items():
            for form, raw in forms(text).items():
                self._wanted.append((f"{name} as {form}", raw))

    def found_in(self, data: bytes) -> list[str]:
        """Return the names and forms of what is there."""
        plain = _ZEROS.sub(bytes(_ZEROS_KEPT), data.translate(_URL_SAFE))
        lower = plain.lower()
        return [what for what, raw in self._wanted if raw in plain or _is_hex(what) and raw.lower() in lower]


_ZEROS_KEPT = 16
_ZEROS = re.compile(b"\\0{%d,}" % _ZEROS_KEPT)  # empty pages say nothing and take long to search
_URL_SAFE = bytes.maketrans(b"-_", b"+/")  # base64 for addresses


def _is_hex(what: str) -> bool:
    return "hex" in what or "escapes" in what or "percent" in what


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keys_of(value: Any) -> Iterator[str]:
    """Yield every key in an object, however deep, also in texts that are JSON themselves."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)
    elif isinstance(value, (str, bytes)) and value[:1] in ("{", "[", b"{", b"["):
        try:
            inner = json.loads(value)
        except ValueError:
            return
        yield from keys_of(inner)


def keys_of_database(path: Path) -> Iterator[str]:
    """Yield the names of tables and columns, and every key in what their rows hold."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        for (table,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield table
            cursor = conn.execute(f'SELECT * FROM "{table}"')
            yield from (column[0] for column in cursor.description)
            for row in cursor:
                yield from keys_of(list(row))
