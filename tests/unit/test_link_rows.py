"""The agent's quick reader of EVENTS bodies says what the full parser says, or nothing."""

import random

import pytest

from protocol import link_rows, messages
from protocol.errors import MessageError

EDGES = (0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1)


def full(body):
    """Return the full parser's rows, None for what it refuses."""
    try:
        return messages.decode(messages.EVENTS, body)["events"]
    except MessageError:
        return None


def rows_of(rng):
    return [
        (
            rng.choice((rng.randint(1, 2**32 - 1), *EDGES[1:9])),
            rng.choice((None, rng.randint(0, 2**32 - 1), *EDGES)),
            rng.randbytes(rng.choice((0, 1, 23, 24, 100, 166, 183, 255, 256, 300))),
        )
        for _ in range(rng.randint(1, 5))
    ]


@pytest.mark.parametrize("seed", range(6))
def test_link_rows_of_any_body_are_those_of_the_full_parser(seed):
    rng = random.Random(seed)
    for _ in range(200):
        body = messages.encode(messages.EVENTS, {"events": rows_of(rng)})
        assert link_rows.read(body) in (None, full(body)), body.hex()


@pytest.mark.parametrize("seed", range(6))
def test_link_rows_of_a_damaged_body_are_those_of_the_full_parser_or_none(seed):
    rng = random.Random(f"damage {seed}")
    for _ in range(300):
        body = bytearray(messages.encode(messages.EVENTS, {"events": rows_of(rng)}))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(min(len(body), rng.choice((4, 12, 2000))))
            kind = rng.randrange(3)
            if kind == 0:
                body[at] = rng.choice((rng.randrange(256), body[at] ^ 1 << rng.randrange(8)))
            elif kind == 1:
                del body[at : at + rng.randint(1, 3)]
            else:
                body.insert(at, rng.randrange(256))
        found = link_rows.read(bytes(body))
        assert found is None or found == full(bytes(body)), bytes(body).hex()


def test_link_rows_the_common_body_is_read_at_a_glance():
    rows = [(seq, age, bytes(166)) for seq, age in ((1, None), (24, 5), (300, 23), (70_000, 70_000), (2**32 - 1, 0))]
    assert link_rows.read(messages.encode(messages.EVENTS, {"events": rows})) == rows
