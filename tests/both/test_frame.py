"""Frames: what goes in comes out in any split, what is damaged is counted and dropped."""

from binascii import crc32

from protocol import cobs, frame
from protocol.errors import FrameError
from tests.both.support import Raises


def test_frame_encode_layout_is_as_documented():
    raw = b"\x10\x07\x05" + b"\x81\x00"
    expected = b"\x00" + cobs.encode(raw + crc32(raw).to_bytes(4, "little")) + b"\x00"
    assert frame.encode(0x10, 7, 5, b"\x81\x00") == expected


def test_frame_reader_any_split_gives_the_same_frames():
    bodies = [b"", b"\x00" * 9, bytes(range(256)), b"\xff" * frame.MAX_BODY]
    stream = b"".join([frame.encode(0x10 + i, i, 255 - i, body) for i, body in enumerate(bodies)])
    expected = [(0x10 + i, i, 255 - i, body) for i, body in enumerate(bodies)]
    for step in (1, 2, 3, 7, 64, 1000, len(stream)):
        reader = frame.Reader()
        found = []
        for at in range(0, len(stream), step):
            found += reader.feed(stream[at : at + step])
        assert found == expected, step
        assert reader.counters["frames"] == len(bodies)
        assert reader.counters["skipped_bytes"] == 0


def test_frame_reader_takes_any_bytes_like():
    data = frame.encode(1, 2, 3, b"x")
    for kind in (bytes, bytearray, memoryview):
        assert frame.Reader().feed(kind(data)) == [(1, 2, 3, b"x")]


def test_frame_body_over_the_limit_is_refused():
    assert len(frame.encode(1, 1, 1, bytes(range(1, 255)) * 4)) <= frame.MAX_ENCODED + 2
    with Raises(FrameError, "1025"):
        frame.encode(1, 1, 1, bytes(frame.MAX_BODY + 1))


def test_frame_reader_single_flipped_bits_never_pass():
    good = frame.encode(0x20, 9, 1, b"\x82\x01\x02")
    for at in range(1, len(good) - 1):
        for bit in range(8):
            bad = bytearray(good)
            bad[at] ^= 1 << bit
            reader = frame.Reader()
            assert reader.feed(bad) == [], (at, bit)
            assert reader.feed(good) == [(0x20, 9, 1, b"\x82\x01\x02")]
            assert reader.counters["bad_crc"] + reader.counters["bad_cobs"] + reader.counters["bad_length"] >= 1
            assert reader.counters["skipped_bytes"] > 0


def test_frame_reader_counts_each_kind_of_damage():
    reader = frame.Reader()
    assert reader.feed(b"\x00" + cobs.encode(b"\x01\x02\x03\x04\x05\x06\x07") + b"\x00") == []
    assert reader.counters["bad_crc"] == 1
    assert reader.feed(cobs.encode(b"\x01\x02") + b"\x00") == []
    assert reader.counters["bad_length"] == 1
    assert reader.feed(b"\x09\x01\x00") == []
    assert reader.counters["bad_cobs"] == 1
    assert reader.counters["skipped_bytes"] == 8 + 3 + 2
    raw = bytes(frame.HEADER + frame.MAX_BODY + 1)
    assert reader.feed(cobs.encode(raw + crc32(raw).to_bytes(4, "little")) + b"\x00") == []
    assert reader.counters["bad_length"] == 2
    assert reader.counters["frames"] == 0


def test_frame_reader_endless_garbage_stays_in_bounds_and_recovers():
    reader = frame.Reader()
    for _ in range(50):
        assert reader.feed(b"\x55" * 700) == []
        assert len(reader._part) <= frame.MAX_ENCODED
    assert reader.feed(frame.encode(1, 2, 3, b"y")) == [(1, 2, 3, b"y")]
    assert reader.counters["skipped_bytes"] == 35000
    assert reader.counters["bad_length"] == 1


def test_frame_reader_reset_forgets_a_half_frame():
    reader = frame.Reader()
    good = frame.encode(1, 2, 3, b"z")
    reader.feed(good[:5])
    reader.reset()
    assert reader.feed(good) == [(1, 2, 3, b"z")]
    assert reader.counters["skipped_bytes"] == 4
