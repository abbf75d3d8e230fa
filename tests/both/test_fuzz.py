"""Mutated bodies of every message and mutated frames, under both interpreters: one kind of error, bounded memory."""

from protocol import cbor, cobs, frame, messages
from protocol.errors import CborError, FrameError, MessageError
from tests.both.test_messages import SAMPLES

SEED = 20_261
BODIES_EACH = 60
FRAMES = 150
ODD = (None, True, False, 0, -1, 1 << 64 - 1, b"", b"x" * 300, "", "汉" * 70, [], [[]], {}, {"a": {}}, {1: 2})


class Draw:
    """Numbers from a seed, the same under both interpreters."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return (self.state >> 8) % limit


def mutated(draw, data):
    """Return bytes with a few of them flipped, replaced, cut out, put in or doubled."""
    changed = bytearray(data)
    for _ in range(1 + draw.below(3)):
        at = draw.below(len(changed) + 1)
        what = draw.below(5)
        if what == 0 and at < len(changed):
            changed[at] ^= 1 << draw.below(8)
        elif what == 1 and at < len(changed):
            changed[at] = draw.below(256)
        elif what == 2:
            changed = changed[:at] + changed[at + 1 + draw.below(8) :]
        elif what == 3:
            changed = changed[:at] + bytes([draw.below(256) for _ in range(1 + draw.below(8))]) + changed[at:]
        else:
            changed = changed[:at] + changed[at : at + 1 + draw.below(30)] + changed[at:]
    return bytes(changed)


def with_odd_field(draw, body):
    """Return a body in which one element is of another kind, missing or more."""
    values = cbor.decode(body)
    at = draw.below(len(values) + 1)
    odd = ODD[draw.below(len(ODD))]
    if draw.below(4) == 0:
        values = values[:at]
    elif at < len(values):
        values[at] = odd
    else:
        values.append(odd)
    return cbor.encode(values)


def test_fuzz_has_a_sample_of_every_message():
    assert {type_ for type_, _ in SAMPLES} == set(messages.TABLE)


def test_fuzz_each_message_refuses_by_its_own_error_or_gives_what_can_be_said_again():
    print("seed", SEED)
    draw = Draw(SEED)
    for type_, fields in SAMPLES:
        body = messages.encode(type_, fields)
        refused = 0
        for n in range(BODIES_EACH):
            data = mutated(draw, body) if n % 2 else with_odd_field(draw, body)
            try:
                found = messages.decode(type_, data)
            except MessageError:
                refused += 1
                continue
            again = messages.encode(type_, found)
            assert messages.decode(type_, again) == found, (messages.name(type_), data)
        assert refused, messages.name(type_)


def test_fuzz_frame_reader_gives_nothing_that_was_not_sent_and_holds_one_frame_at_most():
    print("seed", SEED + 1)
    draw = Draw(SEED + 1)
    reader = frame.Reader()
    sound = 0
    for n in range(FRAMES):
        type_, fields = SAMPLES[n % len(SAMPLES)]
        sent = (type_, 7, n % 256, messages.encode(type_, fields))
        data = frame.encode(*sent)
        if n % 3 == 0:
            data = mutated(draw, data)
        elif n % 3 == 1:
            data = bytes([draw.below(256) for _ in range(draw.below(400))]) + data
        while data:
            size = 1 + draw.below(64)
            for found in reader.feed(data[:size]):
                assert found == sent
                sound += 1
            assert len(reader._part) <= frame.MAX_ENCODED
            data = data[size:]
    assert sound > FRAMES // 2 and reader.damaged > FRAMES // 8


def test_fuzz_run_without_a_zero_never_grows_the_readers_memory():
    reader = frame.Reader()
    for _ in range(100):
        assert reader.feed(b"\xa5" * 1_000) == []
        assert len(reader._part) <= frame.MAX_ENCODED
    assert reader.feed(b"\x00" + frame.encode(messages.QUERY, 1, 2, b"\x80")) == [(messages.QUERY, 1, 2, b"\x80")]
    assert reader.counters["bad_length"] == 1 and reader.counters["skipped_bytes"] == 100_000


def test_fuzz_lengths_that_lie_allocate_nothing_and_raise_the_own_errors():
    for head in (0x5A, 0x7A, 0x9A, 0xBA, 0x5B, 0x7B, 0x9B, 0xBB):
        for size in (b"\x7f\xff\xff\xff", b"\x00\x10\x00\x00", b"\xff\xff\xff\xff"):
            data = bytes((head,)) + (b"\x00" * 4 if head & 1 else b"") + size + b"\x01\x02"
            try:
                cbor.decode(data)
                raise AssertionError(data)
            except CborError:
                pass
            for type_ in messages.TABLE:
                try:
                    messages.decode(type_, data)
                    raise AssertionError(data)
                except MessageError:
                    pass


def test_fuzz_cobs_refuses_by_its_own_error():
    draw = Draw(SEED + 2)
    for n in range(300):
        data = bytes([draw.below(256) for _ in range(n)])
        assert cobs.decode(cobs.encode(data)) == data
        try:
            cobs.decode(mutated(draw, cobs.encode(data)))
        except FrameError:
            pass
