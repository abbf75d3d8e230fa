"""Watch the file operations of the very SQLite library that this Python uses, by a VFS of ctypes around its own one.

The VFS is a copy of the library's default with a few functions replaced; each notes what it is asked and hands the call
on, so reads, locks and shared memory stay what they are. An operation is noted before it is carried out: a log of n
operations says what had been asked when the power failed, and an operation is durable only by a later sync.
Layouts: sqlite.org/c3ref/vfs.html and io_methods.html (sqlite3.h, both version 1 to 3). The sync of the folder is seen
through the system call openDirectory, which os_unix.c makes only to sync what it opened.
"""

import _sqlite3
import contextlib
import ctypes
import functools
import os
import random
from collections.abc import Iterator
from ctypes import CFUNCTYPE, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import NamedTuple

CREATE, WRITE, TRUNCATE, SYNC, DELETE, SYNC_FOLDER = "create", "write", "truncate", "sync", "delete", "sync_folder"
OK, IOERR, FULL = 0, 10, 13  # sqlite.org/rescode.html
_NAME = b"yiping-recorder"
_FUNCTIONS = {1: 12, 2: 16, 3: 18}  # of sqlite3_io_methods, by version
_CLOSE, _WRITE, _TRUNCATE, _SYNC = 0, 2, 3, 4  # their places


class Operation(NamedTuple):
    """One operation; `file` counts the files of a recording, `at` is an offset or a size in bytes."""

    what: str
    name: str
    file: int
    at: int = 0
    data: bytes = b""


class _IoMethods(ctypes.Structure):
    _fields_ = [("version", c_int), ("functions", c_void_p * 18)]


class _Vfs(ctypes.Structure):
    _fields_ = [
        ("version", c_int), ("file_bytes", c_int), ("path_limit", c_int), ("next", c_void_p), ("name", c_char_p),
        ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p), ("access", c_void_p), ("full_path", c_void_p),
        ("dl", c_void_p * 4), ("randomness", c_void_p), ("sleep", c_void_p), ("time", c_void_p), ("error", c_void_p),
        ("time_int64", c_void_p), ("set_call", c_void_p), ("get_call", c_void_p), ("next_call", c_void_p),
    ]  # fmt: skip


_OpenFn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DeleteFn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_RandomFn = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)
_CloseFn = CFUNCTYPE(c_int, c_void_p)
_WriteFn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TruncateFn = CFUNCTYPE(c_int, c_void_p, c_int64)
_SyncFn = CFUNCTYPE(c_int, c_void_p, c_int)
_FolderFn = CFUNCTYPE(c_int, c_char_p, c_void_p)
_SetCallFn = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
_GetCallFn = CFUNCTYPE(c_void_p, c_void_p, c_char_p)


class Unreachable(Exception):
    """This Python's SQLite cannot be watched; the text says why."""


class Recording:
    """What happened to the files of one folder; `room_bytes` is what may still be written, None for no limit."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin with the files that are there, which count as durable."""
        self.folder = os.path.realpath(folder)
        self.log: list[Operation] = []
        self.room_bytes: int | None = None
        self.faults: list[BaseException] = []
        self.random = random.Random(seed)
        self.first: dict[str, bytes] = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        self.files: dict[str, int] = {name: number for number, name in enumerate(sorted(self.first))}
        self.begun = len(self.files)

    def name(self, path: bytes) -> str | None:
        """Return the file's name if it lies in the folder."""
        folder, name = os.path.split(os.path.realpath(os.fsdecode(path)))
        return name if folder == self.folder else None

    def note(self, what: str, name: str, at: int = 0, data: bytes = b"") -> None:
        """Note one operation on a file of the folder."""
        if what == CREATE:
            self.files[name] = self.begun
            self.begun += 1
        file = self.files.pop(name, -1) if what == DELETE else self.files.get(name, -1)
        self.log.append(Operation(what, name, file, at, data))


class _Watch:
    """The VFS; one for the life of the process, since the library keeps pointers into it."""

    def __init__(self) -> None:
        """Find the library and prepare; nothing is changed yet."""
        self._lib = _library()
        self._default = self._lib.sqlite3_vfs_find(None)
        plain = _Vfs.from_address(self._default)
        if plain.version < 3 or not plain.set_call:
            raise Unreachable("its default VFS has no system calls to watch: not the one of Unix")
        self._methods: dict[int, tuple[_IoMethods, dict[int, object]]] = {}
        self._ours: set[int] = set()
        self._names: dict[int, bytes] = {}
        self._recording: Recording | None = None
        self._syncs = True
        self._plain_open, self._plain_delete = _OpenFn(plain.open), _DeleteFn(plain.delete)
        self._plain_random = _RandomFn(plain.randomness)
        self._set_call = _SetCallFn(plain.set_call)
        self._plain_folder = _FolderFn(_GetCallFn(plain.get_call)(self._default, b"openDirectory"))
        self._kept = (
            _OpenFn(self._open), _DeleteFn(self._delete), _RandomFn(self._random), _FolderFn(self._open_folder)
        )  # fmt: skip
        self._vfs = _Vfs.from_buffer_copy(plain)
        self._vfs.name = _NAME
        self._vfs.open, self._vfs.delete, self._vfs.randomness = (_address(function) for function in self._kept[:3])

    @contextlib.contextmanager
    def on(self, recording: Recording | None, syncs: bool) -> Iterator[None]:
        """Be the default for connections opened inside; without `syncs` no sync is carried out."""
        if self._recording is not None:
            raise RuntimeError("recordings do not nest")
        self._recording, self._syncs = recording, syncs
        self._lib.sqlite3_vfs_register(ctypes.addressof(self._vfs), 1)
        self._set_call(self._default, b"openDirectory", _address(self._kept[3]))
        self._lib.sqlite3_randomness(0, None)  # seeded anew by the next use
        try:
            yield
        finally:
            self._set_call(self._default, b"openDirectory", None)
            self._lib.sqlite3_vfs_register(self._default, 1)
            self._recording = None
        if recording is not None and recording.faults:
            raise recording.faults[0]

    # --- called by the library, from any thread that uses a connection

    def _open(self, _vfs: int, path: int, file: int, flags: int, out: int) -> int:
        name = ctypes.string_at(path) if path else b""
        known = self._recording.name(name) if self._recording is not None and name else None
        # An empty file that Python has just made counts too: its name is no more durable than one that SQLite makes.
        new = known is not None and self._recording is not None and known not in self._recording.files
        fresh = new and (not os.path.lexists(name) or os.path.getsize(name) == 0)
        code = self._plain_open(self._default, path, file, flags, out)
        if code == OK and name:
            self._names[file] = name
            methods = c_void_p.from_address(file)
            if methods.value not in self._ours:
                methods.value = ctypes.addressof(self._watched(methods.value))
            if fresh and known is not None:
                self._note(CREATE, name)
        return code

    def _delete(self, _vfs: int, path: int, sync_folder: int) -> int:
        name = ctypes.string_at(path)
        if os.path.lexists(name):
            self._note(DELETE, name)
        return self._plain_delete(self._default, path, sync_folder)

    def _random(self, _vfs: int, count: int, out: int) -> int:
        if self._recording is None:
            return self._plain_random(self._default, count, out)
        ctypes.memmove(out, self._recording.random.randbytes(count), count)
        return count

    def _open_folder(self, path: bytes, out: int) -> int:
        self._note(SYNC_FOLDER, path)
        return self._plain_folder(path, out)

    def _close(self, plain: object, file: int) -> int:
        self._names.pop(file, None)
        return plain(file)

    def _write(self, plain: object, file: int, data: int, count: int, at: int) -> int:
        recording = self._recording
        if recording is not None and recording.room_bytes is not None:
            if recording.room_bytes < count:
                return FULL
            recording.room_bytes -= count
        self._note(WRITE, self._names[file], at, ctypes.string_at(data, count))
        return plain(file, data, count, at)

    def _truncate(self, plain: object, file: int, size: int) -> int:
        self._note(TRUNCATE, self._names[file], size)
        return plain(file, size)

    def _sync(self, plain: object, file: int, flags: int) -> int:
        self._note(SYNC, self._names[file])
        return plain(file, flags) if self._syncs else OK

    def _note(self, what: str, path: bytes, at: int = 0, data: bytes = b"") -> None:
        recording = self._recording
        if recording is None:
            return
        try:
            # What is named to sync a folder is a file of it.
            name = recording.name(path)
            if name is not None:
                recording.note(what, "" if what == SYNC_FOLDER else name, at, data)
        except BaseException as error:  # noqa: BLE001, no exception passes through the library; told at the end
            recording.faults.append(error)

    def _watched(self, address: int) -> _IoMethods:
        """Return a copy of a table of methods with ours in it, always the same for the same table."""
        if address not in self._methods:
            plain, copy = _IoMethods.from_address(address), _IoMethods()
            copy.version = plain.version
            for place in range(_FUNCTIONS[min(plain.version, 3)]):
                copy.functions[place] = plain.functions[place]
            ours = {}
            for place, form, function in (
                (_CLOSE, _CloseFn, self._close), (_WRITE, _WriteFn, self._write),
                (_TRUNCATE, _TruncateFn, self._truncate), (_SYNC, _SyncFn, self._sync),
            ):  # fmt: skip
                ours[place] = form(functools.partial(function, form(plain.functions[place])))
                copy.functions[place] = _address(ours[place])
            self._methods[address] = copy, ours
            self._ours.add(ctypes.addressof(copy))
        return self._methods[address][0]


@functools.cache
def _watch() -> _Watch:
    return _Watch()


@contextlib.contextmanager
def recorded(folder: Path, seed: int) -> Iterator[Recording]:
    """Record what SQLite does to the files right in `folder`; raises Unreachable.

    Connections opened inside must be closed inside.
    """
    recording = Recording(folder, seed)
    with _watch().on(recording, syncs=True):
        yield recording


@contextlib.contextmanager
def unsynced() -> Iterator[None]:
    """Carry out no sync: for images whose power does not fail again; raises Unreachable."""
    with _watch().on(None, syncs=False):
        yield


def _library() -> ctypes.CDLL:
    """Return the library that the sqlite3 module has loaded, which may be linked into it or into Python itself."""
    lib = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        lib.sqlite3_vfs_find.restype = c_void_p
        lib.sqlite3_vfs_find.argtypes = [c_char_p]
        lib.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
        lib.sqlite3_randomness.argtypes = [c_int, c_void_p]
        lib.sqlite3_randomness.restype = None
        lib.sqlite3_libversion.restype = c_char_p
    except AttributeError as error:
        raise Unreachable(f"this Python hides the functions of its SQLite: {error}") from None
    if lib.sqlite3_libversion().decode() != _sqlite3.sqlite_version:
        raise Unreachable("another SQLite than the one that this Python uses was found")
    return lib


def _address(function: object) -> int:
    return ctypes.cast(function, c_void_p).value or 0
