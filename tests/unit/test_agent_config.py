"""agent.toml: everything wrong is told at once, with file and key; secrets do not show."""

import pytest

from host_agent import config
from host_agent.errors import UserError

GOOD = """
[agent]
id = "pc-01"
centre = "C01"
[broker]
url = "mqtts://broker.example:8883"
username = "pc-01"
password_file = "password"
ca_file = "ca.pem"
[[window]]
id = "W01"
name = "1号窗口"
terminal = "YP-0001"
port = "/dev/ttyACM0"
[[window]]
id = "W02"
terminal = "YP-0002"
[policy]
invite_ms = 30000
elder = true
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "password").write_text("geheim\n", encoding="utf-8")
    (tmp_path / "ca.pem").write_text("", encoding="utf-8")
    return tmp_path


def load(folder, text):
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def faults(folder, text):
    with pytest.raises(UserError) as caught:
        load(folder, text)
    return caught.value.lines()


def test_config_whole_file_is_read_with_defaults(folder):
    found = load(folder, GOOD)
    assert found.agent.listen == "127.0.0.1:8471" and found.listen_port == 8471
    assert found.agent.data_dir == folder / "data"
    assert (found.broker.host, found.broker.port, found.broker.tls) == ("broker.example", 8883, True)
    assert found.broker.receipts == "city"
    assert [window.port for window in found.windows] == ["/dev/ttyACM0", "auto"]
    assert found.policy.message() == {"invite_ms": 30000, "elder": True}


def test_config_secret_is_read_from_its_file_and_shows_as_stars(folder):
    password = load(folder, GOOD).broker.password()
    assert password.reveal() == "geheim"
    assert "geheim" not in repr(password) and "geheim" not in repr(load(folder, GOOD))


def test_config_several_faults_are_told_at_once_each_with_file_and_key(folder):
    lines = faults(
        folder,
        '[agent]\nid = 5\ncenter = "C01"\n[broker]\nurll = "x"\n[[window]]\nid = "W01"\nterminal = "T"\nspeed = 1\n'
        '[[window]]\nterminal = "T2"\n[policy]\nelder = 1\n',
    )
    path = str(folder / "agent.toml")
    for key in (
        "agent.id",
        "agent.centre",
        "agent.center",
        "broker.urll",
        "window[0].speed",
        "window[1].id",
        "policy.elder",
    ):
        assert [line for line in lines if f"({path}: {key})" in line], key
    assert len(lines) == 7
    assert all(line.startswith("yiping: ") and line.count("\n") == 0 for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('terminal = "YP-0001"', "", "window[0].terminal"),
        ('terminal = "YP-0001"', 'terminal = "YP-0001"\nchannel = "web"', "window[0].channel"),
        ('id = "pc-01"', 'id = "pc/01"', "agent.id"),
        ('centre = "C01"', 'centre = "C01"\nlisten = "8471"', "agent.listen"),
        ('centre = "C01"', 'centre = "C01"\nhotkey = "Strg"', "agent.hotkey"),
        ('centre = "C01"', 'centre = "C01"\nretention_days = 0', "agent.retention_days"),
        ("mqtts://broker.example:8883", "http://broker.example", "broker.url"),
        ("mqtts://broker.example:8883", "mqtts://broker.example:99999", "broker.url"),
        ("mqtts://", "mqtt://", "broker.ca_file"),
        ('ca_file = "ca.pem"', 'ca_file = "none.pem"', "broker.ca_file"),
        ('ca_file = "ca.pem"', 'ca_file = "ca.pem"\nprefix = "a/+/b"', "broker.prefix"),
        ('ca_file = "ca.pem"', 'ca_file = "ca.pem"\nreceipts = "never"', "broker.receipts"),
        ('ca_file = "ca.pem"', 'ca_file = "ca.pem"\ncert_file = "ca.pem"', "broker.cert_file"),
        ('username = "pc-01"\n', "", "broker.username"),
        ('terminal = "YP-0002"', 'terminal = "YP-0001"', "window[1].terminal"),
        ('id = "W02"', 'id = "W01"', "window[1].id"),
        ('terminal = "YP-0002"', 'terminal = "YP-0002"\nport = "/dev/ttyACM0"', "window[1].port"),
        ('terminal = "YP-0002"', f'terminal = "{"Y" * 21}"', "window[1].terminal"),
        ("invite_ms = 30000", "invite_ms = -1", "policy.invite_ms"),
        ("elder = true", 'local_invite = "sometimes"', "policy.local_invite"),
    ],
)
def test_config_one_wrong_value_is_named_by_its_key(folder, old, new, key):
    assert old in GOOD
    lines = faults(folder, GOOD.replace(old, new, 1))
    assert len(lines) == 1 and f": {key})" in lines[0], lines


def test_config_without_windows_is_a_fault(folder):
    lines = faults(folder, '[agent]\nid = "pc-01"\ncentre = "C01"\n')
    assert "no window is configured" in lines[0]


def test_config_missing_file_and_broken_toml_are_one_line(folder):
    with pytest.raises(UserError, match="no such configuration file"):
        config.load(folder / "none.toml")
    assert "not valid TOML" in faults(folder, "[agent\n")[0]
