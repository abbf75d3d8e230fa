"""store/settings: what is taken, what is refused, and that the file is never half written."""

import json
from pathlib import Path

import pytest

from store import settings

GOOD = {
    "terminal": "YP-0001",
    "secret": "11" * 32,
    "epoch": 1,
    "journal_id": "22" * 8,
    "journal": "new",
    "board": "k5",
    "window": "W01",
    "reveal_level": False,
}


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "settings.json"
    path.write_text(text)
    return str(path)


def test_settings_are_read_with_secret_and_journal_id_as_bytes(tmp_path):
    loaded = settings.load(written(tmp_path, json.dumps(GOOD)))
    assert (loaded.terminal, loaded.secret, loaded.journal_id) == ("YP-0001", b"\x11" * 32, b"\x22" * 8)
    assert (loaded.link, loaded.journal, loaded.qr) == ("usb", "new", None)
    assert settings.load(written(tmp_path, json.dumps(GOOD | {"qr": "21:AA=="}))).qr == "21:AA=="


WRONG = (
    ("terminal", ""),
    ("terminal", "x" * 21),
    ("terminal", 7),
    ("secret", "11"),
    ("secret", "zz" * 32),
    ("epoch", 0),
    ("epoch", 65_536),
    ("epoch", "1"),
    ("journal_id", "22"),
    ("journal", "old"),
    ("reveal_level", 1),
    ("link", "radio"),
    ("qr", 21),
)


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_wrong_value_is_refused(tmp_path, key, value):
    with pytest.raises(settings.SettingsError, match="incomplete or wrong"):
        settings.load(written(tmp_path, json.dumps(GOOD | {key: value})))


@pytest.mark.parametrize("key", GOOD)
def test_missing_value_is_refused(tmp_path, key):
    with pytest.raises(settings.SettingsError, match="incomplete or wrong"):
        settings.load(written(tmp_path, json.dumps({name: GOOD[name] for name in GOOD if name != key})))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"text"', "null"])
def test_file_that_is_no_settings_is_refused_and_boot_has_defaults(tmp_path, text):
    path = written(tmp_path, text)
    with pytest.raises(settings.SettingsError):
        settings.load(path)
    assert settings.identity(path) == ("k5", "unprovisioned") and not settings.uses_uart(path)


def test_missing_file_is_an_unprovisioned_terminal(tmp_path):
    with pytest.raises(settings.SettingsError, match="not provisioned"):
        settings.load(str(tmp_path / "none"))
    assert settings.identity(str(tmp_path / "none")) == ("k5", "unprovisioned")


def test_ready_journal_is_noted_in_a_new_file_that_takes_the_name(tmp_path, monkeypatch):
    path = written(tmp_path, json.dumps(GOOD | {"link": "uart", "later": [1]}))
    loaded = settings.load(path)
    seen = []
    rename = settings.os.rename

    def watched(new: str, old: str) -> None:
        seen.append((json.loads(Path(new).read_text())["journal"], json.loads(Path(old).read_text())["journal"]))
        rename(new, old)

    monkeypatch.setattr(settings.os, "rename", watched)
    loaded.journal_ready(path)
    assert seen == [("ready", "new")]
    assert json.loads(Path(path).read_text()) == GOOD | {"journal": "ready", "link": "uart", "later": [1]}
