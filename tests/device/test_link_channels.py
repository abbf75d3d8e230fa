"""The whole terminal and an agent over every kind of bad line: each rating arrives once, each request is done once."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import messages, rating, reasons, record
from tests.device.counter import CLERK, Counter, invite_id
from tests.device.serial_line import Line
from tests.unit.line import Channel
from tests.unit.test_link_channels import CHANNELS

PATIENCE_MS = 120_000
RATINGS = 3
KILLS = 12
INVITE = {"age_ms": 0, "ttl_ms": 60_000, "timeout_ms": 300_000, "origin": rating.ORIGIN_COUNTER, "qr": None}
QUICK = ("lossy", "very noisy")


@contextlib.contextmanager
def at_a_line(folder: Path, channel: Channel, seed: int) -> Iterator[Counter]:
    """Give a terminal whose agents all speak over this channel; the first has its HELLO answered."""
    rng = random.Random(seed)
    counter = Counter(folder, seed=seed)
    counter.over = lambda link: Line(link, counter, channel, rng)
    counter.start(connect=False)
    try:
        connect(counter)
        yield counter
        assert counter.terminal.violations == [] and "Traceback" not in counter.terminal.console()
    finally:
        counter.terminal.close()


def connect(counter: Counter) -> None:
    """Put a new agent on the line and wait for its session."""
    counter.open_link()
    counter.until(lambda: counter.hello is not None, "HELLO is answered", PATIENCE_MS)


def asked(counter: Counter, type_: int, **fields: object) -> int:
    """Ask with the patience that a bad line needs; again, as the agent does, when the answer was given up."""
    while True:
        id_ = counter.send(type_, **fields)
        ends = [counter.answers, counter.failed]
        counter.until(lambda id_=id_, ends=ends: any(id_ in end for end in ends), messages.name(type_), PATIENCE_MS)
        if id_ in counter.answers:
            return counter.answers[id_][0]
        counter.failed.discard(id_)


def rate(counter: Counter, n: int) -> None:
    """Invite, press a key, and change one's mind."""
    assert asked(counter, messages.INVITE, invite=invite_id(n), **INVITE) == reasons.OK
    counter.run(750)
    counter.press(1 + n % 5)
    counter.press(5 - n % 5)


def arrived(counter: Counter, ratings: int) -> None:
    """Hold that every rating is there once, in order, and nothing else."""
    counter.until(lambda: not counter.unacknowledged(), "everything is acknowledged", PATIENCE_MS)
    for n in range(ratings):
        assert counter.levels(n) == [5 - n % 5, 1 + n % 5]
    assert len(counter.told(*rating.OUTCOMES)) == 2 * ratings
    assert [one.type for one in counter.records()].count(record.INVITE) == ratings
    counter.check_chain()


@pytest.mark.parametrize(
    "channel", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CHANNELS]
)
def test_ratings_over_a_bad_line_arrive_once_and_requests_are_done_once(tmp_path: Path, channel: str) -> None:
    seed = 5
    print(f"seed {seed}")
    with at_a_line(tmp_path, CHANNELS[channel], seed) as counter:
        assert asked(counter, messages.CLERK, clerk=CLERK) == reasons.OK
        for n in range(RATINGS):
            rate(counter, n)
        arrived(counter, RATINGS)
        counter.until(lambda: bool(counter.status), "a status", PATIENCE_MS)
        assert len(counter.terminal.resets) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_either_side_killed_at_any_byte_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    with at_a_line(tmp_path, CHANNELS["perfect"], seed) as counter:
        for n in range(KILLS):
            assert asked(counter, messages.CLERK, clerk=CLERK) == reasons.OK
            line, until = counter.peer.link, rng.randrange(700)
            until += line.carried
            victim = ("agent", "terminal")[n % 2]
            print(n, victim, until)
            counter.send(messages.INVITE, invite=invite_id(n), **INVITE)
            counter.terminal.run_until(lambda line=line, until=until: line.carried >= until, rng.randrange(1, 800))
            if counter.state == "invited":
                counter.run(750)
                counter.terminal.press(1 + n % 5)
            counter.terminal.run_until(lambda line=line, until=until: line.carried >= until, 3_000)
            if victim == "terminal":
                counter.cut_power()
                counter.run(200)
                counter.terminal.power_on()
            connect(counter)
            reason = asked(counter, messages.INVITE, invite=invite_id(n), **INVITE)
            if reason == reasons.OK:
                counter.run(750)
                counter.press(1 + n % 5)
            assert reason in (reasons.OK, reasons.INVITE_ENDED, reasons.NO_CLERK), reason
            counter.run(9_000)
        counter.until(lambda: not counter.unacknowledged(), "everything is acknowledged", PATIENCE_MS)
        for n in range(KILLS):
            ends = {clear.kind for clear, _ in counter.told(*rating.OUTCOMES) if clear.invite == invite_id(n)}
            assert len(ends) <= 1 and ends <= {rating.RATED, rating.INTERRUPTED}, n
            assert set(counter.levels(n)) <= {5 - n % 5}, n
        assert len(counter.told(rating.RATED)) > KILLS // 2
        counter.check_chain()
