"""Reading chips: every event that stands there is found, whole or damaged, and no event that never counted."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent.rescue import image as chip_image
from host_agent.rescue.image import DOUBTFUL, SOUND
from protocol import codes, evidence, record
from protocol.errors import EvidenceError
from protocol.sealing import Sealer
from simulator.chips import nor_array
from tests.both.support import aes
from tests.rescue.chips import JOURNAL_ID, KINDS, SECRET, SECTOR, damage, mounted, worked


def by_seq(chip):
    return {event.seq: event.evidence for event in chip.events}


@pytest.mark.parametrize(("ratings", "sectors"), [(0, 8), (1, 8), (40, 12), (200, 12)])
def test_whole_chip_gives_every_event_that_stands_there(ratings, sectors):
    made = worked(ratings, ratings, sectors)
    chip = chip_image.read(bytes(made.image))
    assert by_seq(chip) == made.on_chip() and all(event.state == SOUND for event in chip.events)
    assert chip.damage == () and chip.dropped == () and chip.journals == {JOURNAL_ID.hex(): sectors - chip.blank}
    waiting = set(made.events) - made.acknowledged
    assert {event.seq for event in chip.events if not event.acknowledged} == waiting
    assert chip_image.holes(by_seq(chip)) == []


def test_what_is_found_opens_at_the_city_as_it_was_pressed():
    made = worked(5, 60)
    key = evidence.event_key(SECRET, 1)
    for event in chip_image.read(bytes(made.image)).events:
        clear, fields = evidence.open_event(aes, key, event.evidence)
        assert (clear.seq, clear.boot, clear.kind) == (event.seq, event.boot, event.kind)
        assert fields[6] == made.pressed[event.seq]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(8))
def test_damaged_chip_gives_every_event_whose_bytes_still_stand(kind, seed):
    made = worked(seed, 60)
    rng = random.Random(f"{kind}:{seed}")
    before = bytes(made.image)
    touched = damage(made.image, rng, kind)
    chip = chip_image.read(bytes(made.image))
    found = by_seq(chip)
    for seq, event in made.events.items():
        at = before.find(event)
        if at >= 0 and bytes(made.image).find(event) >= 0:
            assert found.get(seq) == event, f"event {seq} stands there and was not found ({kind}, seed {seed})"
    for event in chip.sound():
        assert made.events.get(event.seq) == event.evidence or event.evidence not in made.events.values()
    if len(touched & {at for at in range(len(before)) if before[at] != 0xFF}) and kind != "torn erase":
        assert chip.damage or found == {seq: event for seq, event in made.events.items() if before.find(event) >= 0}


def test_sectors_of_an_older_journal_are_read_too():
    """Provisioned anew before its queue was fetched: only the first sector is gone."""
    first = worked(1, 60)
    before = first.on_chip()
    second = worked(2, 3, epoch=2, image=first.image, journal_id=b"journal2")
    chip = chip_image.read(bytes(second.image))
    assert len(chip.journals) == 2
    found = {(event.epoch, event.seq): event.evidence for event in chip.events}
    standing = {seq for seq, event in before.items() if bytes(second.image).find(event) >= 0}
    assert len(standing) > 20
    assert {seq for epoch, seq in found if epoch == 1} == standing
    assert {seq for epoch, seq in found if epoch == 2} == set(second.events)


def torn(made, tear, level=3):
    """Seal one more event and tear its program; return the event."""
    journal = mounted(made.image)
    sealer = Sealer(aes, evidence.event_key(SECRET, 1), made.terminal, 1)
    before = bytes(made.image)
    seq = journal.last_seq + 1
    event = sealer.seal(codes.RATED, b"i" * 16, journal.boot, seq, {2: 0, 4: 1, 5: journal.prev_hash, 6: level})
    journal.append_event(seq, event)
    data = record.encode(record.EVENT, journal.boot, seq, event)
    at = bytes(made.image).find(data)
    made.image[at : at + len(data)] = before[at : at + len(data)]
    if tear == "crc":
        made.image[at : at + len(data) - 3] = data[:-3]
    else:
        nor_array.tear_program(made.image, at, data, tear, random.Random(7))
    return seq, event


def test_event_torn_in_its_last_bytes_with_nothing_behind_is_doubtful():
    made = worked(3, 20)
    seq, event = torn(made, "crc")
    chip = chip_image.read(bytes(made.image))
    assert [(one.seq, one.state, one.evidence) for one in chip.events][-1] == (seq, DOUBTFUL, event)
    assert event not in [one.evidence for one in chip.sound()]


def test_event_torn_whose_number_was_used_again_is_dropped():
    made = worked(3, 20)
    seq, event = torn(made, "crc")
    journal = mounted(made.image)
    assert journal.last_seq == seq - 1
    sealer = Sealer(aes, evidence.event_key(SECRET, 1), made.terminal, 1)
    again = sealer.seal(codes.INTERRUPTED, b"i" * 16, journal.boot, seq, {2: 0, 4: 1, 5: journal.prev_hash})
    journal.append_event(seq, again)
    chip = chip_image.read(bytes(made.image))
    assert by_seq(chip)[seq] == again and [one.evidence for one in chip.dropped] == [event]


def test_event_whose_record_rotted_counts_when_its_number_is_missing_otherwise():
    made = worked(4, 30)
    seq = sorted(made.on_chip())[len(made.on_chip()) // 2]
    at = bytes(made.image).find(made.events[seq])
    made.image[at - 3] ^= 0x10  # in the record's head: the event itself is whole
    chip = chip_image.read(bytes(made.image))
    assert by_seq(chip) == made.on_chip()
    assert next(event for event in chip.events if event.seq == seq).state == SOUND


def test_report_of_holes_names_the_missing_numbers():
    made = worked(4, 30)
    seq = sorted(made.on_chip())[5]
    at = bytes(made.image).find(made.events[seq])
    made.image[at + 60] ^= 0xFF  # in the ciphertext: the record does not check, what is carved does not open
    made.image[at] = 0  # and no event begins there
    chip = chip_image.read(bytes(made.image))
    missing = chip_image.holes(by_seq(chip))
    assert (seq, seq) in missing or missing == [(seq, seq)]
    assert chip.damage and chip.damage[0].sector == at // SECTOR


@given(st.binary(max_size=3 * SECTOR), st.integers(0, 5))
@settings(max_examples=150)
def test_any_bytes_are_read_without_an_error(data, spread):
    chip = chip_image.read(data * (spread or 1))
    assert chip.events == () or all(event.state in (SOUND, DOUBTFUL) for event in chip.events)


@given(st.integers(0, 2**32), st.integers(1, 400))
@settings(max_examples=40)
def test_random_damage_never_invents_an_event(seed, flips):
    made = worked(9, 30)
    rng = random.Random(seed)
    for _ in range(flips):
        made.image[rng.randrange(len(made.image))] ^= 1 << rng.randrange(8)
    key = evidence.event_key(SECRET, 1)
    for event in chip_image.read(bytes(made.image)).events:
        if event.evidence in made.events.values():
            continue
        with pytest.raises(EvidenceError):
            evidence.open_event(aes, key, event.evidence)
