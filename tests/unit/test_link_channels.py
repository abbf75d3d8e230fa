"""The link over bad lines, in virtual time: every event durable once, none acknowledged before it is."""

import random

import pytest

from protocol import frame, messages
from tests.unit.line import Channel, World
from tests.unit.line_limit import link_rate, selective_repeat_limit

CHANNELS = {
    "perfect": Channel(),
    "bytewise": Channel(bytewise=True),
    "delayed": Channel(delay_ms=400),
    "lossy": Channel(loss=0.2),
    "noisy": Channel(bit_error=1e-4),
    "very noisy": Channel(bit_error=1e-3),
    "doubling": Channel(duplicate=0.3),
    "garbage between frames": Channel(garbage=0.3),
    "slow": Channel(baud=9600, delay_ms=20),
    "all at once": Channel(delay_ms=30, loss=0.1, duplicate=0.1, garbage=0.1, bit_error=2e-4, bytewise=True),
}
PATIENCE_MS = 20 * 60 * 1000  # of virtual time; a stall would exceed it


def _world(seed: int, channel: str, **kwargs: object) -> World:
    print(f"seed {seed}, channel {channel}")
    return World(seed, CHANNELS[channel], CHANNELS[channel], **kwargs)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("channel", CHANNELS)
def test_backlog_arrives_once_and_whole(channel: str, seed: int) -> None:
    world = _world(seed, channel)
    world.add_events(100)
    assert world.run(PATIENCE_MS, world.is_all_stored)
    world.check_all_stored()
    assert sorted(world.store) == list(range(1, 101))


@pytest.mark.parametrize("seed", [4, 5])
@pytest.mark.parametrize("channel", CHANNELS)
def test_events_and_requests_over_minutes_arrive_once(channel: str, seed: int) -> None:
    world = _world(seed, channel)
    rng = random.Random(seed)
    asked, handed_out, answered = [], [], []
    world.on_request = lambda type_, id_, fields: (handed_out.append(fields["ticket"]), world.answer_ok(type_, id_, {}))
    for step in range(60):
        world.run(world.now_ms + rng.choice([0, 5, 50, 500, 3000]))
        world.add_events(rng.choice([0, 1, 1, 2, 5]), size=rng.choice([150, 165, 183]))
        if rng.random() < 0.3:
            ticket = f"A{step}"
            asked.append((world.agent, world.agent.request(messages.SERVE, {"ticket": ticket}, int(world.now_ms))))
    assert world.run(world.now_ms + PATIENCE_MS, world.is_all_stored)
    world.run(world.now_ms + 15000)
    world.check_all_stored()
    assert len(set(handed_out)) == len(handed_out), "a request was handed out twice"
    answered = world.of("agent", "replied")
    failed = world.of("agent", "failed")
    assert len(answered) + len(failed) == len(asked)
    assert len(failed) <= (2 if channel == "very noisy" else 0)
    assert handed_out == sorted(handed_out, key=lambda ticket: int(ticket[1:]))


@pytest.mark.parametrize("seed", range(10, 18))
@pytest.mark.parametrize("channel", ["perfect", "bytewise", "lossy", "noisy", "doubling", "all at once"])
def test_either_side_restarted_at_any_byte_loses_and_doubles_nothing(channel: str, seed: int) -> None:
    world = _world(seed, channel)
    rng = random.Random(seed)
    world.kills = sorted((rng.randrange(20, 30000), rng.choice(["agent", "terminal"])) for _ in range(6))
    print(world.kills)
    world.add_events(120)
    assert world.run(PATIENCE_MS, lambda: world.is_all_stored() and not world.kills or world.now_ms > 300000)
    assert world.is_all_stored() and world.restarts >= 3
    world.check_all_stored()


def _short_life(kills: list[tuple[int, str]]) -> World:
    """Return a world after a whole short conversation: HELLO, heartbeats, two events, a request, their answers."""
    world = World(1)
    world.kills = kills
    world.add_events(2)
    world.agent.request(messages.PAUSE, {"paused": True}, 0)
    assert world.run(60000, world.is_all_stored), kills
    world.run(world.now_ms + 20)
    return world


@pytest.mark.parametrize("side", ["agent", "terminal"])
def test_either_side_restarted_at_each_byte_of_a_conversation_loses_and_doubles_nothing(side: str) -> None:
    whole = _short_life([])
    assert whole.of("agent", "replied") and whole.of("terminal", "request")
    for cut in range(1, whole.delivered_bytes):
        world = _short_life([(cut, side)])
        assert world.restarts == 1, cut
        world.check_all_stored()


def test_frames_of_earlier_sessions_change_nothing() -> None:
    seed = 21
    print(f"seed {seed}")
    world = World(seed)
    recorded = {"agent": b"", "terminal": b""}
    receive = world._receive
    world._receive = lambda side, data: (recorded.update({side: recorded[side] + data}), receive(side, data))
    world.add_events(50)
    world.agent.request(messages.PAUSE, {"paused": True}, 0)
    assert world.run(60000, world.is_all_stored)
    world.start_agent()
    assert world.run(61000, lambda: world.terminal.session == world.session)
    stale = dict(recorded)
    requests = len(world.of("terminal", "request"))
    world.add_events(50)
    rng = random.Random(seed)
    sound = frame.Reader()
    for side in ("agent", "terminal"):
        for type_, session, id_, body in sound.feed(b"\x00" + stale[side] + b"\x00"):
            if type_ == messages.HELLO:
                continue  # a HELLO is never late on a line that keeps order, and would rightly take the session
            world.run(world.now_ms + rng.choice([0, 0, 1, 10]))
            receive(side, frame.encode(type_, session, id_, body))
    assert world.run(world.now_ms + 60000, world.is_all_stored)
    world.check_all_stored()
    assert len(world.of("terminal", "request")) == requests
    assert world.terminal.status()["bad_session"] > 10 and world.agent.status()["bad_session"] > 10


def test_line_that_dies_and_comes_back_is_taken_up_again() -> None:
    world = World(31)
    world.add_events(20)
    assert world.run(10000, world.is_all_stored)
    for wire in (world.up, world.down):
        wire.channel = Channel(loss=1.0)
    world.add_events(20)
    world.run(world.now_ms + 100000)
    assert world.of("agent", "lost") and world.of("terminal", "lost")
    for wire in (world.up, world.down):
        wire.channel = Channel()
    assert world.run(world.now_ms + 40000, world.is_all_stored)
    world.check_all_stored()


def test_slow_disk_costs_few_resends() -> None:
    world = World(41, commit_ms=2500)
    world.add_events(300)
    assert world.run(PATIENCE_MS, world.is_all_stored)
    world.check_all_stored()
    assert world.terminal.status()["resent"] < 60


def test_hour_of_silence_on_a_noisy_line_keeps_the_session() -> None:
    world = _world(51, "noisy")
    world.add_events(1)
    world.run(3600 * 1000)
    assert not world.of("agent", "lost") and not world.of("terminal", "lost")
    assert len(world.of("agent", "status")) > 300
    assert world.down.sent_bytes < 40000


def test_single_presses_on_a_very_noisy_line_arrive_in_seconds() -> None:
    world = _world(61, "very noisy")
    world.run(20000, lambda: bool(world.of("agent", "established")))
    delays = []
    for _ in range(60):
        world.run(world.now_ms + 3000)
        world.add_events(1)
        pressed_ms = world.now_ms
        assert world.run(world.now_ms + 120000, world.is_all_stored)
        delays.append(world.now_ms - pressed_ms)
    delays.sort()
    print(f"p50 {delays[30]:.0f} ms, p95 {delays[57]:.0f} ms, worst {delays[-1]:.0f} ms")
    assert delays[30] < 500 and delays[57] < 5000


def test_unreadable_events_block_nothing() -> None:
    world = _world(81, "lossy")
    world.outbox.unreadable = {3, 4, 50, 51, 52, 90}
    world.add_events(90)
    assert world.run(60000, world.is_all_stored)
    world.check_all_stored()


@pytest.mark.parametrize("turnaround_ms", [2, 22])
@pytest.mark.parametrize(
    ("bit_error", "count", "least"), [(0, 600, 0.99), (1e-5, 2000, 0.99), (1e-4, 1000, 0.97), (1e-3, 300, 0.8)]
)
def test_throughput_comes_near_the_ideal(bit_error: float, count: int, least: float, turnaround_ms: int) -> None:
    channel = Channel(delay_ms=turnaround_ms / 2, bit_error=bit_error)
    rates = [link_rate(channel, seed, count) for seed in (91, 92, 93)]
    share = sum(rates) / len(rates) / selective_repeat_limit(bit_error)
    print(f"{share:.3f} of the ideal")
    assert share >= least
