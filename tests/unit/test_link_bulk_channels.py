"""Content over damaged lines, over restarts of either side at any byte, and beside events that must not wait for it."""

import random

import pytest

from protocol import content, messages, reasons
from tests.both.link_ends import Shelf
from tests.unit.line import Channel, World

CARD = random.Random(5).randbytes(21_605)
KEY = (content.STAFF_CARD, "3017")
FRAME_MS = (content.BLOCK_BYTES + 16) * 10_000 / 115_200  # a full block on the line, with frame and COBS
CHUNK_MS = 128 * 10_000 / 115_200  # what the driver's buffer holds beside it


def pushing(world: World, data: bytes = CARD):
    """Return a step that pushes the card, again in each new session, and tells when the terminal has it."""

    def step() -> bool:
        agent = world.agent
        if agent.takes_bulk and not agent._bulk.is_running and world.shelf.files.get(KEY) != data:
            agent.bulk(*KEY, data, int(world.now_ms))
        return world.shelf.files.get(KEY) == data

    return step


def world_of(seed: int, channel: Channel | None = None, **more: object) -> World:
    return World(seed, up=channel or Channel(), down=channel or Channel(), shelf=Shelf(), **more)


@pytest.mark.parametrize(
    "channel",
    [
        Channel(),
        Channel(bytewise=True),
        Channel(delay_ms=40),
        Channel(loss=0.2),
        Channel(loss=0.2, duplicate=0.1, garbage=0.1),
        Channel(bit_error=1e-4),
        Channel(bit_error=1e-3),
        Channel(baud=12_000_000, buffer_bytes=4096),
    ],
    ids=["clean", "bytewise", "slow", "loss", "loss and garbage", "10^-4", "10^-3", "usb"],
)
def test_bulk_card_arrives_over_any_line_beside_events(channel):
    world = world_of(7, channel)
    world.add_events(40)
    step = pushing(world)
    assert world.run(180_000, lambda: step() and world.is_all_stored()), "seed 7"
    world.check_all_stored()
    assert not [event for event in world.of("agent", "bulk_done") if event[2] != reasons.OK]


def test_bulk_restarts_of_either_side_at_any_byte_lose_nothing_and_send_little_twice():
    for seed in range(12):
        world = world_of(seed)
        world.kills = [
            (at, world.rng.choice(("agent", "terminal"))) for at in sorted(world.rng.sample(range(200, 20_000), 4))
        ]
        step = pushing(world)
        assert world.run(180_000, step), f"seed {seed}"
        assert world.restarts == 4
        assert world.shelf.written == len(CARD), f"seed {seed}: what is stored is not sent again"


def test_bulk_restarts_on_a_bad_line():
    for seed in range(4):
        world = world_of(seed, Channel(loss=0.2, bit_error=1e-5, garbage=0.1))
        world.add_events(30)
        world.kills = [
            (at, world.rng.choice(("agent", "terminal"))) for at in sorted(world.rng.sample(range(200, 20_000), 4))
        ]
        step = pushing(world)
        assert world.run(300_000, lambda world=world, step=step: step() and world.is_all_stored()), f"seed {seed}"
        world.check_all_stored()


def test_bulk_at_115200_takes_little_more_than_the_line_needs():
    world = world_of(1)
    world.run(2_000, lambda: world.agent.takes_bulk)
    start_ms = world.now_ms
    assert world.run(60_000, pushing(world))
    assert world.now_ms - start_ms < 1.15 * len(CARD) * 10_000 / 115_200


@pytest.mark.parametrize("buffer_bytes", [128, 65_536], ids=["uart", "buffer of the host"])
def test_bulk_delays_neither_event_nor_request_by_more_than_one_frame(buffer_bytes):
    waits = {pushed: _waits(pushed, buffer_bytes) for pushed in (False, True)}
    for what in ("event", "acknowledged", "request"):
        alone, beside = max(waits[False][what]), max(waits[True][what])
        print(f"{what}: {alone:.0f} ms alone, {beside:.0f} ms beside content")
        assert beside <= alone + FRAME_MS + CHUNK_MS, what
    assert max(waits[True]["event"]) - max(waits[False]["event"]) < 5, "content goes down, events go up"


def _waits(pushed: bool, buffer_bytes: int) -> dict[str, list[float]]:
    """Return for many moments how long an event took to the agent and back, and a request to the terminal, ms."""
    world = World(3, up=Channel(), down=Channel(buffer_bytes=buffer_bytes), shelf=Shelf())
    step = pushing(world) if pushed else lambda: False
    world.run(3_000, lambda: world.agent.takes_bulk and world.agent.status()["rtt_ms"] is not None)
    waits: dict[str, list[float]] = {"event": [], "acknowledged": [], "request": []}
    for _ in range(30):
        world.shelf.files.clear()
        world.run(world.now_ms + 20 + world.rng.random() * 60, lambda: step() and False)
        start_ms = world.now_ms
        world.add_events(1)
        asked = world.agent.request(messages.CLERK, {"clerk": None}, int(world.now_ms))
        seq, events = world.outbox.last(), len(world.of("agent", "events"))

        def done(seq=seq, events=events, asked=asked, start_ms=start_ms, seen=waits) -> bool:
            step()
            for what, is_there in (
                ("event", len(world.of("agent", "events")) > events),
                ("acknowledged", seq in world.outbox.acknowledged),
                ("request", any(event[2] == asked for event in world.of("terminal", "request"))),
            ):
                if is_there and len(seen[what]) < seq:
                    seen[what].append(world.now_ms - start_ms)
            return all(len(times) == seq for times in seen.values())

        assert world.run(world.now_ms + 5_000, done)
    return waits


def test_bulk_pauses_while_an_invite_is_open_and_the_page_stays_fast():
    world = world_of(2)
    step = pushing(world)
    world.run(60_000, lambda: step() or len(world.shelf.part) > 4_000)
    world.shelf.busy = True
    world.run(world.now_ms + 200)
    sent, stored = world.down.sent_bytes, len(world.shelf.part)
    world.run(world.now_ms + 30_000)
    assert len(world.shelf.part) == stored
    assert world.down.sent_bytes - sent < 30 * 600, "a block a second asks whether it may go on"
    world.shelf.busy = False
    assert world.run(world.now_ms + 10_000, step)
    assert world.shelf.written == len(CARD)


def test_bulk_older_terminal_is_sent_nothing():
    world = World(4)
    world.run(1_000, lambda: bool(world.of("agent", "established")))
    assert not world.agent.takes_bulk
    with pytest.raises(messages.MessageError):
        world.agent.bulk(*KEY, CARD, int(world.now_ms))
    world.run(world.now_ms + 5_000)
    assert world.terminal.counters["unknown_message"] == 0
