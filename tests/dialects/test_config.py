"""[[dialect]] and uploader in agent.toml: what is vague or wanted by two is told at once, with file and key."""

import pytest

from host_agent import config
from host_agent.errors import UserError

AGENT = '[agent]\nid = "pc-01"\ncentre = "C01"\n'
WINDOWS = '[[window]]\nid = "W01"\nterminal = "YP-0001"\nport = "COM1"\n[[window]]\nid = "W02"\nterminal = "YP-0002"\n'
GRADES = 'grades = { "1" = 0, "2" = 1, "3" = 2, "4" = 3, "5" = 4 }\n'
FF68 = '[[dialect]]\nkind = "ff68_rater"\nport = "COM7"\naddresses = { "1" = "W01" }\n'
RATE = '[[dialect]]\nkind = "rateservice"\nwin_nums = { "1" = "W01" }\n'
GWQ = '[[dialect]]\nkind = "gwq"\n'


def load(folder, text):
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    return config.load(folder / "agent.toml")


def test_config_whole_dialects_are_read_with_defaults(tmp_path):
    found = load(tmp_path, AGENT + WINDOWS + GWQ + RATE + FF68 + GRADES)
    gwq, rate, ff68 = found.dialects
    assert gwq.served(("W01", "W02")) == ("W01", "W02")
    assert (rate.served(()), rate.listen_at, rate.level_table()) == (("W01",), ("127.0.0.1", 3348), {})
    assert (ff68.served(()), ff68.level_table()) == (("W01",), {1: 0, 2: 1, 3: 2, 4: 3, 5: 4})
    assert [window.uploader for window in found.windows] == ["agent", "agent"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ('[[dialect]]\nkind = "ocx"\n', "dialect[0].kind"),
        (GWQ + 'windows = ["W09"]\n', "dialect[0].windows"),
        (GWQ + 'port = "COM7"\n', "dialect[0].port"),
        (GWQ + 'windows = ["W01", "W01"]\n', "dialect[0].windows"),
        ('[[dialect]]\nkind = "rateservice"\n', "dialect[0].win_nums"),
        (RATE + 'windows = ["W01"]\n', "dialect[0].windows"),
        (RATE + 'listen = "0.0.0.0:3348"\n', "dialect[0].listen"),
        (RATE + 'listen = "127.0.0.1:no"\n', "dialect[0].listen"),
        (RATE + 'listen = "127.0.0.1:8471"\n', "dialect[0].listen"),
        (RATE + 'url = "http://hall/"\n', "dialect[0].url"),
        (RATE + 'url = "ws://hall/"\nlisten = "127.0.0.1:3348"\n', "dialect[0]"),
        (RATE + 'url = "ws://hall/"\nuser_codes = { a = "007", b = "007" }\n', "dialect[0].user_codes"),
        (RATE + 'scores = { "1" = 1, "2" = 2, "3" = 3, "4" = 4 }\n', "dialect[0].scores"),
        (RATE + 'scores = { "1" = 1, "2" = 2, "3" = 3, "4" = 4, "5" = 6 }\n', "dialect[0].scores"),
        (RATE + 'scores = { "1" = 5, "2" = 2, "3" = 3, "4" = 4, "5" = 5 }\n', "dialect[0].scores"),
        (RATE + 'scores = { "1" = 5, "2" = 5, "3" = 5, "4" = 5, "5" = 5 }\n', "dialect[0].scores"),
        (RATE + RATE.replace("W01", "W02"), "dialect[1].listen"),
        ((RATE + 'url = "ws://hall/"\n') * 2, "dialect[1].url"),
        (FF68.replace("COM7", "COM1"), "dialect[0].port"),
        (FF68.replace("COM7", "auto"), "dialect[0].port"),
        (FF68.replace('"1"', '"128"'), "dialect[0].addresses"),
        (FF68.replace('"1"', '"01"'), "dialect[0].addresses"),
        (FF68 + FF68.replace("W01", "W02"), "dialect[1].port"),
        (FF68 + GRADES.replace('"5" = 4', '"5" = 11'), "dialect[0].grades"),
    ],
)
def test_config_dialect_that_is_wrong_is_named_by_its_key(tmp_path, change, key):
    assert named(tmp_path, AGENT + WINDOWS + change, key)


@pytest.mark.parametrize(
    ("uploader", "change"),
    [
        ("province", ""),
        ("counter", ""),
        ("counter", GWQ + 'windows = ["W02"]\n'),
        ("counter", FF68),
        ("counter", RATE),
        ("counter", GWQ + FF68 + GRADES),
    ],
)
def test_config_uploader_that_nobody_or_two_would_be_is_a_fault(tmp_path, uploader, change):
    windows = WINDOWS.replace('port = "COM1"\n', f'port = "COM1"\nuploader = "{uploader}"\n')
    assert named(tmp_path, AGENT + windows + change, "window[0].uploader")


@pytest.mark.parametrize("change", [GWQ, FF68 + GRADES, RATE + GRADES.replace("grades", "scores").replace("0,", "1,")])
def test_config_uploader_counter_with_one_dialect_that_can_tell_is_right(tmp_path, change):
    windows = WINDOWS.replace('port = "COM1"\n', 'port = "COM1"\nuploader = "counter"\n')
    assert load(tmp_path, AGENT + windows + change).windows[0].uploader == "counter"


def test_config_faults_of_several_dialects_are_told_at_once(tmp_path):
    text = AGENT + WINDOWS + FF68.replace("W01", "W08") + RATE.replace("W01", "W09") + '[[dialect]]\nkind = "x"\n'
    with pytest.raises(UserError) as error:
        load(tmp_path, text)
    assert len(error.value.lines()) == 3


def named(folder, text, key):
    with pytest.raises(UserError) as error:
        load(folder, text)
    assert any(f"agent.toml: {key})" in line for line in error.value.lines()), error.value.lines()
    return True
