"""Check that a board's glyph packs are whole and have all that the firmware's texts need."""

import json
from pathlib import Path

from host_agent.content import glyph_pack
from host_agent.content.glyph_sets import GlyphSet, glyph_sets, read_screens
from host_agent.errors import UserError

_CURE = "run yiping glyphs build"


def check_packs(ui: Path, board: str, folder: Path) -> None:
    """Check the packs of a board in a folder by the texts in `ui`. UserError says what a pack lacks, or its damage."""
    manifest = _read_manifest(folder)
    for wanted in glyph_sets(read_screens(ui), board):
        _check_pack(wanted, folder / glyph_pack.file_name(wanted.size), manifest)


def _check_pack(wanted: GlyphSet, path: Path, manifest: dict) -> None:
    try:
        data = path.read_bytes()
        pack = glyph_pack.decode(data)
    except (OSError, glyph_pack.PackError) as error:
        raise UserError(f"the glyph pack is no good: {error}", str(path), _CURE) from None
    if glyph_pack.sha256(data) != manifest["packs"].get(path.name, {}).get("sha256"):
        raise UserError("the glyph pack is not the one in the manifest", str(path), _CURE)
    missing = pack.missing(wanted.chars) | {chr(code) for code in wanted.icons if code not in pack.cells}
    if missing:
        text = "".join(sorted(missing))
        raise UserError(f"a text of the firmware needs {text}, the glyph pack lacks {text}", str(path), _CURE)


def _read_manifest(folder: Path) -> dict:
    try:
        return json.loads((folder / glyph_pack.MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"no manifest: {error}", str(folder / glyph_pack.MANIFEST), _CURE) from None
