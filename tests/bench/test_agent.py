"""What the agent's bench counts and sends is what it says: quick pieces only, nothing is measured."""

import random

from protocol import evidence, frame, messages
from tests.bench import agent_events
from tests.bench.agent_feeder import ROWS, bodies
from tests.bench.agent_rooms import count_packets


def test_bench_agent_events_are_chained_and_of_the_issues_sizes():
    (terminal,) = agent_events.make(1, 9, seed=1)
    assert [evidence.parse(event).seq for event in terminal.events] == list(range(1, 10))
    assert all(110 <= len(event) <= 180 for event in terminal.events)
    assert sum(evidence.parse(event).invite is not None for event in terminal.events) == 6


def test_bench_agent_frames_hold_every_event_once_and_fit():
    (terminal,) = agent_events.make(1, 50, seed=2)
    for rows in (1, ROWS):
        sent = []
        for last, body in bodies(terminal.events, rows):
            assert len(body) <= frame.MAX_BODY
            sent += messages.decode(messages.EVENTS, body)["events"]
            assert sent[-1][0] == last
        assert [row[0] for row in sent] == list(range(1, 51))
        assert [row[2] for row in sent] == terminal.events


def test_bench_agent_packets_are_counted_in_any_split():
    rng = random.Random(3)
    stream = b"".join(
        b"\x30" + (bytes((size,)) if size < 128 else bytes((size & 0x7F | 0x80, size >> 7))) + bytes(size)
        for size in (0, 1, 127, 128, 600, 5000)
    )
    for _ in range(50):
        packets, left, at = 0, b"", 0
        while at < len(stream):
            size = rng.choice((1, 2, 130, 4096))
            found, left = count_packets(left + stream[at : at + size])
            packets, at = packets + found, at + size
        assert (packets, left) == (6, b"")
