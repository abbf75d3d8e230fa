"""COBS against the vectors of another library, and its refusals."""

from binascii import crc32

from protocol import cobs
from protocol.errors import FrameError
from tests.both.support import Raises, vectors


def test_cobs_vectors_match_both_ways():
    for case in vectors("framing.json")["cases"]:
        raw, encoded = bytes.fromhex(case["raw"]), bytes.fromhex(case["cobs"])
        assert cobs.encode(raw) == encoded, case["raw"]
        assert cobs.decode(encoded) == raw, case["raw"]
        assert crc32(raw) == int(case["crc32"], 16)


def test_cobs_every_length_around_a_full_run_comes_back():
    for size in (0, 1, 252, 253, 254, 255, 256, 507, 508, 509, 510):
        for zero_at in (None, 0, size // 2, size - 1):
            raw = bytearray(b"\x07" * size)
            if zero_at is not None and size:
                raw[zero_at] = 0
            encoded = cobs.encode(raw)
            assert 0 not in encoded
            assert cobs.decode(encoded) == raw, (size, zero_at)


def test_cobs_takes_any_bytes_like():
    for kind in (bytes, bytearray, memoryview):
        assert cobs.encode(kind(b"\x11\x00\x22")) == b"\x02\x11\x02\x22"
        assert cobs.decode(kind(b"\x02\x11\x02\x22")) == b"\x11\x00\x22"


def test_cobs_decode_zero_inside_is_refused():
    for bad in (b"\x00", b"\x01\x00", b"\x03\x11\x00"):
        with Raises(FrameError, "zero"):
            cobs.decode(bad)


def test_cobs_decode_run_past_the_end_is_refused():
    for bad in (b"\x02", b"\x05\x01\x02\x03", b"\xff" + b"\x01" * 253):
        with Raises(FrameError, "run"):
            cobs.decode(bad)
