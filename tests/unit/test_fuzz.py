"""Random and mutated input: only named errors, bounded memory, and the link goes on."""

import random
import tracemalloc

import pytest

from protocol import cbor, evidence, frame, messages
from protocol.errors import CborError, EvidenceError, MessageError
from protocol.link_agent import AgentLink
from protocol.link_terminal import KEPT_REPLIES, TerminalLink
from tests.both.link_ends import IDENTITY, Ends, Outbox
from tests.both.support import aes
from tests.both.test_messages import SAMPLES
from tests.unit.line import World

BODIES = [(type_, messages.encode(type_, fields)) for type_, fields in SAMPLES]


def _mutated(rng: random.Random, data: bytes) -> bytes:
    """Return `data` with a few bytes flipped, cut out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 1 if changed:
                changed[at % len(changed)] = rng.randrange(256)
            case 2:
                del changed[at : at + rng.randrange(1, 9)]
            case 3:
                changed[at:at] = rng.randbytes(rng.randrange(1, 9))
            case 4:
                changed[at:at] = changed[at : at + rng.randrange(1, 30)]
    return bytes(changed)


@pytest.mark.parametrize("seed", range(6))
def test_frame_reader_gives_only_what_was_sent_and_accounts_for_every_byte(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    reader = frame.Reader()
    total = zeros = sound = 0
    for _ in range(400):
        sent = (rng.randrange(256), rng.randrange(256), rng.randrange(256), rng.randbytes(rng.randrange(1025)))
        data = frame.encode(*sent)
        match rng.randrange(4):
            case 0:
                data = _mutated(rng, data)
            case 1:
                data = rng.randbytes(rng.randrange(3000)) + data
            case 2:
                data = data[rng.randrange(len(data)) :]
        total, zeros = total + len(data), zeros + data.count(0)
        while data:
            size = rng.choice([1, 7, 64, 500, 4000])
            for found in reader.feed(data[:size]):
                assert found == sent
                sound += len(frame.encode(*found)) - 2
            assert len(reader._part) <= frame.MAX_ENCODED
            data = data[size:]
    assert reader.counters["frames"] > 50
    held = len(reader._part) + reader._dropped
    assert total == sound + zeros + reader.counters["skipped_bytes"] + held


def test_frame_reader_memory_stays_bounded() -> None:
    seed = 7
    rng = random.Random(seed)
    reader = frame.Reader()
    chunk = rng.randbytes(4096)
    no_zero = bytes(byte or 1 for byte in chunk)
    tracemalloc.start()
    for _ in range(300):
        reader.feed(chunk)
        reader.feed(no_zero)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024


@pytest.mark.parametrize("seed", range(4))
def test_messages_decode_raises_only_its_own_error(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    accepted = 0
    for _ in range(5000):
        type_, body = rng.choice(BODIES)
        if rng.random() < 0.2:
            type_ = rng.randrange(256)
        try:
            fields = messages.decode(type_, _mutated(rng, body))
        except MessageError:
            continue
        accepted += 1
        messages.encode(type_, fields)  # whatever is accepted can be said again
    assert accepted


@pytest.mark.parametrize("seed", range(3))
def test_cbor_and_evidence_raise_only_their_own_errors(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    event = evidence.Sealer(aes, bytes(16), "YP-0001", 1).seal(1, bytes(16), 3, 9, {2: 1, 4: 5, 5: bytes(8), 6: 5})
    for _ in range(4000):
        data = _mutated(rng, event) if rng.random() < 0.7 else rng.randbytes(rng.randrange(200))
        try:
            cbor.decode(data)
        except CborError:
            pass
        try:
            evidence.parse(data)
            evidence.open_event(aes, bytes(16), data)
            assert data == event
        except EvidenceError:
            pass


def test_cbor_false_counts_and_deep_nesting_allocate_nothing_much() -> None:
    tracemalloc.start()
    for data in (b"\x9b" + b"\xff" * 8, b"\x5b" + b"\x7f" * 8, b"\x9a\x00\xff\xff\xff" + b"\x00" * 500, b"\x81" * 1024):
        with pytest.raises(CborError):
            cbor.decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024


def _fuzz_frames(rng: random.Random, count: int, session: int) -> list[bytes]:
    """Return frames with a sound CRC but anything inside, and some bytes that are no frame."""
    found = []
    for _ in range(count):
        type_, body = rng.choice(BODIES)
        if rng.random() < 0.5:
            body = _mutated(rng, body)
        if rng.random() < 0.1:
            type_ = rng.randrange(256)
        data = frame.encode(type_, rng.choice([session, session, session, 0, 255]), rng.randrange(256), body[:1024])
        found.append(rng.randbytes(rng.randrange(60)) if rng.random() < 0.1 else data)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_terminal_link_stands_any_frame_and_goes_on(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    ends = Ends(events=40)
    ends.connect()
    reader = frame.Reader()
    for data in _fuzz_frames(rng, 1500, 7):
        ends.now_ms += rng.randrange(50)
        events = ends.terminal.receive(data, ends.now_ms) + ends.terminal.tick(ends.now_ms)
        for event in events:
            if event[0] == "request" and rng.random() < 0.5:
                ends.terminal.reply(event[2], 0)
        if rng.random() < 0.5:
            for type_, _, _, body in reader.feed(ends.terminal.take_output(2000, ends.now_ms)):
                messages.decode(type_, body)
        assert len(ends.terminal._replies) <= KEPT_REPLIES
    ends.new_agent(9)
    ends.exchange()
    assert ends.terminal.session == 9
    rest = [seq for seq in range(1, 41) if seq not in ends.outbox.acknowledged]
    stored = {row[0] for event in ends.at_agent if event[0] == "events" for row in event[1]}
    assert set(rest) <= stored


@pytest.mark.parametrize("seed", range(8))
def test_agent_link_stands_any_frame_and_never_acknowledges_what_is_not_durable(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    ends = Ends(events=0)
    ends.quiet()
    reader = frame.Reader()
    void = set()  # the only seqs that may be acknowledged: nothing is ever stored here
    for data in _fuzz_frames(rng, 1500, 7):
        ends.now_ms += rng.randrange(50)
        events = ends.agent.receive(data, ends.now_ms) + ends.agent.tick(ends.now_ms)
        void.update(seq for event in events if event[0] == "void" for seq in event[1])
        if any(event[0] == "lost" for event in events):
            assert not ends.agent.has_output()
            ends.new_agent(7)
            ends.connect()
            void = set()
        for type_, _, _, body in reader.feed(ends.agent.take_output(2000, ends.now_ms)):
            fields = messages.decode(type_, body)
            if type_ == messages.ACK:
                beyond = {fields["next"] + 1 + i for i in range(64) if fields["bitmap"] >> i & 1}
                assert set(range(1, fields["next"])) | beyond <= void
    assert len(ends.agent._receipt._beyond) <= 64
    assert len(ends.agent._receipt._awaited) <= 256


def test_links_stand_endless_garbage_in_bounded_memory() -> None:
    seed = 3
    rng = random.Random(seed)
    terminal = TerminalLink(IDENTITY, Outbox(0), 0)
    agent = AgentLink(0, bytes(8), 1, None, 0, 0)
    garbage = rng.randbytes(4096)
    tracemalloc.start()
    for now_ms in range(0, 20000, 50):
        for link in (terminal, agent):
            link.receive(garbage, now_ms)
            link.tick(now_ms)
            link.take_output(500, now_ms)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128 * 1024


def test_world_goes_on_after_a_burst_of_garbage_each_way() -> None:
    world = World(11)
    rng = random.Random(11)
    world.add_events(100)
    for _ in range(60):
        world.run(world.now_ms + rng.randrange(100))
        world.up.deliveries.append((world.now_ms, rng.randbytes(300)))
        world.down.deliveries.append((world.now_ms, rng.randbytes(300)))
    assert world.run(60000, world.is_all_stored)
    world.check_all_stored()
