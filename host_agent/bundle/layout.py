"""Where the files of a firmware go on a terminal's internal flash.

boot.py main.py slots.mpy libraries.mpy mending.mpy
                                        the bootstrap, which chooses a slot; never changed over the link
bundle.key                              modulus of the key whose signatures the terminal accepts
slots.json                              which slot is confirmed, which on trial; see firmware/slots.py
a/ b/                                   one whole firmware each: a library for each folder of modules, see libraries.py,
                                        assets/packs.json, manifest.cbor and manifest.sig
packs/<16 hex digits of the SHA-256>    big files that are only read, shared by both slots: two copies would not fit
settings.json content/                  what the terminal keeps; no part of a bundle
"""

import hashlib
import json
from collections.abc import Container
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARE = ROOT / "firmware"
PROTOCOL = ROOT / "protocol"

BOOTSTRAP = ("boot.py", "main.py", "slots.py", "libraries.py", "mending.py")
KEY, SLOTS, MANIFEST, SIGNATURE = "bundle.key", "slots.json", "manifest.cbor", "manifest.sig"
FIRST_SLOT, SECOND_SLOT, PACKS = "a", "b", "packs"
_PACK_DIGITS = 16
_SKIPPED = (".md", ".txt", ".pyc", ".yaml", ".toml")


def sources(firmware: Path, protocol: Path | None, board: str) -> dict[str, Path]:
    """Return path on the device → file, for everything that is flashed on a board; of a slot without the slot's name.

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


def has_bootstrap(names: Container[str]) -> bool:
    """Return whether these files are a firmware with slots; without, they are a bare program for a chip."""
    return "slots.py" in names


def is_bootstrap(name: str) -> bool:
    """Return whether a file is one of the bootstrap's, by its path as source or compiled."""
    return name.removesuffix(".mpy").removesuffix(".py") + ".py" in BOOTSTRAP


def is_pack(name: str) -> bool:
    """Return whether a file is so big that both slots share it."""
    return name.startswith("assets/") and name.endswith(".bin")


def pack_place(digest: bytes) -> str:
    """Return where a pack lies on the flash, by its SHA-256."""
    return f"{PACKS}/{digest.hex()[:_PACK_DIGITS]}"


def fresh_slots() -> bytes:
    """Return the slots.json of a board flashed over a cable."""
    state = {"slot": FIRST_SLOT, "trial": "", "tries": 0, "floor": 0, "back": 0}
    return json.dumps(state).encode()


def sha256(data: bytes) -> bytes:
    """Return the hash that names a file."""
    return hashlib.sha256(data).digest()
