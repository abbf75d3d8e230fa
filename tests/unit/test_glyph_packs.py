"""The glyph packs: built the same each time, complete, and refused when they are not."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from host_agent.content import cli, glyph_pack, glyph_sets

ASSETS = cli.FIRMWARE / "assets"
UI = cli.FIRMWARE / "ui"
BOARDS = ("k5", "t35")


def _texts(folder: Path, old: str, new: str) -> str:
    """Copy the firmware's texts and layouts, with a word of the Chinese ones exchanged."""
    for path in (*UI.glob("texts_*.py"), *UI.glob("tags_*.py"), *UI.glob("layout*.py")):
        shutil.copy(path, folder)
    chinese = folder / "texts_zh.py"
    chinese.write_text(chinese.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return str(folder)


def _damaged(at: int, value: int) -> bytes:
    """Return a small pack with another number in its header."""
    box = glyph_pack.Box(4, 1, 0, 0)
    data = bytearray(glyph_pack.encode(glyph_pack.Pack(4, box, box, {65: 2}, {65: b"\x12", 0x4E00: b"\xff"})))
    data[4 + at] = value
    return bytes(data)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.glyphs, list(arguments))


def test_build_gives_the_packs_of_the_repository(tmp_path: Path) -> None:
    result = _run("build", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    for path in sorted(path.relative_to(ASSETS) for path in ASSETS.rglob("*.bin")):
        assert (tmp_path / path).read_bytes() == (ASSETS / path).read_bytes(), f"run yiping glyphs build: {path} is old"
    for board in BOARDS:
        manifest = Path(board) / glyph_pack.MANIFEST
        assert (tmp_path / manifest).read_text() == (ASSETS / manifest).read_text()


def test_check_passes_for_the_repository() -> None:
    result = _run("check")
    assert result.exit_code == 0, result.output


def test_check_fails_on_a_missing_glyph(tmp_path: Path) -> None:
    result = _run("check", "--ui", _texts(tmp_path, "请稍候", "請稍候"))
    assert result.exit_code == 1 and "lacks 請" in result.output and "yiping glyphs build" in result.output


def test_check_fails_on_a_changed_pack(tmp_path: Path) -> None:
    out = tmp_path / "assets"
    shutil.copytree(ASSETS, out)
    pack = out / "t35" / "yp28.bin"
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    pack.write_bytes(data)
    assert "not the one in the manifest" in _run("check", "--out", str(out)).output
    pack.write_bytes(data[:-1])
    assert "no good" in _run("check", "--out", str(out)).output


def test_build_names_characters_that_the_font_lacks(tmp_path: Path) -> None:
    result = _run("build", "--ui", _texts(tmp_path, "请稍候", "请\u0f40候"), "--out", str(tmp_path / "assets"))
    assert result.exit_code == 1 and "the font lacks \u0f40" in result.output


def test_packs_ship_with_their_licence_and_without_a_reserved_name() -> None:
    licence = (ASSETS / cli.LICENCE).read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence and "Adobe" in licence.splitlines()[0]
    for board in BOARDS:
        names = [path.name.lower() for path in (ASSETS / board).glob("*.bin")]
        assert not any(word in name for name in names for word in ("noto", "source", "sans"))
        assert sorted(json.loads((ASSETS / board / glyph_pack.MANIFEST).read_text())["packs"]) == sorted(names)


@pytest.mark.parametrize(("board", "sizes"), [("k5", (20, 28)), ("t35", (28, 40))])
def test_packs_cover_common_names(board: str, sizes: tuple[int, ...]) -> None:
    packs = {pack.size: pack for pack in (glyph_pack.read(path) for path in (ASSETS / board).glob("*.bin"))}
    for size in sizes:
        assert (
            packs[size].missing(
                "欧阳王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英0123456789"
            )
            == set()
        )


def test_pack_survives_its_own_format() -> None:
    narrow, wide = glyph_pack.Box(5, 2, 1, 0), glyph_pack.Box(4, 1, 0, 0)
    pack = glyph_pack.Pack(4, narrow, wide, {65: 2}, {65: b"\x12\x34\x56\x78", 0x4E00: b"\xff"})
    assert glyph_pack.decode(glyph_pack.encode(pack)) == pack


def test_first_pixel_lies_in_the_lowest_bits_and_rows_begin_with_a_byte() -> None:
    assert glyph_pack.packed(bytes((3, 1, 0, 2, 1, 0, 0, 0, 0, 3)), 5) == b"\x87\x01\x00\x03"


@pytest.mark.parametrize("data", (b"", b"YPG2", b"YPG1" + bytes(40), _damaged(2, 30), _damaged(4, 30)))
def test_pack_refuses_what_is_none(data: bytes) -> None:
    with pytest.raises(glyph_pack.PackError):
        glyph_pack.decode(data)


def test_texts_and_layouts_are_read_as_data() -> None:
    screens = glyph_sets.read_screens(UI)
    assert screens.texts["zh"]["invite_title"] == "请您对本次服务进行评价"
    assert sorted(screens.texts) == ["en", "ko", "zh"]
    assert {board: layout["LARGE"] for board, layout in screens.layouts.items()} == {"k5": 40, "t35": 56}
