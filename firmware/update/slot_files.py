"""Work on the files of the slots: compare, copy, remove. Every step is small, so that presses are never kept waiting.

What takes long is a generator that yields between its steps; `finished` runs one at once, `driven` in a task.
A file is written as packs/part-<16 hex digits of its hash> and takes its name when it was read back and its hash was
right: whatever bears its name is whole. Only one part is kept.
"""

import os
import sys
from asyncio import sleep_ms
from hashlib import sha256

from protocol.content import SIGNATURE_BYTES
from update import manifest as manifests

PACKS = "packs"
KEY = "bundle.key"  # the modulus whose signatures this terminal accepts
MANIFEST, SIGNATURE = "/manifest.cbor", "/manifest.sig"

_PIECE_BYTES = 1_024
_THERE = 17  # EEXIST
_FOLDER = 0x4000  # in a mode, and in what ilistdir tells
_ENGAGED_MS = 100


def running() -> str:
    """Return the slot that runs."""
    return sys.path[0][1]  # "/a:", see libraries.py


def other() -> str:
    """Return the slot that does not run."""
    return "b" if running() == "a" else "a"


def read(path: str) -> bytes:
    """Return a file, b"" without one."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def size_of(path: str) -> int:
    """Return the size of a file in bytes, −1 without one."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def remove(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.remove(path)
    except OSError:
        pass


def accepted(slot: str, terminal: tuple) -> tuple:
    """Return (reason, manifest or None) of the manifest that stands in a slot, see manifest.accepted."""
    signature = read(slot + SIGNATURE)
    return manifests.accepted(read(KEY), read(slot + MANIFEST), signature[:SIGNATURE_BYTES], terminal)


def holds(path: str, piece: bytes) -> bool:
    """Return whether a file has this piece of at most _PIECE_BYTES in it."""
    before = b""
    with open(path, "rb") as file:
        data = file.read(_PIECE_BYTES)
        while data:
            if piece in before + data:
                return True
            before, data = data, file.read(_PIECE_BYTES)
    return False


def part_of(digest: bytes) -> str:
    """Return the name of the part of a file."""
    return PACKS + "/part-" + digest.hex()[:16]


def make_folders(path: str) -> None:
    """Make the folders above a file; OSError when the file system fails."""
    at = path.find("/")
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != _THERE:
                raise
        at = path.find("/", at + 1)


def is_as(path: str, size: int, digest: bytes) -> object:
    """Generate steps that return whether a file is what its manifest says, read back from the flash."""
    if size_of(path) != size:
        return False
    piece = memoryview(bytearray(_PIECE_BYTES))
    found = sha256()
    with open(path, "rb") as file:
        count = file.readinto(piece)
        while count:
            found.update(piece[:count])
            yield
            count = file.readinto(piece)
    return found.digest() == digest


def copied(source: str, target: str) -> object:
    """Generate steps that copy a file; OSError when the file system fails."""
    piece = memoryview(bytearray(_PIECE_BYTES))
    with open(source, "rb") as file, open(target, "wb") as copy:
        count = file.readinto(piece)
        while count:
            copy.write(piece[:count])
            yield
            count = file.readinto(piece)


def cleared(folder: str) -> object:
    """Generate steps that remove a folder with all in it, a slot's manifest first; OSError when that fails."""
    remove(folder + MANIFEST)
    yield
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] & _FOLDER:
            yield from cleared(path)
        else:
            os.remove(path)
            yield
    os.rmdir(folder)


def dropped(kept: list) -> object:
    """Generate steps that remove all packs and parts but these; OSError when that fails."""
    try:
        names = os.listdir(PACKS)
    except OSError:
        return
    for name in names:
        if PACKS + "/" + name not in kept:
            os.remove(PACKS + "/" + name)
            yield


def room_bytes() -> int:
    """Return the bytes free on the file system."""
    found = os.statvfs(os.getcwd())
    return found[1] * found[4]


def needed_bytes(manifest: object, slot: str) -> int:
    """Return the bytes that what is missing of a firmware takes on the flash, folders and manifest with it."""
    block = os.statvfs(os.getcwd())[1]
    folders = {slot}
    blocks = 4  # manifest and signature
    for index in range(manifest.count):
        place, size = manifest.place(index, slot), manifest.entry(index)[1]
        if size_of(place) != size:
            blocks += (size + block - 1) // block
        folders.add(place.rpartition("/")[0])
    return (blocks + 2 * len(folders)) * block


def finished(steps: object) -> object:
    """Do all steps at once; return what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


async def driven(steps: object, is_engaged: object, is_stopped: object) -> object:
    """Do the steps beside everything else, none while a citizen is served; None when they were stopped."""
    while True:
        while is_engaged():
            await sleep_ms(_ENGAGED_MS)
        if is_stopped():
            return None
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        await sleep_ms(0)
