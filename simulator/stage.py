"""Flash a simulated terminal as a board is flashed over a cable, see host_agent/bundle.

Once flashed, its flash is its own: a terminal that updated itself keeps what it runs. It is flashed anew, settings and
content untouched, when the sources have changed since.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from host_agent.bundle import keys, layout, make
from host_agent.bundle.compiler import cache_folder, compile_source
from host_agent.bundle.layout import FIRMWARE, PROTOCOL
from simulator.errors import UserError

SHIMS = Path(__file__).resolve().parent / "shims"
__all__ = ["FIRMWARE", "PROTOCOL", "SHIMS", "shims_folder", "signing_key", "stage"]

_NOTE = "staged.json"  # beside the flash: what was flashed last, and by which files
_KEY_FILE = "signing-key.pem"


def stage(flash: Path, firmware: Path, protocol: Path | None, board: str) -> None:
    """Flash the firmware unless these very files were flashed before. Raises UserError."""
    if not (firmware / "main.py").exists():
        raise UserError("no main.py", str(firmware), "name the folder that holds the firmware")
    flash.mkdir(parents=True, exist_ok=True)
    files = _files(firmware, protocol, board)
    known = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    note = flash.parent / _NOTE
    before = json.loads(note.read_text()) if note.exists() else {}
    if before == known and (flash / "main.py").exists():
        return
    note.unlink(missing_ok=True)
    for folder in (layout.FIRST_SLOT, layout.SECOND_SLOT, layout.PACKS):
        shutil.rmtree(flash / folder, ignore_errors=True)
    for name in before:
        (flash / name).unlink(missing_ok=True)
    for name, data in files.items():
        (flash / name).parent.mkdir(parents=True, exist_ok=True)
        (flash / name).write_bytes(data)
    note.write_text(json.dumps(known, indent=1, sort_keys=True))


def _files(firmware: Path, protocol: Path | None, board: str) -> dict[str, bytes]:
    """Return path → content of a freshly flashed board; a bare program for the chip has neither slots nor manifest."""
    if not layout.has_bootstrap([path.name for path in firmware.iterdir()]):
        return {name: path.read_bytes() for name, path in make.compiled(firmware, protocol, board).items()}
    return make.build(board, signing_key(), firmware, protocol).flash_files()


def signing_key() -> keys.Key:
    """Return the throw-away key of this cache, which signs what simulated terminals run. Raises UserError."""
    path = cache_folder() / _KEY_FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder, contextlib.suppress(FileExistsError):
            keys.make(Path(folder, path.name))
            os.link(Path(folder, path.name), path)  # of several that start at once, one makes it
    return keys.load(path)


def shims_folder() -> Path:
    """Return a folder with the compiled shims, made once for each version of them. Raises UserError."""
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
