"""[policy] of agent.toml: told to the terminals in their own terms, and never outside what they take."""

import time

import pytest

from app import policy, policy_table
from host_agent import config, local_day
from host_agent.config_policy import BOUNDS, CHOICES, PolicySection, with_local_time
from host_agent.errors import UserError
from protocol import reasons

START = '[agent]\nid = "pc-01"\ncentre = "C01"\n[[window]]\nid = "W01"\nterminal = "YP-0001"\n[policy]\n'


def load(tmp_path, text):
    path = tmp_path / "agent.toml"
    path.write_text(START + text, encoding="utf-8")
    return config.load(path).policy


def faults(tmp_path, text):
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    return caught.value.lines()


def test_bounds_and_choices_are_those_of_the_terminal():
    taken = {**policy_table.TIMES, **policy_table.NUMBERS}
    assert {name: taken[name][1:] for name in BOUNDS} == BOUNDS
    assert set(taken) - set(BOUNDS) == {"quiet_from_min", "quiet_to_min", "self_test_min"}
    assert {name: policy_table.CHOICES[name] for name in CHOICES} == CHOICES


def test_quiet_time_is_told_in_minutes_of_the_day(tmp_path):
    section = load(
        tmp_path, 'volume = 70\nquiet_volume = 0\nquiet_from = "22:00"\nquiet_to = "07:05"\ngreeting = true\n'
    )
    told = {"volume": 70, "quiet_volume": 0, "quiet_from_min": 1_320, "quiet_to_min": 425, "greeting": True}
    assert section.message() == told
    assert policy.Policy().change(with_local_time(section.message(), 480)) == reasons.OK


def test_local_time_is_told_only_where_a_quiet_time_needs_it_and_the_written_one_wins():
    quiet = {"quiet_from": "00:00", "quiet_to": "23:59"}
    assert with_local_time(PolicySection(volume=5).message(), 480) == {"volume": 5}
    assert with_local_time(PolicySection(**quiet).message(), 480)["utc_offset_min"] == 480
    assert with_local_time(PolicySection(utc_offset_min=540, **quiet).message(), 480)["utc_offset_min"] == 540


def test_time_of_the_self_test_is_told_in_minutes_with_the_local_time_or_as_off(tmp_path):
    told = with_local_time(load(tmp_path, 'self_test = "06:45"\n').message(), 480)
    assert told == {"self_test_min": 405, "utc_offset_min": 480}
    off = load(tmp_path, 'self_test = "off"\n').message()
    assert off == {"self_test_min": -1} and policy.Policy().change(off) == reasons.OK


@pytest.mark.parametrize(
    ("zone", "january", "july"), [("UTC", 0, 0), ("Asia/Shanghai", 480, 480), ("Europe/Berlin", 60, 120)]
)
def test_offset_is_that_of_the_pcs_own_time_zone_at_that_time(monkeypatch, zone, january, july):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert local_day.utc_offset_min(1_767_225_600_000) == january
        assert local_day.utc_offset_min(1_782_864_000_000) == july
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_number_that_a_terminal_would_refuse_is_told_with_its_range(tmp_path, name):
    for value in (BOUNDS[name][0] - 1, BOUNDS[name][1] + 1):
        lines = [line for line in faults(tmp_path, f"{name} = {value}\n") if f": policy.{name})" in line]
        assert len(lines) == 1 and f"must be {BOUNDS[name][0]} to {BOUNDS[name][1]}" in lines[0]


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ('quiet_from = "25:00"\nquiet_to = "07:00"\n', "quiet_from", "no time of the day"),
        ('quiet_from = "22:00"\nquiet_to = "7:00"\n', "quiet_to", "no time of the day"),
        ('quiet_from = "22:00"\nquiet_to = "07:60"\n', "quiet_to", "no time of the day"),
        ('quiet_from = "22:00"\n', "quiet_to", "is missing"),
        ('quiet_to = "07:00"\n', "quiet_from", "is missing"),
        ('quiet_from = "22:00"\nquiet_to = "22:00"\n', "quiet_to", "are the same"),
        ("quiet_volume = 10\n", "quiet_from", "without a quiet time"),
        ("quiet_from = 22\n", "quiet_from", "must be text"),
        ('detail = "sometimes"\n', "detail", "choose ask, auto, off"),
        ('self_test = "24:00"\n', "self_test", "no time of the day"),
        ("greeting = 1\n", "greeting", "true or false"),
    ],
)
def test_wrong_value_is_named_by_its_key_with_a_cure(tmp_path, text, key, told):
    lines = faults(tmp_path, text)
    assert len(lines) == 1 and f": policy.{key})" in lines[0] and told in lines[0], lines


def test_all_faults_of_the_policy_are_told_at_once(tmp_path):
    lines = faults(tmp_path, 'volume = 101\nquiet_from = "late"\ntags_ms = 1\nlocal_invite = "maybe"\n')
    keys = ("volume", "quiet_from", "quiet_to", "tags_ms", "local_invite")
    assert len(lines) == len(keys)
    assert all([line for line in lines if f": policy.{key})" in line] for key in keys)
