"""What a disk may hold after a power cut: POSIX read as pessimistically as SQLite's documentation asks for.

What was synced is there. Of what was written since, each write may be there or not, in any order, whole or in part, or
as zeros (the size is new, the data is not) or noise; outside its own bytes a write spoils nothing (powersafe overwrite,
sqlite.org/psow.html). A size that was not synced is the old or the new one. A file's name may be missing, or be back
after its deletion, until its folder was synced; what was synced under a name that is lost is lost with it.
"""

import random
from dataclasses import dataclass, field

from tests.host_power_cut.vfs import CREATE, DELETE, SYNC, SYNC_FOLDER, TRUNCATE, WRITE, Operation, Recording

SECTOR_BYTES = 512
INDEX_BYTES = 32_768  # one part of a log's index, sqlite.org/walformat.html
ALL = "all"  # all that was written is there: the process was killed, the disk was not
NONE = "none"  # nothing is there that was not synced
FIRST = "first"  # of the last write only the first part
LAST = "last"  # of the last write only the last part
NOISE = "noise"  # the last write left noise
LATE = "late"  # only the last write is there: the disk has changed the order
ZEROS = "zeros"  # names and sizes are new, the data is not there
MIXED = ("mixed0", "mixed1", "mixed2")  # everything by lot, each write another way
TORN = (FIRST, LAST, NOISE, LATE, ZEROS, *MIXED)
TEARS = (ALL, NONE, *TORN)

Image = dict[str, bytes]


@dataclass
class _File:
    """One file: what is durable, and what was asked for since."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[Operation] = field(default_factory=list)


class Disk:
    """Step through a recording; after any number of operations give the images that a power cut then leaves."""

    def __init__(self, recording: Recording) -> None:
        """Begin with what was there at first."""
        self._log = recording.log
        self._files = {number: _File(bytearray(recording.first[name])) for number, name in _numbered(recording)}
        self._names = {name: number for number, name in _numbered(recording)}
        self._since: list[Operation] = []  # names made and deleted since the folder was synced
        self.at = 0

    def go_to(self, count: int) -> None:
        """Let all operations before number `count` have been asked for."""
        while self.at < count:
            operation = self._log[self.at]
            self.at += 1
            if operation.what in (WRITE, TRUNCATE):
                self._files[operation.file].since.append(operation)
            elif operation.what == SYNC:
                file = self._files[operation.file]
                for earlier in file.since:
                    _apply(file.synced, earlier)
                file.since.clear()
            elif operation.what == SYNC_FOLDER:
                _rename(self._names, self._since)
                self._since.clear()
            else:
                if operation.what == CREATE:
                    self._files[operation.file] = _File()
                self._since.append(operation)

    @property
    def last(self) -> Operation | None:
        """Return the operation that was asked for last."""
        return self._log[self.at - 1] if self.at else None

    def image(self, tear: str, rng: random.Random) -> Image:
        """Return the files that a power cut leaves now."""
        names = dict(self._names)
        _rename(names, [one for one in self._since if _is_named(tear, rng)])
        image = {name: bytes(self._content(self._files[number], tear, rng)) for name, number in names.items()}
        if tear in MIXED:
            image |= {name: rng.randbytes(INDEX_BYTES) for name in map(_index_of, names) if name and rng.random() < 0.5}
        return image

    def _content(self, file: _File, tear: str, rng: random.Random) -> bytearray:
        content = bytearray(file.synced)
        for operation in file.since:
            fate = _fate(tear, operation is self.last, rng)
            if fate != NONE:
                _apply(content, operation, fate, rng)
        return content


def _numbered(recording: Recording) -> list[tuple[int, str]]:
    return list(enumerate(sorted(recording.first)))


def _rename(names: dict[str, int], operations: list[Operation]) -> None:
    for operation in operations:
        if operation.what == CREATE:
            names[operation.name] = operation.file
        elif operation.what == DELETE:
            names.pop(operation.name, None)


def _index_of(name: str) -> str | None:
    """Return the name of a log's index in shared memory, which is never synced and may hold anything."""
    return name.removesuffix("-wal") + "-shm" if name.endswith("-wal") else None


def _is_named(tear: str, rng: random.Random) -> bool:
    """Say whether a name's making or deleting is there although its folder was not synced."""
    if tear in (NONE, LATE):
        return False
    return tear not in MIXED or rng.random() < 0.5


def _fate(tear: str, is_last: bool, rng: random.Random) -> str:
    """Return what became of one write: ALL, NONE, FIRST, LAST, NOISE or ZEROS."""
    if tear in MIXED:
        return rng.choice((ALL, ALL, NONE, FIRST, LAST, NOISE, ZEROS))
    if tear == LATE:
        return ALL if is_last else NONE
    if tear in (FIRST, LAST, NOISE):
        return tear if is_last else ALL
    return tear


def _apply(content: bytearray, operation: Operation, fate: str = ALL, rng: random.Random | None = None) -> None:
    """Carry out a write or a change of the size, wholly or as torn as `fate` says."""
    if operation.what == TRUNCATE:
        _resize(content, operation.at)
        return
    at, data = operation.at, operation.data
    start, end = 0, len(data)
    if fate == ZEROS:
        _resize(content, max(len(content), at + len(data)))
        return
    if rng is not None and fate in (FIRST, LAST, NOISE):
        edge = _edge(len(data), rng)
        start, end = (edge, end) if fate == LAST else (0, edge) if fate == FIRST else (0, end)
        if fate == NOISE:
            data = data[:edge] + rng.randbytes(end - edge)
    _resize(content, max(len(content), at + end))
    content[at + start : at + end] = data[start:end]


def _edge(size: int, rng: random.Random) -> int:
    """Return where a write of that size was torn: between sectors, or anywhere in what is smaller than one."""
    if size <= SECTOR_BYTES:
        return rng.randrange(size)
    return rng.randrange(0, size, SECTOR_BYTES)


def _resize(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))
