"""`yiping glyphs build` and `yiping glyphs check`: the glyph packs that the firmware carries."""

import hashlib
import importlib.util
import json
from pathlib import Path

import click

from host_agent.content import glyph_pack
from host_agent.errors import UserError

FIRMWARE = Path(__file__).parents[2] / "firmware"
MANIFEST = "packs.json"
LICENCE = "OFL.txt"
FONT_PACKAGE = "pylopdf_fonts_zh_cn"

_strings = click.option(
    "--strings", type=click.Path(path_type=Path), default=FIRMWARE / "ui" / "strings.py", help="the firmware's texts"
)
_out = click.option("--out", type=click.Path(path_type=Path), default=FIRMWARE / "assets", help="folder of the packs")


@click.group()
def glyphs() -> None:
    """Build or check the glyph packs of the terminals."""


@glyphs.command()
@_strings
@_out
@click.option("--font", type=click.Path(path_type=Path), help="an OpenType font under the OFL; default Noto Sans SC")
@click.option("--licence", type=click.Path(path_type=Path), help="the font's licence text, put beside the packs")
def build(strings: Path, out: Path, font: Path | None, licence: Path | None) -> None:
    """Render every text of the firmware and the common characters of names into packs."""
    if importlib.util.find_spec("PIL") is None:
        raise UserError("Pillow is not installed", "yiping glyphs build", "install the extra yiping[sim]")
    from host_agent.content import font_names, glyph_render, glyph_sets

    font, licence = (font, licence) if font else _packaged_font()
    packs = {}
    for wanted in glyph_sets.glyph_sets(glyph_sets.read_strings(strings)):
        pack = glyph_render.render(wanted, font)
        packs[f"yp{wanted.size}{glyph_pack.SUFFIX}"] = glyph_pack.encode(pack)
    out.mkdir(parents=True, exist_ok=True)
    for name, data in packs.items():
        (out / name).write_bytes(data)
    if licence:
        notice = font_names.copyright_notice(font)
        (out / LICENCE).write_text(f"{notice}\n\n{licence.read_text(encoding='utf-8')}", encoding="utf-8")
    manifest = {
        "font": {"file": font.name, "sha256": _sha256(font.read_bytes())},
        "packs": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in packs.items()},
    }
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{len(packs)} packs, {sum(len(data) for data in packs.values())} bytes, in {out}")


@glyphs.command()
@_strings
@_out
def check(strings: Path, out: Path) -> None:
    """Fail if a pack is damaged, or lacks a character that a text or a common name needs."""
    from host_agent.content import glyph_sets

    manifest = _read_manifest(out)
    if not (out / LICENCE).is_file():
        raise UserError("the font's licence is missing", str(out / LICENCE), "run yiping glyphs build")
    for wanted in glyph_sets.glyph_sets(glyph_sets.read_strings(strings)):
        path = out / f"yp{wanted.size}{glyph_pack.SUFFIX}"
        try:
            data = path.read_bytes()
            pack = glyph_pack.decode(data)
        except (OSError, glyph_pack.PackError) as error:
            raise UserError(f"the glyph pack is no good: {error}", str(path), "run yiping glyphs build") from None
        if _sha256(data) != manifest["packs"].get(path.name, {}).get("sha256"):
            raise UserError("the glyph pack is not the one in the manifest", str(path), "run yiping glyphs build")
        missing = pack.missing(wanted.chars) | {chr(code) for code in wanted.icons if code not in pack.cells}
        if missing:
            text = "".join(sorted(missing))
            raise UserError(f"the glyph pack lacks {text}", str(path), "run yiping glyphs build")
    click.echo("every text has its glyphs")


def _packaged_font() -> tuple[Path, Path]:
    """Return the font of the development extra and its licence."""
    spec = importlib.util.find_spec(FONT_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError("no font", "yiping glyphs build", "install the extra yiping[dev], or give --font and --licence")
    from importlib import metadata

    font = Path(spec.origin).parent / "NotoSansSC-Regular.otf"
    files = metadata.files(FONT_PACKAGE) or []
    licence = next(Path(str(file.locate())) for file in files if file.name == "LICENSE")
    return font, licence


def _read_manifest(out: Path) -> dict:
    try:
        return json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"no manifest: {error}", str(out / MANIFEST), "run yiping glyphs build") from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
