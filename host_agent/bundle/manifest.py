"""The manifest of a bundle: what the terminal checks before it switches, one deterministic CBOR map.

{1: "yiping bundle 1", 2: board, 3: version, 4: release, 5: floor, 6: least bootstrap, 7: files of the slot,
 8: packs, 9: files of the bootstrap}, where files are [[path, size, SHA-256], …] sorted by path.
A release is a version as one number: major · 10⁶ + minor · 10³ + patch. The floor is the least release that a
terminal takes once it runs this one.
"""

import re

import attrs

from host_agent.bundle import layout
from host_agent.errors import UserError
from protocol import cbor
from protocol.errors import CborError

FORMAT = "yiping bundle 1"
MAX_BYTES = 65_536
MAX_FILES = 512
MAX_FILE_BYTES = 4 << 20
MAX_BOOTSTRAP = 0xFFFF

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})")
_BOARD = re.compile(r"[a-z][a-z0-9_]{0,15}")
_PATH = re.compile(r"[A-Za-z0-9_]+(?:[./][A-Za-z0-9_]+)*")
_MAX_PATH = 64
_KEYS = list(range(1, 10))
_MAX_RELEASE = 999_999_999


@attrs.frozen
class Entry:
    """One file: its path as the firmware asks for it, its size in bytes and its SHA-256."""

    path: str
    size: int
    digest: bytes


@attrs.frozen
class Manifest:
    """What a bundle holds and for whom it is."""

    board: str
    version: str
    release: int
    floor: int
    bootstrap: int
    slot: tuple[Entry, ...]
    packs: tuple[Entry, ...]
    bootstrap_files: tuple[Entry, ...]

    def encode(self) -> bytes:
        """Return the one encoding."""
        lists = (self.slot, self.packs, self.bootstrap_files)
        values = [FORMAT, self.board, self.version, self.release, self.floor, self.bootstrap]
        values += [[[entry.path, entry.size, entry.digest] for entry in entries] for entries in lists]
        return cbor.encode(dict(zip(_KEYS, values, strict=True)))


def release_of(version: str) -> int:
    """Return a version as one number. Raises UserError."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise UserError("no version of three numbers", version, "write it as 1.2.3, each number at most 999")
    major, minor, patch = (int(part) for part in found.groups())
    return major * 1_000_000 + minor * 1_000 + patch


def entries(files: dict[str, bytes]) -> tuple[Entry, ...]:
    """Return what a manifest says of files, given by path."""
    return tuple(Entry(path, len(data), layout.sha256(data)) for path, data in sorted(files.items()))


def decode(data: bytes, where: str) -> Manifest:
    """Return what a manifest says; `where` names its bundle. Raises UserError for anything but a whole, valid one."""
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it has {len(data)} bytes, at most {MAX_BYTES} are allowed")
        raw = cbor.decode(data)
        if not isinstance(raw, dict) or list(raw) != _KEYS:
            raise ValueError("it is no map of the nine keys")
        if raw[1] != FORMAT:
            raise ValueError(f"its format is {raw[1]!r}, this program knows {FORMAT!r}")
        _check(raw)
        lists = [_entries(raw[key]) for key in (7, 8, 9)]
    except (CborError, ValueError) as error:
        cure = "take the bundle from where it was built again, or a newer yiping"
        raise UserError(f"the manifest is refused: {error}", where, cure) from error
    return Manifest(raw[2], raw[3], raw[4], raw[5], raw[6], *lists)


def _check(raw: dict) -> None:
    """Raise ValueError unless board, version and the numbers can be."""
    if not isinstance(raw[2], str) or not _BOARD.fullmatch(raw[2]):
        raise ValueError("the board has no name")
    if not isinstance(raw[3], str) or not _VERSION.fullmatch(raw[3]) or release_of(raw[3]) != raw[4]:
        raise ValueError("version and release do not fit")
    for key, most in ((4, _MAX_RELEASE), (5, raw[4]), (6, MAX_BOOTSTRAP)):
        if type(raw[key]) is not int or not 0 <= raw[key] <= most:
            raise ValueError(f"the number under key {key} cannot be")


def _entries(raw: object) -> tuple[Entry, ...]:
    """Return the files of one list; ValueError when it is not a sorted list of what can be on a terminal."""
    if not isinstance(raw, list) or len(raw) > MAX_FILES:
        raise ValueError("a list of files is none, or too long")
    found = []
    for item in raw:
        if not isinstance(item, list) or len(item) != 3:
            raise ValueError("a file has not path, size and hash")
        path, size, digest = item
        if not isinstance(path, str) or len(path) > _MAX_PATH or not _PATH.fullmatch(path):
            raise ValueError(f"{path!r} is no path of a file on a terminal")
        if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
            raise ValueError(f"{path} has an impossible size")
        if not isinstance(digest, bytes) or len(digest) != 32:
            raise ValueError(f"{path} has no SHA-256")
        found.append(Entry(path, size, digest))
    paths = [entry.path for entry in found]
    if paths != sorted(set(paths)):
        raise ValueError("files are not sorted, or named twice")
    return tuple(found)
