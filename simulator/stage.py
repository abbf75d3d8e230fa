"""Put the firmware into a simulated flash folder as it is flashed, see build.py."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from simulator.build import ROOT, cache_folder, compile_firmware, compile_source
from simulator.errors import UserError

FIRMWARE = ROOT / "firmware"
PROTOCOL = ROOT / "protocol"
SHIMS = Path(__file__).resolve().parent / "shims"

_SKIPPED = (".md", ".txt", ".pyc", ".yaml", ".toml")
_MANIFEST = "staged.json"


def sources(firmware: Path, protocol: Path | None, board: str) -> dict[str, Path]:
    """Return path on the device → file, for everything that is flashed on a board.

    Of what each board has its own kind of, only its own is flashed: boards/<board>.py, ui/layout_<board>.py as
    ui/layout.py, and assets/<board>/ as assets/.
    """
    found: dict[str, Path] = {}
    trees = [(firmware, "")] + ([(protocol, "protocol/")] if protocol is not None else [])
    for tree, prefix in trees:
        for path in sorted(tree.rglob("*")):
            relative = path.relative_to(tree)
            if not path.is_file() or any(part.startswith((".", "__pycache__")) for part in relative.parts):
                continue
            if path.suffix in _SKIPPED or (prefix and path.suffix != ".py"):
                continue
            name = prefix + relative.as_posix() if prefix else _place(relative, board)
            if name is not None:
                found[name] = path
    return found


def _place(file: Path, board: str) -> str | None:
    """Return where a file of the firmware goes on a board; None for what is another board's.

    The sorted order has ui/layout.py before ui/layout_<board>.py, which so takes its place.
    """
    folder, name = file.parts[0], file.name
    if folder == "boards" and name not in ("__init__.py", f"{board}.py"):
        return None
    if folder == "assets":
        return f"assets/{name}" if file.parts[1] == board else None
    if folder == "ui" and name.startswith("layout_"):
        return "ui/layout.py" if name == f"layout_{board}.py" else None
    return file.as_posix()


def stage(flash: Path, firmware: Path, protocol: Path | None, board: str) -> None:
    """Bring the code in `flash` up to date; files the firmware made itself stay. Raises SimError."""
    if not (firmware / "main.py").exists():
        raise UserError("no main.py", str(firmware), "name the folder that holds the firmware")
    flash.mkdir(parents=True, exist_ok=True)
    found = sources(firmware, protocol, board)
    files = {name: path for name, path in found.items() if path.suffix != ".py"}
    files.update(compile_firmware({name: path for name, path in found.items() if path.suffix == ".py"}))
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
    shims = sorted(SHIMS.glob("*.py"))
    files = {path.stem: compile_source(path.read_bytes(), path.name, cache, path) for path in shims}
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
