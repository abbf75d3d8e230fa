"""The bundles that come with the package, and the key that signed them: so a station flashes without network.

In an installed package they lie in `shipped/` beside this file, in a source tree in build/bundles (`make bundle`):
one yiping-<board>-<version>.zip a board, bundle.key (the modulus) and signer.json, {"development": bool}.
"""

import json
from pathlib import Path

from host_agent.bundle import archive, layout, make
from host_agent.bundle.contents import Bundle
from host_agent.bundle.keys import Key
from host_agent.bundle.signature import KEY_BYTES
from host_agent.errors import UserError

INSTALLED = Path(__file__).resolve().parent / "shipped"
IN_SOURCE_TREE = layout.ROOT / "build" / "bundles"
SIGNER = "signer.json"


def folder() -> Path:
    """Return where they lie. Raises UserError when there are none."""
    for place in (INSTALLED, IN_SOURCE_TREE):
        if (place / layout.KEY).is_file():
            return place
    raise UserError("no bundles come with this yiping", str(INSTALLED), "make bundle, in the source tree")


def key(path: Path | None = None) -> bytes:
    """Return the modulus in a file, by default that of the key that signed the shipped bundles. Raises UserError."""
    path = folder() / layout.KEY if path is None else path
    try:
        modulus = path.read_bytes()
    except OSError as error:
        raise UserError(f"no public key: {error.strerror}", str(path), "name the .public file of the key") from error
    if len(modulus) != KEY_BYTES:
        cure = "name the .public file that `yiping bundle key` wrote"
        raise UserError(f"no public key: it has {len(modulus)} bytes, not {KEY_BYTES}", str(path), cure)
    return modulus


def is_development() -> bool:
    """Return whether the shipped bundles are signed by the key of one build folder, not by the maker's."""
    try:
        return bool(json.loads((folder() / SIGNER).read_text())["development"])
    except (OSError, ValueError, KeyError, TypeError):
        return True


def paths() -> list[Path]:
    """Return the files of the shipped bundles. Raises UserError when there are none."""
    return sorted(folder().glob("yiping-*.zip"))


def images() -> list[Bundle]:
    """Return the shipped bundles, none where none come with this yiping; their signatures are not checked."""
    try:
        return [archive.read(path) for path in paths()]
    except UserError:
        return []


def bundle(board: str) -> Bundle:
    """Return the shipped bundle of a board, its signature checked. Raises UserError."""
    for path in paths():
        if path.name.startswith(f"yiping-{board}-"):
            found = archive.read(path)
            found.verify(key())
            return found
    known = ", ".join(path.name for path in paths())
    raise UserError(f"no bundle for board {board}", str(folder()), f"there are {known}")


def ship(target: Path, signer: Key, development: bool) -> list[Path]:
    """Write the bundles of all boards into a folder, and nothing else may lie there. Raises UserError."""
    boards = sorted(path.stem for path in (layout.FIRMWARE / "boards").glob("[a-z]*.py"))
    made = [make.build(board, signer, fresh=not development) for board in boards]
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    written = [target / make.file_name(one.board, one.version) for one in made]
    for one, path in zip(made, written, strict=True):
        archive.write(one, path)
    (target / layout.KEY).write_bytes(signer.modulus)
    (target / SIGNER).write_text(json.dumps({"development": development}) + "\n")
    return written
