"""The parts of the bench, with as little as shows that they measure what they say."""

import random

import pytest

from simulator.chips.w25q import TYPICAL
from tests.bench import firmware, journal, journal_days, link, receiver, update, update_files
from tests.bench.journal_days import ACKNOWLEDGE, BOOT, EVENT, RATINGS_A_DAY
from tests.bench.journal_stores import LittlefsAppend, LittlefsFiles
from tests.bench.link_peers import GoBackN, StopAndWait
from tests.device import new_firmware
from tests.unit.line import Channel
from tests.unit.line_limit import events_frame, selective_repeat_limit

SMALL_CHIP_BYTES = 40 * 4096


def test_days_bring_their_ratings_and_acknowledge_each_event_once():
    steps = list(journal_days.steps(random.Random(1), 10))
    assert sum(step.rating for step in steps) == 10 * RATINGS_A_DAY
    events = sum(step.what in (BOOT, EVENT) for step in steps)
    assert [step.number for step in steps if step.what == ACKNOWLEDGE] == list(range(1, events + 1))
    made = 0
    for step in steps:
        made += step.what in (BOOT, EVENT)
        assert step.number <= made, "acknowledged before it was there"
    times = [step.at_ms for step in steps]
    assert times == sorted(times)


@pytest.fixture(scope="module")
def small_chip() -> tuple[bytearray, int]:
    return journal.aged(6, SMALL_CHIP_BYTES)


def test_journal_of_a_wrapped_chip_needs_no_erase_in_a_press(small_chip):
    own = journal.journal(*small_chip, TYPICAL, seed=1, days=2)
    found = own.figures("own") | own.times("own", "typical")
    assert own.ratings == 2 * RATINGS_A_DAY and found["own_erases_in_the_way_of_a_press"] == 0
    assert 0.05 < found["own_erases_per_rating"] <= 0.13 + 1 / own.ratings
    assert 0.4 < found["own_append_p99_typical_ms"] <= 0.8


def test_append_during_an_erase_suspends_it(small_chip):
    met = journal.during_an_erase(*small_chip, TYPICAL, seed=1, count=5)
    assert len(met.took_us) == 5 and max(met.took_us) < 1000
    assert met.suspended >= 5 and met.waited_erases == 0


@pytest.mark.parametrize("kind", (LittlefsAppend, LittlefsFiles))
def test_erases_in_a_press_are_seen_where_there_are_some(kind):
    peer = journal.littlefs(kind, TYPICAL, seed=1, days=1, warm=0)
    found = peer.figures("peer") | peer.times("peer", "typical")
    assert found["peer_erases_in_the_way_of_a_press"] > 0 and found["peer_append_max_typical_ms"] > 45
    assert peer.ratings == RATINGS_A_DAY


def test_models_of_the_peers_reach_what_a_clean_line_lets_them():
    channel = Channel(delay_ms=10)
    limit = selective_repeat_limit(0)
    waiting = StopAndWait(channel, 1, 5)
    assert waiting.rate(100) == pytest.approx(waiting.expected(), rel=0.1) and waiting.rate(50) < 0.9 * limit
    assert GoBackN(channel, 1, 5).rate(100) == pytest.approx(limit, rel=0.05)


def test_models_of_the_peers_lose_to_noise_what_the_textbook_says():
    channel = Channel(delay_ms=11, bit_error=2e-4)
    for model in (StopAndWait, GoBackN):
        peer = model(channel, 1, 1)
        assert peer.rate(400) == pytest.approx(peer.expected(), rel=0.15)
        assert peer.rate(100) < selective_repeat_limit(2e-4)


def test_limit_is_the_best_frame_of_a_line():
    longest = len(events_frame(5))
    assert selective_repeat_limit(0) == pytest.approx(5 * 11.52 / longest)
    assert selective_repeat_limit(1e-3) < selective_repeat_limit(1e-4) < selective_repeat_limit(0)


def test_link_is_measured_on_each_line():
    found = link.repetition(seed=1, part=0.02)
    shares = [value for name, value in found.items() if name.endswith("share_of_limit")]
    assert len(shares) == 6 and all(0.5 < share < 1.5 for share in shares)


def test_receiver_is_measured():
    a_cpu_s, a_s = receiver.rate(batch=20, seed=1, events=60)
    assert a_cpu_s > 0 and a_s > 0


def test_press_is_durable_before_it_is_shown(tmp_path):
    (answer,) = firmware.bus_times(tmp_path, seed=1, presses=1)
    assert firmware.DECISION_MS < answer.durable < answer.tone < answer.first_pixel < 100
    assert answer.first_pixel < answer.last_pixel < firmware.ANSWERED_MS


def test_press_on_the_host_tells_times_and_bytes():
    host = firmware.press_on_host(presses=3)
    assert 0 < host["ccm_us"] < host["durable_us"] and host["strip_us"] > 0
    assert host["event_bytes"] == 166 and host["aes_blocks"] == 19
    assert host["press_alloc_bytes"] > host["event_bytes"]


def test_update_is_counted_by_where_its_bytes_came_from(tmp_path):
    bundle = new_firmware.later(tmp_path)
    found = update.brought(tmp_path / "usb", bundle, None)
    slot = sum(entry.size for entry in bundle.told.slot)
    assert found.sent_bytes + found.copied_bytes == slot + len(bundle.manifest) + len(bundle.signature)
    assert found.copied_bytes > found.sent_bytes > len(bundle.manifest) and found.took_ms > 0
    assert found.kept_bytes == sum(entry.size for entry in bundle.told.packs)
    assert 0.95 < update.payload_share() < 0.98


@pytest.mark.parametrize("way", (update_files.OWN, update_files.MPREMOTE_PTY))
def test_files_copied_onto_a_board_are_there(tmp_path, way):
    files = {"a/b.bin": random.Random(1).randbytes(3000), "main.py.new": b"pass\n"}
    assert update_files.rate(tmp_path, way, files) > 0
