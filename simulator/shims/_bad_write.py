"""A fault of the bench: one byte that a program writes to a file arrives wrong, once."""

import builtins

import uos

_host = uos.VfsPosix("/")
_open = builtins.open


class _File:
    """A file whose `write` counts down to the byte that goes wrong."""

    left = 0
    spent = ""

    def __init__(self, file) -> None:
        self._file = file

    def write(self, data) -> int:
        """Write bytes, one of them turned over when its turn has come."""
        before, _File.left = _File.left, _File.left - len(data)
        if 0 < before <= len(data):
            data = bytearray(data)
            data[before - 1] ^= 0x10
            _host.open(_File.spent, "w").close()
        return self._file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self._file.close()

    def __getattr__(self, name: str):
        return getattr(self._file, name)


def install(plan: str) -> None:
    """Spoil byte N of a plan "N:path of the file that notes it is done", unless that is there."""
    number, _, _File.spent = plan.partition(":")
    _File.left = int(number)
    try:
        _host.stat(_File.spent)
    except OSError:
        builtins.open = lambda path, mode="r", **more: (
            _File(_open(path, mode)) if "w" in mode and "b" in mode else _open(path, mode, **more)
        )
