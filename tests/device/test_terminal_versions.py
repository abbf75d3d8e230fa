"""The whole terminal beside an agent of the next protocol version, and the other way round."""

from pathlib import Path

import pytest

from protocol import messages, reasons
from simulator.stage import PROTOCOL
from tests.device.counter import Counter
from tests.unit import next_protocol


@pytest.mark.parametrize("newer", ["agent", pytest.param("terminal", marks=pytest.mark.slow)])
def test_terminal_and_agent_one_version_apart_rate_and_say_their_versions(tmp_path: Path, newer: str) -> None:
    package = next_protocol.write(tmp_path)
    counter = Counter(tmp_path, seed=1, protocol_dir=package if newer == "terminal" else PROTOCOL)
    if newer == "agent":
        link = next_protocol.load(package).link_agent.AgentLink
        counter.agent_link = lambda *args: link(*args, (1, 2))
    with counter:
        assert (counter.hello["proto"], counter.hello["proto_max"]) == (1, 1 if newer == "agent" else 2)
        counter.login()
        counter.open_invite(1)
        counter.press(2)
        counter.settle()
        assert counter.levels(1) == [4]
        counter.until(lambda: bool(counter.status), "a status", 15_000)
        assert counter.status["bad_message"] == counter.status["unknown_message"] == 0
        if newer == "agent":
            assert counter.ask(next_protocol.NEW_REQUEST, what="new") == reasons.UNKNOWN_MESSAGE
        counter.check_chain()


def test_terminal_whose_versions_do_not_meet_the_agents_says_which_to_update_and_keeps_its_events(
    tmp_path: Path,
) -> None:
    counter = Counter(tmp_path, seed=1).start(connect=False)
    link = counter.agent_link
    counter.agent_link = lambda *args: link(*args, (7, 9))
    counter.open_link()
    counter.until(lambda: bool(counter.lost), "the refusal", 5_000)
    assert counter.lost[0].endswith(
        "terminal YP-0001 speaks protocol 1, this agent 7 to 9: update the terminal's firmware"
    )
    assert counter.events == {} and counter.unacknowledged() == [1]
    counter.agent_link = link
    counter.connect()
    counter.settle()
    assert counter.ask(messages.QUERY) == reasons.OK
    counter.terminal.close()
