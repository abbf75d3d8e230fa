"""`yiping glyphs build` and `yiping glyphs check`: the glyph packs that the firmware carries."""

import importlib.util
import json
from pathlib import Path

import click

from host_agent.content import glyph_pack
from host_agent.errors import UserError

FIRMWARE = Path(__file__).parents[2] / "firmware"
LICENCE = "OFL.txt"
# Noto Sans for each script, first the one that has most; regular weight, under the OFL.
FONTS = (("pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"), ("pylopdf_fonts_ko", "NotoSansKR-Regular.otf"))

_ui = click.option(
    "--ui", type=click.Path(path_type=Path), default=FIRMWARE / "ui", help="where the firmware's texts and layouts are"
)
_out = click.option("--out", type=click.Path(path_type=Path), default=FIRMWARE / "assets", help="folder of the packs")


@click.group()
def glyphs() -> None:
    """Build or check the glyph packs of the terminals."""


@glyphs.command()
@_ui
@_out
@click.option("--font", type=click.Path(path_type=Path), help="an OpenType font under the OFL; default Noto Sans")
@click.option("--licence", type=click.Path(path_type=Path), help="the font's licence text, put beside the packs")
def build(ui: Path, out: Path, font: Path | None, licence: Path | None) -> None:
    """Render every text of the firmware and the common characters of names into packs, for each board."""
    if importlib.util.find_spec("PIL") is None:
        raise UserError("Pillow is not installed", "yiping glyphs build", "install the extra yiping[sim]")
    from host_agent.content import font_names, glyph_render, glyph_sets

    fonts, licence = ([font], licence) if font else _packaged_fonts()
    screens = glyph_sets.read_screens(ui)
    total = 0
    for board in screens.layouts:
        packs = {}
        for wanted in glyph_sets.glyph_sets(screens, board):
            packs[glyph_pack.file_name(wanted.size)] = glyph_pack.encode(glyph_render.render(wanted, fonts))
        total += _write(out / board, packs, fonts)
    if licence:
        notices = dict.fromkeys(font_names.copyright_notice(one) for one in fonts)
        (out / LICENCE).write_text("\n".join([*notices, "", licence.read_text(encoding="utf-8")]), encoding="utf-8")
    click.echo(f"packs of {', '.join(screens.layouts)}: {total} bytes, in {out}")


@glyphs.command()
@_ui
@_out
def check(ui: Path, out: Path) -> None:
    """Fail if a pack is damaged, or lacks a character that a text or a common name needs."""
    from host_agent.content import glyph_check, glyph_sets

    if not (out / LICENCE).is_file():
        raise UserError("the font's licence is missing", str(out / LICENCE), "run yiping glyphs build")
    for board in glyph_sets.read_screens(ui).layouts:
        glyph_check.check_packs(ui, board, out / board)
    click.echo("every text has its glyphs")


def _write(folder: Path, packs: dict[str, bytes], fonts: list[Path]) -> int:
    """Write one board's packs and their manifest; return how many bytes the packs have."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in packs.items():
        (folder / name).write_bytes(data)
    manifest = {
        "fonts": [{"file": font.name, "sha256": glyph_pack.sha256(font.read_bytes())} for font in fonts],
        "packs": {name: {"bytes": len(data), "sha256": glyph_pack.sha256(data)} for name, data in packs.items()},
    }
    (folder / glyph_pack.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return sum(len(data) for data in packs.values())


def _packaged_fonts() -> tuple[list[Path], Path | None]:
    """Return the fonts of the development extra, and their licence, which is one text."""
    from importlib import metadata

    fonts: list[Path] = []
    licence: Path | None = None
    for package, file in FONTS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            cure = "install the extra yiping[dev], or give --font and --licence"
            raise UserError(f"no font {file}", "yiping glyphs build", cure)
        fonts.append(Path(spec.origin).parent / file)
        files = metadata.files(package) or []
        licence = licence or next(Path(str(found.locate())) for found in files if found.name == "LICENSE")
    return fonts, licence
