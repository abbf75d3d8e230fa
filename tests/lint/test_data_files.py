"""Tables and data files parse, and derived data carries its licence."""

import csv
import json
import tomllib

import pytest

from tests.lint.sources import ROOT, name, our_files


def files(*suffixes: str) -> list:
    """Return the files with a suffix, each with its name as the test's id."""
    return [pytest.param(path, id=name(path)) for path in our_files(*suffixes)]


@pytest.mark.parametrize("path", files(".csv"))
def test_csv_has_a_header_and_rows_of_its_width(path):
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) > 1 and all(rows[0]) and len(set(rows[0])) == len(rows[0])
    assert [number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])] == []


@pytest.mark.parametrize("path", files(".json"))
def test_json_parses(path):
    json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", files(".toml"))
def test_toml_parses(path):
    tomllib.loads(path.read_text(encoding="utf-8"))


def test_text_files_are_utf8_with_unix_lines_and_an_end():
    odd = []
    for path in our_files(".py", ".md", ".toml", ".csv", ".json", ".js", ".css", ".html", ".lock", ".yaml", ".sh"):
        data = path.read_bytes()
        data.decode("utf-8")
        copied = path.is_relative_to(ROOT / "tests" / "vectors")  # byte for byte from elsewhere
        if not copied and (b"\r" in data or (data and not data.endswith(b"\n"))):
            odd.append(name(path))
    assert odd == []


def test_glyph_packs_carry_the_licence_of_their_font():
    packs = list(our_files(".bin", under="firmware/assets"))
    licence = (ROOT / "firmware" / "assets" / "OFL.txt").read_text(encoding="utf-8")
    assert packs and "SIL OPEN FONT LICENSE Version 1.1" in licence and "Copyright" in licence
    # A modified font may not bear a reserved name.
    assert [name(pack) for pack in packs if "noto" in pack.name.lower()] == []


def test_binary_files_are_only_where_they_are_expected():
    binary = {".bin": "firmware/assets/", ".png": "docs/images/", ".zip": "tests/upgrade/images/"}
    text = {".py", ".md", ".toml", ".csv", ".json", ".js", ".css", ".html", ".lock", ".yaml", ".sh", ".txt", ""}
    strangers = [
        name(path)
        for path in our_files()
        if path.suffix not in text and not name(path).startswith(binary.get(path.suffix, "?"))
    ]
    assert strangers == []


def test_no_file_is_larger_than_a_repository_should_carry():
    assert {name(path): path.stat().st_size for path in our_files() if path.stat().st_size > 2_000_000} == {}


def test_project_carries_its_licence():
    assert "MIT License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
