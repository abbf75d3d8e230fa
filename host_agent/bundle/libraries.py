"""Pack the modules of a slot into libraries, one file for a folder; firmware/libraries.py says what stands in one."""

from host_agent.errors import UserError

ROOT = "root"
_LENGTH_DIGITS = 4
_MODULE, _LIBRARY = ".mpy", ".lib"


def pack(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a slot by path, all modules in libraries. Raises UserError."""
    packed = {path: data for path, data in files.items() if not path.endswith(_MODULE)}
    folders: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        if path.endswith(_MODULE):
            folder, _, name = path.partition("/") if "/" in path else (ROOT, "", path)
            folders.setdefault(folder, {})[name] = data
    if any(path.startswith(ROOT + "/") for path in files):
        raise UserError("a folder has the name of the library for what lies in none", ROOT, "give it another one")
    return packed | {folder + _LIBRARY: _library(modules) for folder, modules in sorted(folders.items())}


def unpack(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a slot by path, each module by itself; ValueError for a library that is none."""
    found = {path: data for path, data in files.items() if not path.endswith(_LIBRARY)}
    for path, data in files.items():
        if path.endswith(_LIBRARY):
            folder = path.removesuffix(_LIBRARY)
            above = "" if folder == ROOT else folder + "/"
            found |= {above + name: module for name, module in _modules(data).items()}
    return found


def _library(modules: dict[str, bytes]) -> bytes:
    """Return one library; its numbers have a fixed width, so that the length of the index is known before them."""
    names = sorted(modules)
    length = sum(len(_line(name, 0, 0)) for name in names) + 1
    at, index = _LENGTH_DIGITS + length, ""
    for name in names:
        index += _line(name, at, len(modules[name]))
        at += len(modules[name])
    if length >= 10**_LENGTH_DIGITS or at > 999_999:
        raise UserError("too much for one library", names[0], "divide the folder")
    return f"{length:0{_LENGTH_DIGITS}}{index}\n".encode() + b"".join(modules[name] for name in names)


def _line(name: str, offset: int, size: int) -> str:
    return f"\n{name} {offset:06} {size:06}"


def _modules(library: bytes) -> dict[str, bytes]:
    """Return the modules of a library by name."""
    start = _LENGTH_DIGITS + int(library[:_LENGTH_DIGITS])
    found = {}
    for line in library[_LENGTH_DIGITS:start].decode().split("\n")[1:-1]:
        name, offset, size = line.split(" ")
        found[name] = library[int(offset) : int(offset) + int(size)]
    return found
