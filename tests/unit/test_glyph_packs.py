"""The glyph packs: built the same each time, complete, and refused when they are not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from host_agent.content import cli, glyph_pack, glyph_sets

ASSETS = cli.FIRMWARE / "assets"
STRINGS = cli.FIRMWARE / "ui" / "strings.py"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.glyphs, list(arguments))


def test_build_gives_the_packs_of_the_repository(tmp_path: Path) -> None:
    result = _run("build", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    for path in sorted(ASSETS.glob("*.bin")):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), f"run yiping glyphs build: {path.name} is old"
    assert (tmp_path / cli.MANIFEST).read_text() == (ASSETS / cli.MANIFEST).read_text()


def test_check_passes_for_the_repository() -> None:
    result = _run("check")
    assert result.exit_code == 0, result.output


def test_check_fails_on_a_missing_glyph(tmp_path: Path) -> None:
    texts = STRINGS.read_text(encoding="utf-8").replace("请稍候", "請稍候")
    (tmp_path / "strings.py").write_text(texts, encoding="utf-8")
    result = _run("check", "--strings", str(tmp_path / "strings.py"))
    assert result.exit_code == 1 and "lacks 請" in result.output and "yiping glyphs build" in result.output


def test_check_fails_on_a_changed_pack(tmp_path: Path) -> None:
    for path in ASSETS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = bytearray((tmp_path / "yp28.bin").read_bytes())
    data[-1] ^= 1
    (tmp_path / "yp28.bin").write_bytes(data)
    assert "not the one in the manifest" in _run("check", "--out", str(tmp_path)).output
    (tmp_path / "yp28.bin").write_bytes(data[:-1])
    assert "no good" in _run("check", "--out", str(tmp_path)).output


def test_build_names_characters_that_the_font_lacks(tmp_path: Path) -> None:
    texts = STRINGS.read_text(encoding="utf-8").replace("请稍候", "请\u0f40候")
    (tmp_path / "strings.py").write_text(texts, encoding="utf-8")
    result = _run("build", "--strings", str(tmp_path / "strings.py"), "--out", str(tmp_path))
    assert result.exit_code == 1 and "the font lacks \u0f40" in result.output


def test_packs_ship_with_their_licence_and_without_a_reserved_name() -> None:
    licence = (ASSETS / cli.LICENCE).read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence and "Adobe" in licence.splitlines()[0]
    names = [path.name.lower() for path in ASSETS.glob("*.bin")]
    assert not any(word in name for name in names for word in ("noto", "source", "sans"))
    assert sorted(json.loads((ASSETS / cli.MANIFEST).read_text())["packs"]) == sorted(names)


def test_packs_cover_common_names() -> None:
    packs = {pack.size: pack for pack in (glyph_pack.read(path) for path in ASSETS.glob("*.bin"))}
    for size in (20, 28):
        assert (
            packs[size].missing(
                "欧阳王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英0123456789"
            )
            == set()
        )


def test_pack_survives_its_own_format() -> None:
    pack = glyph_pack.Pack(4, 2, 2, 0, 0, {65: 2}, {65: b"\x12\x34", 0x4E00: b"\xff\x00"})
    assert glyph_pack.decode(glyph_pack.encode(pack)) == pack


@pytest.mark.parametrize("data", (b"", b"YPG1", b"NOPE" + bytes(40)))
def test_pack_refuses_what_is_none(data: bytes) -> None:
    with pytest.raises(glyph_pack.PackError):
        glyph_pack.decode(data)


def test_strings_are_read_as_data() -> None:
    strings = glyph_sets.read_strings(STRINGS)
    assert strings["SIZES"]["thanks"] == strings["LARGE"] == 40
    assert strings["TEXTS"]["zh"]["invite_title"] == "请您对本次服务进行评价"
