"""The FF68 bus: the field notes' frames byte for byte, any cutting of the stream, noise, and the rater's promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.dialects import ff68_frame as ff68
from host_agent.dialects.ff68_frame import Frame
from host_agent.dialects.ff68_rater import RESEND_MS, TRIES, Ff68Rater

# Frames seen in the field: bytes, and what they say.
SEEN = [
    ("FF 68 03 03 68 81 11 03 95 16", Frame(0x81, 0x11, b"\x03")),
    ("FF 68 03 03 68 01 11 03 15 16", Frame(0x01, 0x11, b"\x03")),
    ("FF 68 03 03 68 01 01 0B 0D 16", Frame(0x01, 0x01, b"\x0b")),
    ("FF 68 03 03 68 01 02 05 08 16", Frame(0x01, 0x02, b"\x05")),
    ("FF 68 03 03 68 01 01 03 05 16", Frame(0x01, 0x01, b"\x03")),
    ("68 02 02 68 81 01 82 16", Frame(0x81, 0x01, b"")),
]
GRADES = {5: 4, 4: 3, 3: 2, 2: 1, 1: 0}
BEGIN = ff68.encode(Frame(1, 1, b"\x0b"))
frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=ff68.MAX_LEN - ff68.MIN_LEN))


@pytest.mark.parametrize(("text", "frame"), SEEN)
def test_frame_of_the_field_is_read_and_written_byte_for_byte(text, frame):
    data = bytes.fromhex(text)
    assert ff68.Reader().feed(data, 0) == [frame]
    assert ff68.encode(frame, lead=data[0] == 0xFF) == data


@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 7), min_size=1, max_size=12))
def test_frames_cut_into_any_reads_come_out_whole_and_once(sent, cuts):
    stream = b"".join(ff68.encode(frame) for frame in sent)
    reader, found, at, turn = ff68.Reader(), [], 0, 0
    while at < len(stream):
        found += reader.feed(stream[at : at + cuts[turn % len(cuts)]], turn)
        at += cuts[turn % len(cuts)]
        turn += 1
    assert found == sent
    assert reader.skipped_bytes == 0
    assert reader.bad_checksum == 0


@given(frames, st.data())
def test_frame_with_one_wrong_byte_is_no_frame_and_the_next_one_is_read(frame, data):
    whole = bytearray(ff68.encode(frame))
    at = data.draw(st.integers(1, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    reader = ff68.Reader()
    found = reader.feed(bytes(whole), 0)
    assert frame not in found
    # A pause ends what a false length still waits for.
    assert reader.feed(BEGIN, ff68.GAP_MS + 1)[-1:] == [Frame(1, 1, b"\x0b")]


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_reader_of_noise_never_fails_and_holds_little(reads):
    reader = ff68.Reader()
    for now_ms, data in enumerate(reads):
        reader.feed(data, now_ms)
        assert len(reader._held) <= ff68.MAX_LEN + 6
        assert reader.skipped_bytes + reader.frames * 8 <= sum(len(one) for one in reads[: now_ms + 1]) + 8


def test_frame_that_stops_halfway_does_not_swallow_the_next():
    reader = ff68.Reader()
    assert reader.feed(BEGIN[:7], 0) == []
    assert reader.feed(BEGIN, ff68.GAP_MS + 1) == [Frame(1, 1, b"\x0b")]
    assert reader.skipped_bytes == 6  # all but its FF


def test_encode_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="more than a frame holds"):
        ff68.encode(Frame(1, 1, bytes(31)))
    with pytest.raises(ValueError, match="range"):
        ff68.encode(Frame(256, 1))


def test_frame_shows_no_data_when_printed():
    assert repr(Frame(0x81, 0x11, b"\x03")) == "Frame(address=0x81, function=0x11, 1 bytes)"


@pytest.mark.parametrize(("level", "grade"), GRADES.items())
@pytest.mark.parametrize(("offset", "address"), [(0x80, 0x81), (0, 0x01)])
def test_rater_tells_the_grade_of_each_level_by_the_table(level, grade, offset, address):
    rater = Ff68Rater(1, GRADES, offset)
    assert rater.receive(BEGIN, 0) == [("begin",)]
    assert rater.rated(level, 10)
    assert rater.take_output() == ff68.encode(Frame(address, 0x11, bytes((grade,))))


@pytest.mark.parametrize("ack", ["68 02 02 68 81 01 82 16", "FF 68 03 03 68 01 01 03 05 16"])
def test_rater_repeats_until_either_acknowledgement(ack):
    rater = Ff68Rater(1, GRADES)
    rater.receive(BEGIN, 0)
    rater.rated(4, 0)
    first = rater.take_output()
    assert rater.deadline_ms() == RESEND_MS
    assert rater.tick(RESEND_MS) == []
    assert rater.take_output() == first
    rater.receive(bytes.fromhex(ack), RESEND_MS + 1)
    assert rater.deadline_ms() is None
    assert rater.take_output() == b""


def test_rater_gives_up_and_says_so():
    rater = Ff68Rater(1, GRADES)
    rater.receive(BEGIN, 0)
    rater.rated(4, 0)
    events = [event for turn in range(1, TRIES + 3) for event in rater.tick(turn * RESEND_MS)]
    assert events == [("unacknowledged",)]
    assert rater.take_output().count(b"\x68\x03\x03\x68") == TRIES


def test_rater_without_leave_to_tell_levels_stays_silent():
    rater = Ff68Rater(1, None)
    rater.receive(BEGIN, 0)
    assert not rater.rated(1, 0)
    assert rater.take_output() == b""


def test_rater_guesses_no_grade_for_a_level_outside_the_table():
    rater = Ff68Rater(1, {5: 3, 4: 3, 3: 2})
    rater.receive(BEGIN, 0)
    assert not rater.rated(1, 0)
    assert rater.take_output() == b""


def test_rater_never_turns_a_timeout_into_a_grade():
    rater = Ff68Rater(1, GRADES)
    rater.receive(BEGIN, 0)
    rater.not_rated()
    assert not rater.rated(5, 60_000)
    assert rater.tick(120_000) == []
    assert rater.take_output() == b""


def test_rater_credits_no_press_of_the_last_citizen_to_the_next():
    rater = Ff68Rater(1, GRADES)
    rater.receive(BEGIN, 0)
    rater.rated(1, 10)
    rater.take_output()
    assert rater.receive(BEGIN, 20) == [("begin",)]
    rater.tick(10_000)
    assert rater.take_output() == b"", "the grade that nobody acknowledged is not said again for the next one"


def test_rater_hears_nothing_of_other_addresses_and_of_false_checksums():
    rater = Ff68Rater(1, GRADES)
    assert rater.receive(ff68.encode(Frame(2, 1, b"\x0b")), 0) == []
    wrong = bytearray(BEGIN)
    wrong[-2] ^= 1
    assert rater.receive(bytes(wrong), 1) == []
    assert rater.counters["bad_checksum"] == 1
    assert not rater.rated(5, 2)


def test_rater_takes_no_acknowledgement_of_another_grade():
    rater = Ff68Rater(1, GRADES)
    rater.receive(BEGIN, 0)
    rater.rated(5, 0)
    first = rater.take_output()
    assert rater.receive(ff68.encode(Frame(1, 1, b"\x03")), 10) == []
    rater.tick(RESEND_MS)
    assert rater.take_output() == first, "the host has heard another grade: it is told again"
    assert rater.receive(ff68.encode(Frame(1, 1, b"\x04")), RESEND_MS + 10) == []
    assert rater.deadline_ms() is None


@pytest.mark.parametrize("offset", [0x80, 0])
def test_rater_knows_its_own_bytes_on_a_two_wire_line(offset):
    rater = Ff68Rater(1, GRADES, offset)
    rater.receive(BEGIN, 0)
    rater.rated(5, 0)
    assert rater.receive(rater.take_output(), 5) == []
    assert rater.deadline_ms() == RESEND_MS, "its own echo is no acknowledgement"
    assert (rater.counters["echoes"], rater.counters["unknown"]) == (1, 0)


@given(st.lists(st.binary(max_size=40) | frames.map(ff68.encode), max_size=8))
def test_rater_survives_anything_on_the_bus_and_tells_no_grade_of_its_own(reads):
    rater = Ff68Rater(1, GRADES)
    for now_ms, data in enumerate(reads):
        assert all(event == ("begin",) for event in rater.receive(data, now_ms))
    assert rater.take_output() == b""
