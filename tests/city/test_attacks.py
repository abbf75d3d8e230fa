"""The dishonest PC: it holds every byte between terminal and broker, but no key, and the city must not be fooled.

Here it alters, drops, withholds, delays, reorders and replays what the terminal sealed. Each test is one thing such a
PC does, over real sealed bytes and the receiver's real code. docs/security.md has one row for each of them; a test
below compares the two.
"""

import itertools
import json
import re
from pathlib import Path

import pytest

from host_agent.receiver.intake import Raw
from protocol import rating
from tests.city.attacked_hall import with_clear
from tests.city.terminals import City, Terminal, message

ROOT = Path(__file__).parents[2]
FILES = (
    "tests/city/test_attacks.py",
    "tests/city/test_attacks_forged.py",
    "tests/device/test_attack_console.py",
    "tests/device/test_attack_boot.py",
    "tests/device/test_attack_update.py",
    "tests/device/test_maintenance_console.py",
)


# --- alters


def test_attack_alters_any_single_bit_is_refused(hall, rated):
    invite, event = rated
    for bit in range(len(event) * 8):
        altered = bytearray(event)
        altered[bit // 8] ^= 1 << bit % 8
        [(status, code)] = hall.honest(bytes(altered))
        assert status == "refused", f"bit {bit}"
        assert code in ("not_opened", "malformed", "unknown_terminal", "unknown_epoch")
    assert hall.rating(invite) is None
    assert "not_opened" in hall.alarms()
    assert hall.honest(event, preimage=invite.preimage) == [("stored", None)]
    assert hall.rating(invite)["level"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": rating.TIMED_OUT},
        {"kind": rating.CANCELLED},
        {"invite": bytes(16)},
        {"iv": (1).to_bytes(4, "big") + (99).to_bytes(4, "big")},
        {"iv": (7).to_bytes(4, "big") + (2).to_bytes(4, "big")},
        {"kid": b"YP-0002"},
    ],
    ids=["outcome", "withdrawn", "invite", "sequence", "boot", "terminal"],
)
def test_attack_alters_the_clear_part_is_refused(hall, rated, change):
    _, event = rated
    assert hall.honest(with_clear(event, **change)) == [("refused", "not_opened")]
    assert "not_opened" in hall.alarms()


def test_attack_alters_the_epoch_is_shelved_and_never_opens(hall, rated):
    _, event = rated
    assert hall.honest(with_clear(event, epoch=2)) == [("refused", "unknown_epoch")]
    hall.receiver.registry.add([Terminal(epoch=2, seed=9).entry()])
    assert [receipt.code for receipt in hall.receiver.intake.retry_shelf()] == ["not_opened"]


def test_attack_alters_the_times_around_an_event_changes_no_time_of_it(hall, rated):
    invite, event = rated
    raw = message(hall.terminal, event, invite.preimage)
    body = json.loads(raw.payload)
    body["time"] = "1999-01-01T00:00:00.000Z"
    body["data"]["link"] = {"delay_ms": -5, "clock_offset_ms": 10**12}
    hall.send(Raw(raw.topic, json.dumps(body).encode()))
    assert hall.rating(invite)["event"]["utc_ms"] == hall.terminal.now_ms


# --- drops, withholds, delays, reorders


def test_attack_drops_one_event_shows_as_a_gap(hall, rated):
    invite, _ = rated
    hall.honest(hall.terminal.marks())
    assert hall.receiver.gaps(hall.terminal) == [(2, 2)]
    assert hall.row()["unexplained"] == 0  # it may still be on its way
    assert hall.row(later_ms=121_000)["unexplained"] == 1
    assert hall.rating(invite) is None


def test_attack_drops_the_change_of_mind_leaves_the_rating_incomplete(hall):
    hall.honest(hall.terminal.boots())
    invite = hall.terminal.invite()
    first = hall.terminal.rates(5, invite)
    hall.terminal.rates(1, invite)
    hall.honest(first, hall.terminal.marks(), preimage=invite.preimage)
    assert hall.rating(invite)["settled"] == "incomplete"
    assert hall.row(later_ms=121_000)["unexplained"] == 1


def test_attack_withholds_the_newest_shows_as_silence(hall):
    for _ in range(3):
        hall.terminal.now_ms += 3_600_000 - hall.terminal.step_ms
        hall.terminal.marks()
    hall.receiver.now_ms = hall.terminal.now_ms
    hall.honest(hall.terminal.events[0])
    assert hall.row()["silent_min"] is None
    assert hall.row(later_ms=3_600_000)["silent_min"] >= 130


def test_attack_lets_old_events_through_one_by_one_does_not_hide_the_silence(hall):
    for _ in range(8):
        hall.terminal.now_ms += 3_600_000 - hall.terminal.step_ms
        hall.terminal.marks()
    start = hall.terminal.now_ms
    for hour, event in enumerate(hall.terminal.events):  # each arrives eight hours late, one an hour
        hall.receiver.now_ms = start + hour * 3_600_000
        hall.honest(event)
        assert hall.row()["silent_min"] >= 6 * 60


def test_attack_withholds_everything_of_a_terminal_shows_as_silence(hall):
    hall.terminal.boots()
    assert hall.row(later_ms=131 * 60_000)["silent_min"] == 131


def test_attack_delays_is_late_and_changes_nothing(hall, rated):
    invite, event = rated
    hall.receiver.now_ms += 3 * 86_400_000
    hall.honest(event, preimage=invite.preimage)
    assert hall.rating(invite)["level"] == 1
    assert hall.rating(invite)["event"]["utc_ms"] == hall.terminal.now_ms
    assert hall.row()["late"] == 1


def test_attack_reorders_in_every_way_ends_the_same(tmp_path):
    orders = list(itertools.permutations(range(5)))
    terminals = [Terminal(f"T{number}") for number in range(len(orders))]
    city = City(tmp_path, *terminals)
    for terminal, order in zip(terminals, orders, strict=True):
        terminal.boots()
        invite = terminal.invite()
        for level in (5, 3, 1):
            terminal.rates(level, invite)
        terminal.marks()
        city.take(*(message(terminal, terminal.events[at], invite.preimage) for at in order))
        records = [record for record in city.latest().values() if record["terminal"] == terminal.id]
        assert {record["chain"] for record in records} == {"ok"}, order
        rated = [record for record in records if record["kind"] == "rated"]
        assert max(rated, key=lambda record: record["seq"])["level"] == 1
        assert city.gaps(terminal) == []
    assert city.alarms() == set()
    city.close()


# --- replays


def test_attack_replays_is_one_rating(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    for _ in range(50):
        assert hall.honest(event, preimage=invite.preimage) == [("duplicate", None)]
    assert [item["id"] for item in hall.received()] == ["YP-0001-1-1", "YP-0001-1-2"]
    assert len(hall.rating(invite)["history"]) == 1


def test_attack_replays_under_another_invite_is_refused(hall, rated):
    _, event = rated
    other = hall.terminal.invite(clerk="0911")
    assert hall.honest(with_clear(event, invite=other.id), preimage=other.preimage) == [("refused", "not_opened")]
    assert hall.rating(other) is None


def test_attack_replays_an_invite_at_another_terminal_is_told(hall, rated):
    invite, event = rated
    hall.honest(event, preimage=invite.preimage)
    second = hall.neighbour.rates(5, invite)
    assert hall.send(message(hall.neighbour, second, invite.preimage)) == [("stored", None)]
    assert {"invite_shared", "invite_elsewhere"} <= hall.alarms()
    assert hall.rating(invite)["disputed"]


def test_attack_replays_an_old_invite_is_told(hall):
    invite = hall.terminal.invite()
    hall.terminal.now_ms += 2 * 3_600_000
    hall.receiver.now_ms = hall.terminal.now_ms + 10_000
    hall.honest(hall.terminal.rates(5, invite), preimage=invite.preimage)
    assert "invite_time" in hall.alarms()


def test_attack_passes_an_event_off_as_another_terminals_is_told_and_credited_rightly(hall, rated):
    invite, event = rated
    raw = message(hall.terminal, event, invite.preimage, topic="yiping/v1/C01/terminal/YP-0002/event")
    assert hall.send(raw) == [("stored", None)]
    assert hall.rating(invite)["event"]["terminal"] == "YP-0001"
    assert "misaddressed" in hall.alarms()


def test_table_of_attacks_names_each_test_and_no_other():
    source = "".join((ROOT / name).read_text(encoding="utf-8") for name in FILES)
    table = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tests = set(re.findall(r"^def (test_attack_\w+)", source, re.MULTILINE))
    assert set(re.findall(r"`(test_attack_\w+)`", table)) == tests
