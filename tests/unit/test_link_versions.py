"""A peer one version older or newer: an old and a new link end understand each other both ways, or say what to update.

Version 1 is the oldest there is; tests/unit/next_protocol.py says what the next one is taken to be.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest

from protocol import frame, messages, reasons
from tests.both.test_messages import SAMPLES
from tests.unit import next_protocol
from tests.unit.line import Channel, World

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return next_protocol.load(next_protocol.write(Path(tmp_path_factory.mktemp("newer"))))


def worlds(newer: SimpleNamespace) -> dict[str, World]:
    """Return a new agent at an old terminal, and an old agent at a new terminal, on a lossy line."""
    lossy = Channel(loss=0.1)
    agent, terminal = newer.link_agent.AgentLink, newer.link_terminal.TerminalLink
    return {
        "agent": World(71, lossy, lossy, proto_agent=(1, 2), agent_link=agent),
        "terminal": World(72, lossy, lossy, proto_terminal=(1, 2), terminal_link=terminal),
    }


def test_new_protocol_is_a_module_of_its_own(newer: SimpleNamespace) -> None:
    assert newer.messages is not messages and newer.messages.PROTO_MAX == 2 and messages.PROTO_MAX == 1
    assert newer.link_agent.messages is newer.messages


@pytest.mark.parametrize("new_side", ["agent", "terminal"])
def test_peer_one_version_apart_works_on_with_the_older_ones_version(newer: SimpleNamespace, new_side: str) -> None:
    world = worlds(newer)[new_side]
    world.add_events(50)
    id_ = world.agent.request(messages.SERVE, {"ticket": "A1"}, 0)
    assert world.run(PATIENCE_MS, world.is_all_stored)
    assert world.run(PATIENCE_MS, lambda: bool(world.of("agent", "status")) and bool(world.of("agent", "replied")))
    world.check_all_stored()
    hello_reply = world.of("agent", "established")[0][1]
    assert hello_reply["proto"] == 1 and hello_reply["proto_max"] == (1 if new_side == "agent" else 2)
    assert ("replied", id_, reasons.OK, None) in world.of("agent", "replied")
    counters = {**world.agent.status(), **world.terminal.status()}
    assert counters["bad_message"] == counters["unknown_message"] == 0
    assert ("since_2" in hello_reply) == (new_side == "agent")
    if new_side == "agent":
        assert hello_reply["since_2"] == next_protocol.DEFAULT, "the older terminal does not send it"


def test_request_that_only_the_newer_agent_has_is_answered_by_name(newer: SimpleNamespace) -> None:
    world = worlds(newer)["agent"]
    assert world.run(PATIENCE_MS, lambda: bool(world.of("agent", "established")))
    id_ = world.agent.request(next_protocol.NEW_REQUEST, {"what": "new"}, int(world.now_ms))
    assert world.run(PATIENCE_MS, lambda: bool(world.of("agent", "replied")))
    assert world.of("agent", "replied") == [("replied", id_, reasons.UNKNOWN_MESSAGE, None)]
    assert world.of("terminal", "request") == []


@pytest.mark.parametrize("new_side", ["agent", "terminal"])
def test_message_that_only_the_newer_side_has_is_counted_and_changes_nothing(
    newer: SimpleNamespace, new_side: str
) -> None:
    world = worlds(newer)[new_side]
    assert world.run(PATIENCE_MS, lambda: bool(world.of("agent", "established")))
    body = newer.messages.encode(next_protocol.NEW_MESSAGE, {"what": "new"})
    old, old_side = (world.terminal, "terminal") if new_side == "agent" else (world.agent, "agent")
    world._receive(old_side, frame.encode(next_protocol.NEW_MESSAGE, world.session, 3, body))
    assert old.status()["unknown_message"] == 1
    world.add_events(20)
    assert world.run(PATIENCE_MS, world.is_all_stored)


@pytest.mark.parametrize(("type_", "fields"), SAMPLES)
def test_each_message_is_read_by_the_version_before_and_after(newer: SimpleNamespace, type_: int, fields: dict) -> None:
    longer = newer.messages.encode(type_, {**fields, "since_2": next_protocol.SENT})
    assert messages.decode(type_, longer) == messages.decode(type_, messages.encode(type_, fields))
    filled = newer.messages.decode(type_, messages.encode(type_, fields))
    assert filled == messages.decode(type_, longer) | ({} if type_ == messages.EVENTS else {"since_2": 7})
    shorter = newer.messages.encode(type_, fields)
    assert newer.messages.decode(type_, shorter) == filled


@pytest.mark.parametrize(
    ("agent", "terminal", "update"),
    [((1, 1), (2, 3), "the agent"), ((3, 4), (1, 2), "the terminal's firmware"), ((2, 2), (1, 1), "firmware")],
)
def test_versions_that_do_not_meet_say_on_both_sides_which_to_update(
    agent: tuple[int, int], terminal: tuple[int, int], update: str
) -> None:
    world = World(73, proto_agent=agent, proto_terminal=terminal)
    world.add_events(3)
    world.run(5_000, lambda: bool(world.of("agent", "lost")) and bool(world.of("terminal", "lost")))
    for side in ("agent", "terminal"):
        text = world.of(side, "lost")[0][1]
        assert "speaks protocol" in text and update in text.rpartition(": ")[2], text
    assert world.store == {} and world.outbox.acknowledged == set()


@pytest.mark.parametrize(("agent", "terminal"), [((1, 2), (1, 1)), ((1, 1), (1, 2)), ((2, 3), (1, 2))])
def test_versions_that_overlap_choose_the_highest_common_one(agent: tuple[int, int], terminal: tuple[int, int]) -> None:
    world = World(74, Channel(loss=0.1), Channel(loss=0.1), proto_agent=agent, proto_terminal=terminal)
    world.add_events(50)
    assert world.run(60_000, world.is_all_stored)
    world.check_all_stored()
    assert world.of("agent", "established")[0][1]["proto"] == min(agent[1], terminal[1])
