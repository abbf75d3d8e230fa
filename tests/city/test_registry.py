"""The key registry and its command: what it takes, what it refuses, and that it never shows a secret."""

import json
import stat

import pytest
from click.testing import CliRunner

from host_agent.provision.cli import registry as command
from host_agent.provision.registry import Registry, RegistryError, entry_from
from tests.city.terminals import Terminal


def run(*args):
    return CliRunner().invoke(command, [str(arg) for arg in args])


@pytest.fixture
def files(tmp_path):
    paths = []
    for number in (1, 2):
        terminal = Terminal(f"YP-000{number}", window=f"W0{number}")
        path = tmp_path / f"provision{number}.json"
        path.write_text(json.dumps(terminal.provision()), encoding="utf-8")
        paths.append(path)
    return paths


def test_registry_add_then_list_shows_terminals_without_secrets(tmp_path, files):
    book = tmp_path / "registry.db"
    added = run("add", "--registry", book, *files)
    assert added.exit_code == 0, added.output
    assert added.output.splitlines() == [
        "added: terminal YP-0001 epoch 1 window W01",
        "added: terminal YP-0002 epoch 1 window W02",
    ]
    listed = run("list", "--registry", book)
    as_json = run("list", "--registry", book, "--json")
    assert [row["terminal"] for row in json.loads(as_json.output)] == ["YP-0001", "YP-0002"]
    for terminal in (Terminal("YP-0001"), Terminal("YP-0002")):
        assert terminal.secret.hex() not in listed.output + as_json.output + added.output
    assert stat.S_IMODE(book.stat().st_mode) == 0o600


def test_registry_add_again_changes_nothing(tmp_path, files):
    book = tmp_path / "registry.db"
    run("add", "--registry", book, *files)
    assert run("add", "--registry", book, files[0]).output == "unchanged: terminal YP-0001 epoch 1 window W01\n"


def test_registry_add_same_secret_other_window_moves(tmp_path, files):
    book = tmp_path / "registry.db"
    run("add", "--registry", book, files[0])
    moved = json.loads(files[0].read_text()) | {"window": "W09"}
    files[0].write_text(json.dumps(moved))
    assert run("add", "--registry", book, files[0]).output.startswith("moved:")
    assert Registry(book).get("YP-0001", 1).window == "W09"


def test_registry_add_other_secret_is_refused_and_nothing_is_added(tmp_path, files):
    book = tmp_path / "registry.db"
    run("add", "--registry", book, files[0])
    files[0].write_text(json.dumps(json.loads(files[0].read_text()) | {"secret": "00" * 32}))
    result = run("add", "--registry", book, files[1], files[0])
    assert result.exit_code == 1
    assert result.output.startswith(
        "yiping: nothing was added: terminal YP-0001 epoch 1 is registered with another secret"
    )
    assert len(result.output.splitlines()) == 1
    assert [entry.terminal for entry in Registry(book).entries()] == ["YP-0001"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"terminal": "a/b"}, "terminal"), ({"terminal": "x" * 21}, "terminal"), ({"terminal": None}, "terminal"),
        ({"epoch": 0}, "epoch"), ({"epoch": 65536}, "epoch"), ({"epoch": True}, "epoch"), ({"epoch": "1"}, "epoch"),
        ({"secret": "ab"}, "secret"), ({"secret": "z" * 64}, "secret"), ({"window": ""}, "window"),
        ({"centre": "+"}, "centre"), ({"reveal_level": 1}, "reveal_level"),
    ],
)  # fmt: skip
def test_provision_wrong_field_is_named(change, named):
    with pytest.raises(RegistryError, match=named):
        entry_from(Terminal().provision() | change, 0)


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_registry_add_file_wrong_is_one_line(tmp_path, content):
    file = tmp_path / "provision.json"
    file.write_text(content)
    result = run("add", "--registry", tmp_path / "registry.db", file)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert str(file) in result.output


@pytest.mark.parametrize("content", [None, b"no database at all, however long it may be" * 40])
def test_registry_list_unreadable_is_one_line(tmp_path, content):
    book = tmp_path / "registry.db"
    if content:
        book.write_bytes(content)
    result = run("list", "--registry", book)
    assert result.exit_code == 1
    assert result.output.startswith("yiping: cannot open the registry")
    assert len(result.output.splitlines()) == 1
