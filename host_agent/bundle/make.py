"""Make a bundle of a firmware's sources for one board. The same sources and the same compiler give the same bytes."""

import ast
import contextlib
import re
import tempfile
from pathlib import Path

from host_agent.bundle import layout, libraries, manifest
from host_agent.bundle.compiler import compile_firmware
from host_agent.bundle.contents import Bundle
from host_agent.bundle.keys import Key
from host_agent.content.glyph_check import check_packs
from host_agent.errors import UserError

VERSION_FILE = "app/version.py"
_NAMES = ("FIRMWARE", "FLOOR", "BOOTSTRAP")


def build(
    board: str, key: Key, firmware: Path = layout.FIRMWARE, protocol: Path | None = layout.PROTOCOL,
    fresh: bool = False,
) -> Bundle:  # fmt: skip
    """Return the signed bundle of a firmware for a board. Raises UserError, also when a text lacks a glyph.

    `fresh` compiles every module anew: a maker's key must sign nothing that somebody may have put into a cache.
    """
    if not (firmware / "boards" / f"{board}.py").is_file():
        known = sorted(path.stem for path in (firmware / "boards").glob("[a-z]*.py"))
        raise UserError("no such board", board, f"take one of {', '.join(known)}")
    check_packs(firmware / "ui", board, firmware / "assets" / board)
    slot: dict[str, bytes] = {}
    packs: dict[str, bytes] = {}
    bootstrap_files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() if fresh else contextlib.nullcontext() as folder:
        for name, path in compiled(firmware, protocol, board, Path(folder) if folder else None).items():
            part = bootstrap_files if layout.is_bootstrap(name) else packs if layout.is_pack(name) else slot
            part[name] = path.read_bytes()
    version, floor, bootstrap = versions(firmware)
    parts = (libraries.pack(slot), packs, bootstrap_files)
    told = manifest.Manifest(
        board, version, manifest.release_of(version), floor, bootstrap, *(manifest.entries(part) for part in parts)
    )
    data = told.encode()
    bundle = Bundle(f"{board} {version}", data, key.sign(data), *parts, told)
    bundle.verify(key.modulus)
    return bundle


def compiled(firmware: Path, protocol: Path | None, board: str, cache: Path | None = None) -> dict[str, Path]:
    """Return path on the device → file as it is flashed; `cache` as in compiler.py. Raises UserError."""
    found = layout.sources(firmware, protocol, board)
    files = {name: path for name, path in found.items() if path.suffix != ".py"}
    return files | compile_firmware({name: path for name, path in found.items() if path.suffix == ".py"}, cache)


def versions(firmware: Path) -> tuple[str, int, int]:
    """Return version, floor as a release, and least bootstrap that a firmware names. Raises UserError."""
    path = firmware / VERSION_FILE
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError) as error:
        cure = f"the firmware says its version in {VERSION_FILE}"
        raise UserError(f"no version: {error}", str(path), cure) from error
    found = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    values = [found.get(name) for name in _NAMES]
    if not isinstance(values[0], str) or not isinstance(values[1], str) or not isinstance(values[2], int):
        raise UserError(f"{', '.join(_NAMES)} are not all there", str(path), "assign each of them once, as a constant")
    release, floor = manifest.release_of(values[0]), manifest.release_of(values[1])
    if floor > release:
        raise UserError("the floor is above the version", str(path), "a firmware must not refuse itself")
    return values[0], floor, values[2]


def file_name(board: str, version: str) -> str:
    """Return the name of a bundle's file."""
    return f"yiping-{re.sub(r'[^a-z0-9_]', '', board)}-{version}.zip"
