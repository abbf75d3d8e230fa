"""Files on a board's internal flash, through its prompt: listed by size and hash, written one at a time, read back.

A file is sent as base64 in pieces of PIECE_BYTES, each one statement in paste mode; after the last one the board reads
the whole file back from its flash and its SHA-256 must be that of what was sent.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping

import attrs

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.board.prompt import Prompt, PromptError

PIECE_BYTES = 6_144  # 8 KB of text: what the smallest board's heap holds several times, even beside its own code
WAITING = ".new"  # behind the name of a file that is not in force yet
TRIES = 3
BLOCK_BYTES = 4_096
_HASHED_AT_ONCE_BYTES = 128 * 1024  # a board hashes about 300 KB a second, and an answer has a limit

# What the board needs to know; about 40 lines, defined once a connection. A name with a colon is no folder: there the
# firmware that was started has its modules, see firmware/libraries.py. A file that a stopped run left open is closed
# first: closed later, by the collector, it would come over the one that was written meanwhile.
_ON_BOARD = """\
import os, hashlib, binascii
def _y_hash(p):
    d = hashlib.sha256()
    b = bytearray(1024)
    m = memoryview(b)
    with open(p, 'rb') as f:
        while 1:
            n = f.readinto(b)
            if not n:
                break
            d.update(m[:n])
    return binascii.hexlify(d.digest()).decode()
def _y_list(top):
    for e in os.ilistdir(top or '/'):
        if e[0].endswith(':'):
            continue
        p = top + '/' + e[0] if top else e[0]
        if e[1] & 0x4000:
            print(p + '/')
            _y_list(p)
        else:
            print(p, e[3])
def _y_close():
    try:
        _y_f.close()
    except (NameError, OSError):
        pass
def _y_open(p):
    global _y_f
    _y_close()
    at = p.find('/')
    while at > 0:
        try:
            os.mkdir(p[:at])
        except OSError as e:
            if e.errno != 17:
                raise
        at = p.find('/', at + 1)
    _y_f = open(p, 'wb')
def _y_add(t):
    _y_f.write(binascii.a2b_base64(t))
def _y_end(p):
    _y_f.close()
    print(_y_hash(p))
def _y_sync():
    if hasattr(os, 'sync'):
        os.sync()
_y_close()
"""


@attrs.frozen
class Listing:
    """What lies on the board: size by path, and the folders."""

    files: dict[str, int]
    folders: list[str]


class BoardFiles:
    """The file system behind a prompt."""

    def __init__(self, prompt: Prompt) -> None:
        """Teach the board what is asked of it. Raises BoardFault."""
        self._prompt = prompt
        prompt.run(_ON_BOARD)

    def listing(self) -> Listing:
        """Return all files and folders. Raises BoardFault."""
        files: dict[str, int] = {}
        found: list[str] = []
        for line in self._prompt.run("_y_list('')").splitlines():
            if line.endswith("/"):
                found.append(line[:-1])
            else:
                path, _, size = line.rpartition(" ")
                files[path] = int(size)
        return Listing(files, found)

    def hashes(self, sizes: Mapping[str, int], done: Callable[[int], None] = lambda _bytes: None) -> dict[str, str]:
        """Return the SHA-256 in hex of files on the board, which have these sizes. Raises BoardFault, PromptError."""
        found: dict[str, str] = {}
        for paths in _portions(sizes):
            said = self._prompt.run(f"for p in {paths!r}:\n print(_y_hash(p))\n").splitlines()
            found.update(zip(paths, said, strict=True))
            done(sum(sizes[path] for path in paths))
        return found

    def free_bytes(self) -> int:
        """Return how much room is left. Raises BoardFault."""
        block, free = self._prompt.run("s=os.statvfs('/')\nprint(s[0],s[3])").split()
        return int(block) * int(free)

    def write(self, path: str, data: bytes, done: Callable[[int], None] = lambda _bytes: None) -> None:
        """Write a file and have the board read it back; `done` hears each piece's bytes.

        :raises BoardFault: it does not hold, after TRIES tries; the flash is full; the board is gone.
        """
        wanted = hashlib.sha256(data).hexdigest()
        for attempt in range(TRIES):
            if self._send(path, data, done if attempt == 0 else lambda _bytes: None) == wanted:
                return
        cure = "flash this board again; if it happens again, its flash is worn out: take another board"
        raise BoardFault(faults.BAD_WRITE, f"{path} was written {TRIES} times and reads back wrong", self._port, cure)

    def _send(self, path: str, data: bytes, done: Callable[[int], None]) -> str:
        """Write a file; return the hash of what the board reads back."""
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)] or [b""]
        said = ""
        try:
            for number, piece in enumerate(pieces):
                text = base64.b64encode(piece).decode()
                begin = f"_y_open({path!r})\n" if number == 0 else ""
                end = f"\n_y_end({path!r})" if number == len(pieces) - 1 else ""
                said = self._prompt.run(f"{begin}_y_add('{text}'){end}")
                done(len(piece))
        except PromptError as error:
            raise self._error(path, error) from None
        return said.strip()

    def remove(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        """Remove files, then folders that are empty by then. Raises BoardFault."""
        try:
            for path in paths:
                self._prompt.run(f"os.remove({path!r})")
            for path in sorted(folders, reverse=True):
                self._prompt.run(f"os.rmdir({path!r})")
        except PromptError as error:
            raise self._error("the flash", error) from None

    def replace(self, path: str, data: bytes) -> None:
        """Put a file in a path's place, which holds the old one until the new one was read back. Raises BoardFault."""
        self.write(path + WAITING, data)
        self.rename([(path + WAITING, path)])

    def rename(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Rename files in one statement, in the order given, and have them on the flash. Raises BoardFault."""
        try:
            self._prompt.run("\n".join([*(f"os.rename({old!r},{new!r})" for old, new in pairs), "_y_sync()"]))
        except PromptError as error:
            raise self._error("the flash", error) from None

    @property
    def _port(self) -> str:
        return self._prompt.port

    def _error(self, path: str, error: PromptError) -> BoardFault:
        cure = "plug the board in again and flash it anew; if it happens again, take another board"
        return BoardFault(faults.BOARD, f"{path} cannot be written: {error}", self._port, cure)


def _portions(sizes: Mapping[str, int]) -> Iterable[list[str]]:
    """Yield paths in portions that a board hashes in good time."""
    portion: list[str] = []
    size = 0
    for path in sorted(sizes):
        if portion and size + sizes[path] > _HASHED_AT_ONCE_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(path)
        size += sizes[path] + BLOCK_BYTES
    if portion:
        yield portion
