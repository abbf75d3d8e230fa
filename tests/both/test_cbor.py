"""The CBOR subset against RFC 8949's examples, and everything it must refuse."""

from protocol import cbor
from protocol.errors import CborError
from tests.both.support import Raises

EXAMPLES = (  # RFC 8949 appendix A
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (25, "1819"),
    (100, "1864"),
    (255, "18ff"),
    (256, "190100"),
    (1000, "1903e8"),
    (65535, "19ffff"),
    (65536, "1a00010000"),
    (1000000, "1a000f4240"),
    (0xFFFFFFFF, "1affffffff"),
    (0x100000000, "1b0000000100000000"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-10, "29"),
    (-24, "37"),
    (-25, "3818"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("a", "6161"),
    ("IETF", "6449455446"),
    ('"\\', "62225c"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ([], "80"),
    ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (["a", {"b": "c"}], "826161a161626163"),
    ({"e": "E", "a": "A", "c": "C", "d": "D", "b": "B"}, "a56161614161626142616361436164614461656145"),
    # RFC 8949 section 4.2.1, keys in bytewise order (arrays and booleans as keys left out)
    ({"aa": 5, 100: 2, -1: 3, "z": 4, 10: 1}, "a50a011864022003617a0462616105"),
    ({b"k": 1}, "a1416b01"),
)

REFUSED = (
    "",  # nothing
    "18",  # ends in a number
    "1800",  # 0 in two bytes
    "1817",
    "1900ff",  # 255 in three bytes
    "1a0000ffff",
    "1b00000000ffffffff",
    "5800",  # empty string with a long head
    "41",  # ends in a string
    "5bffffffffffffffff",  # string of 2**64 bytes
    "62c3",  # text ends inside
    "61ff",  # not UTF-8
    "8301",  # ends in an array
    "9bffffffffffffffff",  # array of 2**64 items
    "9f0102ff",  # indefinite
    "5f4101ff",
    "bf6161 01ff".replace(" ", ""),
    "a10a",  # ends in a map
    "a2020101 02".replace(" ", ""),  # keys not in order
    "a201020102",  # same key twice
    "a1f501",  # boolean as a key
    "a1800 1".replace(" ", ""),  # array as a key
    "a1f601",
    "c100",  # tag
    "f7",  # undefined
    "f90000",  # floats
    "fa47c35000",
    "fb3ff199999999999a",
    "f820",  # simple value 32
    "f814",  # false in two bytes
    "f90014",
    "fc",
    "ff",
    "1c",  # reserved
    "818181818181818181 00".replace(" ", ""),  # nine levels
)


def test_cbor_examples_match_both_ways():
    for obj, expected in EXAMPLES:
        assert cbor.encode(obj) == bytes.fromhex(expected), obj
        back = cbor.decode(bytes.fromhex(expected))
        assert back == obj and isinstance(back, type(obj)), expected


def test_cbor_bytes_like_and_tuples_are_taken():
    assert cbor.encode(bytearray(b"ab")) == cbor.encode(memoryview(b"ab")) == b"\x42ab"
    assert cbor.encode((1, (2,))) == b"\x82\x01\x81\x02"
    assert cbor.decode(memoryview(b"\x42ab")) == b"ab"
    assert cbor.decode(bytearray(b"\x81\x61a")) == ["a"]


def test_cbor_decode_refuses_everything_else():
    for text in REFUSED:
        with Raises(CborError):
            cbor.decode(bytes.fromhex(text))
            print("accepted", text)


def test_cbor_decode_bytes_after_the_object_are_refused():
    with Raises(CborError, "after"):
        cbor.decode(b"\x01\x01")


def test_cbor_decode_prefix_tells_where_the_object_ends():
    assert cbor.decode_prefix(b"\xa1\x01\x02\x00\x00") == ({1: 2}, 3)


def test_cbor_encode_refuses_what_has_no_encoding():
    for obj in (1.5, 1 << 64, -(1 << 64) - 1, {True: 1}, {(1,): 1}, {None: 1}, object(), [1.5], {1: 1.5}):
        with Raises(CborError):
            cbor.encode(obj)


def test_cbor_depth_limit_holds_both_ways():
    obj = 0
    for _ in range(cbor.MAX_DEPTH):
        obj = [obj]
    assert cbor.decode(cbor.encode(obj)) == obj
    with Raises(CborError, "deeper"):
        cbor.encode([obj])
    with Raises(CborError, "deeper"):
        cbor.decode(b"\x81" * 9 + b"\x00")
    with Raises(CborError, "deeper"):
        cbor.decode(b"\x81" * 500 + b"\x00")


def test_cbor_cut_off_anywhere_is_refused():
    whole = cbor.encode({1: b"12345", "k": [1, -70000, None, {"x": "text", 7: 1 << 40}]})
    for end in range(len(whole)):
        with Raises(CborError):
            cbor.decode(whole[:end])
