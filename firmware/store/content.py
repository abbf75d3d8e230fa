"""Content that the agent sent: staff cards and the tag table, one file each on the internal file system.

content/<kind>-<name as hex>: 32 bytes SHA-256 of what follows, then the file as it came; the hash was checked when it
was complete (incoming.py), so that nothing has to be hashed at the start.
content/part: the file that is arriving, in the same layout. It takes its name when it is whole: a power cut leaves the
old file or the new one.
"""

import os
from binascii import hexlify, unhexlify

from protocol import content

FOLDER = "content"
HASH_BYTES = 32
_TAGVER_BYTES = 4


class Content:
    """Find files; keep what HELLO's answer says of them true. Nothing of the files is in memory."""

    def __init__(self, folder: str, identity: dict) -> None:
        self.folder = folder
        self.on_change = None  # called when a file came or went
        self.identity = identity
        self.own = identity["assets"]
        self.describe()

    def path(self, kind: int, name: str) -> str:
        """Return where a file stands, or would."""
        return f"{self.folder}/{kind}-{hexlify(name.encode()).decode()}"

    def digest(self, path: str) -> bytes | None:
        """Return the hash that a file was stored under, None without a file."""
        try:
            with open(path, "rb") as file:
                found = file.read(HASH_BYTES)
        except OSError:
            return None
        return found if len(found) == HASH_BYTES else None

    def card(self, number: object) -> tuple | None:
        """Return (path, offset, hash) of a clerk's card, or None."""
        if type(number) is not str:
            return None
        path = self.path(content.STAFF_CARD, number)
        digest = self.digest(path)
        return None if digest is None else (path, HASH_BYTES, digest)

    def names(self, kind: int) -> list:
        """Return the names of the files of one kind."""
        return [name for own_kind, name in self._files() if own_kind == kind]

    def describe(self) -> None:
        """Put the files and the tag table's version into what HELLO is answered."""
        assets = dict(self.own)
        self.identity["tagver"] = None
        for kind, name in self._files():
            digest = self.digest(self.path(kind, name))
            if digest is not None:
                assets[f"{kind}/{name}"] = hexlify(digest).decode()[: content.HASH_DIGITS]
                if kind == content.TAG_TABLE:
                    self.identity["tagver"] = digest[:_TAGVER_BYTES]
        self.identity["assets"] = assets

    def changed(self) -> None:
        """Note that a file came or went."""
        self.describe()
        if self.on_change is not None:
            self.on_change()

    def _files(self) -> list:
        found = []
        try:
            entries = os.listdir(self.folder)
        except OSError:
            return found
        for entry in sorted(entries):
            kind, _, name = entry.partition("-")
            try:
                found.append((int(kind), unhexlify(name).decode()))
            except ValueError:
                pass  # the part, or no file of ours
        return found
