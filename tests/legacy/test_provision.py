"""Keys of old raters: made private and never printed; the agent's configuration with every fault at once."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_agent import config as agent_config
from host_agent.cli import main
from host_agent.errors import UserError
from host_agent.legacy import key_file, making
from host_agent.legacy.store import RaterStore
from host_agent.provision.registry import Registry
from host_agent.receiver import aes

HALL = """
[agent]
id = "pc-01"
centre = "C01"

[[window]]
id = "W01"
terminal = "YP-L001"
port = "ff68"

[[window]]
id = "W02"
terminal = "YP-0002"
port = "COM7"

[[legacy]]
window = "W01"
port = "COM3"
address = 1
grades = { "0" = 1, "1" = 2, "2" = 3, "3" = 4, "4" = 5 }
key_file = "YP-L001.key"
"""


def yiping(*words: object) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code in (0, 1), result.output
    return result.output


def provision(folder: Path, *more: object) -> str:
    return yiping(
        "legacy", "provision", "--terminal", "YP-L001", "--centre", "C01", "--window", "W01", "--folder", folder, *more
    )


@pytest.fixture
def hall(tmp_path):
    provision(tmp_path)
    (tmp_path / "agent.toml").write_text(HALL, encoding="utf-8")
    return tmp_path


def load(hall: Path, *changes: tuple[str, str]):
    text = HALL
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (hall / "agent.toml").write_text(text, encoding="utf-8")
    return agent_config.load(hall / "agent.toml")


def faults(hall: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(UserError) as caught:
        load(hall, *changes)
    return "\n".join(caught.value.lines())


def test_provision_writes_private_files_that_the_registry_takes_and_prints_no_secret(tmp_path):
    output = provision(tmp_path / "keys")
    key = key_file.read(tmp_path / "keys" / "YP-L001.key")
    assert (key.terminal, key.epoch, key.journal, len(key.secret)) == ("YP-L001", 1, key_file.NEW, 32)
    assert key.secret.hex() not in output and key.journal_id.hex() not in output and key.secret.hex() not in repr(key)
    for file in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    book = tmp_path / "registry.db"
    yiping("registry", "add", "--registry", book, tmp_path / "keys" / "YP-L001.provision.json")
    entry = Registry(book).get("YP-L001", 1)
    assert (entry.board, entry.unsealed, entry.secret, entry.window) == ("ff68", True, key.secret, "W01")


def test_provision_puts_no_key_in_the_place_of_one_that_may_be_in_use(tmp_path):
    provision(tmp_path)
    first = (tmp_path / "YP-L001.key").read_bytes()
    assert provision(tmp_path).startswith("yiping: there is a key of epoch 1 already")
    assert (tmp_path / "YP-L001.key").read_bytes() == first
    provision(tmp_path, "--epoch", 2)
    assert key_file.read(tmp_path / "YP-L001.key").epoch == 2
    assert yiping("legacy", "provision", "--terminal", "a/b", "--centre", "C", "--window", "W").startswith("yiping: ")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such mode")
def test_key_that_others_may_read_is_refused(hall):
    (hall / "YP-L001.key").chmod(0o640)
    assert "others may read the key file" in faults(hall)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"terminal": "YP-L001"}', "\x00"])
def test_key_file_that_is_none_is_told_without_its_content(hall, content):
    (hall / "YP-L001.key").write_text(content)
    assert "is no key of an old rater" in faults(hall) and "legacy[0].key_file" in faults(hall)


def test_section_is_read_with_what_the_hall_wrote(hall):
    [section] = load(hall, ("address = 1", 'address = 1\nform = "bare"\nack = "echo"')).legacy
    assert section.grade_table() == {0: 1, 1: 2, 2: 3, 3: 4, 4: 5}
    assert (section.offset, section.echo_ack, section.key_file) == (0, True, hall / "YP-L001.key")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('grades = { "0" = 1, "1" = 2, "2" = 3, "3" = 4, "4" = 5 }\n', "", "missing key"),
        ('"4" = 5', '"4" = 6', "no level from 1 to 5"), ('"4" = 5', '"4" = 0', "no level from 1 to 5"),
        ('"4" = 5', '"four" = 5', "no grade from 0 to 9"), ('"4" = 5', '"11" = 5', "no grade from 0 to 9"),
        ('"4" = 5', '"4" = 4', "two grades one level"),
        ('{ "0" = 1, "1" = 2, "2" = 3, "3" = 4, "4" = 5 }', "{}", "names 0 grades"),
        ("address = 1", "address = 0", "1 to 127"), ("address = 1", "address = 129", "1 to 127"),
        ("address = 1", 'address = 1\nform = "0x81"', "form"), ("address = 1", 'address = 1\nack = "no"', "ack"),
        ("address = 1", "address = 1\nguard_ms = 0", "guard_ms"),
        ('port = "COM3"', 'port = "COM7"', "a terminal's port"), ('port = "COM3"', 'port = "auto"', "names no port"),
        ('port = "ff68"', 'port = "COM9"', "is no [[window]] with port 'ff68'"),
        ('window = "W01"', 'window = "W09"', "has port 'ff68' and no [[legacy]]"),
        ('terminal = "YP-L001"', 'terminal = "YP-L002"', "the key of YP-L001"),
        ("YP-L001.key", "none.key", "cannot read the key file"),
    ],
)  # fmt: skip
def test_config_fault_is_told_with_key_and_cure(hall, before, after, told):
    text = faults(hall, (before, after))
    assert told in text and "agent.toml" in text


def test_config_faults_of_old_raters_are_told_all_at_once(hall):
    text = faults(hall, ("address = 1", "address = 0"), ('"4" = 5', '"4" = 6'), ('port = "COM3"', 'port = ""'))
    assert len(text.splitlines()) == 3


def test_two_raters_of_one_line_need_two_addresses(hall):
    second = HALL[HALL.index("[[legacy]]") :].replace('"W01"', '"W02"')
    change = ('terminal = "YP-0002"\nport = "COM7"', 'terminal = "YP-0002"\nport = "ff68"')
    text = faults(hall, change, ('key_file = "YP-L001.key"\n', 'key_file = "YP-L001.key"\n' + second))
    assert "legacy[1].address is taken by legacy[0]" in text


def test_without_the_extra_the_error_names_it(hall, monkeypatch):
    monkeypatch.setattr(aes, "ciphers", None)
    assert 'pip install "yiping[legacy]"' in faults(hall)


def test_agent_without_old_raters_does_not_need_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(aes, "ciphers", None)
    text = HALL[: HALL.index("[[legacy]]")].replace('port = "ff68"', 'port = "COM3"')
    (tmp_path / "agent.toml").write_text(text)
    assert agent_config.load(tmp_path / "agent.toml").legacy == ()


# --- the journal of a key


def make(hall: Path):
    config = load(hall)
    return making.make_terminal(config, config.legacy[0], "1.0", lambda: 0, 1_795_600_000_000)


def test_key_is_marked_before_anything_is_sealed(hall, monkeypatch):
    def write(path, key):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(key_file, "write", write)
        with pytest.raises(UserError, match="Read-only file system"):
            make(hall)
    terminal, store = make(hall)
    assert store.last_seq == 1 and key_file.read(hall / "YP-L001.key").journal == key_file.MADE
    store.close()


def test_journal_gone_after_use_is_a_fault_and_nothing_is_sealed(hall):
    make(hall)[1].close()
    for file in (hall / "data").glob("legacy-*"):
        file.unlink()
    terminal, store = make(hall)
    assert store is None and not list((hall / "data").glob("legacy-*"))
    assert terminal._status()["reason"] and terminal._status()["state"] == "fault"


def test_start_numbers_never_come_again_even_from_an_old_copy_of_the_folder(hall):
    config = load(hall)
    boots = []
    for utc_ms in (1_795_600_000_000, 1_795_600_010_000, 1_700_000_000_000):
        _, store = making.make_terminal(config, config.legacy[0], "1.0", lambda: 0, utc_ms)
        boots.append(store._conn.execute("SELECT boot FROM about").fetchone()[0])
        store.close()
    assert boots == sorted(set(boots)) and boots[1] - boots[0] == 10 and boots[2] - boots[1] == 1


def test_new_epoch_begins_a_journal_of_its_own(hall):
    make(hall)[1].close()
    provision(hall, "--epoch", 2)
    _, store = make(hall)
    assert store.last_seq == 1 and store.path.name == "legacy-YP-L001-2.db"
    store.close()
    with pytest.raises(Exception, match="another provisioning"):
        RaterStore(hall / "data", "YP-L001", 2, b"12345678", make=True)


def test_provision_json_holds_only_what_the_registry_needs(tmp_path):
    provision(tmp_path)
    values = json.loads((tmp_path / "YP-L001.provision.json").read_text())
    assert set(values) == {"terminal", "epoch", "secret", "centre", "window", "board"}
