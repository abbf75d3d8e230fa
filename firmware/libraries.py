"""Let the modules of a slot be imported from its libraries; part of the bootstrap, see slots.py.

A library, <folder>.lib, holds all modules of one folder, root.lib those beside the folders: littlefs gives every file
whole blocks of 4 KB, and a module has one. Written by host_agent/bundle/libraries.py:

  4 digits                            bytes of the index
  index: \n name offset size \n …     the path in the folder, two decimal numbers; sorted by name, ends with \n
  modules                             compiled, each from its offset on, counted from the beginning of the file

In memory is one index, and only from when a module is looked for until it is found; the modules come from the flash.
"""

import os
import sys

import vfs

_ROOT = "root"
_LENGTH_DIGITS = 4
_FOLDER_MODE, _FILE_MODE = 0x4000, 0x8000
_MISSING = 2  # ENOENT


def use(slot: str) -> None:
    """Mount the libraries of a slot as "/a:" or "/b:", and look there for modules first."""
    place = "/" + slot + ":"
    vfs.mount(Libraries(slot), place)
    sys.path.insert(0, place)


class Libraries:
    """What import asks a file system; only reads. OSError or ValueError for what is not there or is damaged."""

    def __init__(self, slot: str) -> None:
        self._slot = slot
        self._folder, self._index = "", b""

    def mount(self, _read_only: bool, _make: bool) -> None:
        """Do nothing: there is nothing to open."""

    def umount(self) -> None:
        """Do nothing: nothing is open."""

    def stat(self, path: str) -> tuple:
        """Return the mode of a module or folder, and nine zeros."""
        mode = _FOLDER_MODE
        if path.endswith(".py"):
            raise OSError(_MISSING)
        if path.endswith(".mpy"):
            self._offset(path, " ")
            mode = _FILE_MODE
        elif path.find("/", 1) > 0:
            self._offset(path, "/")
        else:
            os.stat(self._slot + path + ".lib")
        return (mode, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def open(self, path: str, _mode: str) -> object:
        """Return the library of a module, open where the module begins; whoever loads it knows where it ends."""
        at = self._offset(path, " ")
        file = open(self._slot + "/" + self._folder + ".lib", "rb")  # noqa: SIM115, closed by who loads the module
        self._folder, self._index = "", b""
        file.seek(at)
        return file

    def _offset(self, path: str, end: str) -> int:
        """Return the number behind a name that is followed by `end`; of a folder any."""
        folder, _, name = path[1:].partition("/")
        if not name:
            folder, name = _ROOT, folder
        if folder != self._folder:
            self._folder = ""
            with open(self._slot + "/" + folder + ".lib", "rb") as file:
                self._index = file.read(int(file.read(_LENGTH_DIGITS)))
            self._folder = folder
        name = "\n" + name + end
        at = self._index.find(name.encode())
        if at < 0:
            raise OSError(_MISSING)
        return 0 if end == "/" else int(self._index[at + len(name) :].split(b" ", 1)[0])
