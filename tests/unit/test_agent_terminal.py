"""The running agent and one terminal on a pty: unplugged, restarted, replaced, talking nonsense; the agent killed."""

import random
import re
import signal
import time

import pytest

from protocol import evidence, messages, rating
from tests.unit.agent_support import WAIT_S, AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.fake_terminal import FakeTerminal


class Hall:
    """Hold one broker, receiver, terminal and agent."""

    def __init__(self, folder):
        self.folder = folder
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.terminal = FakeTerminal(folder / "port").start()
        self.agent = self.make_agent()

    def make_agent(self, **constants):
        return AgentProcess(self.folder, self.broker.port, [("W01", "YP-0001", self.folder / "port")], **constants)

    def close(self):
        self.agent.stop(signal.SIGKILL)
        self.terminal.close()
        self.receiver.close()
        self.broker.stop()

    def connected(self, wanted=True):
        wait_until(f"connected is {wanted}", lambda: self.agent.status()["terminals"][0]["connected"] is wanted)

    def receipted(self, count):
        """Wait until so many are settled, events and records of services."""
        wait_until(f"{count} receipts", lambda: self.agent.status()["store"]["receipted_total"] == count)

    def arrived(self):
        """Return each sealed event that the receiver has, once, by its number."""
        return {clear.seq: clear for clear in self.receiver.clear()}


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path)
    yield made
    made.close()


def test_terminal_events_arrive_byte_for_byte_and_are_acknowledged(hall):
    hall.terminal.flood(500)
    hall.agent.start()
    hall.receipted(500)
    # One whose receipt takes longer than 10 s is published twice.
    assert list(dict.fromkeys(hall.receiver.evidence())) == hall.terminal.outbox.events
    wait_until("the acknowledgement", lambda: hall.terminal.acked() == 500)


def test_terminal_unplugged_and_plugged_again_loses_nothing(hall):
    hall.agent.start()
    hall.connected()
    for step in range(3):
        hall.terminal.unplug()
        hall.connected(False)
        hall.terminal.flood(50)
        hall.terminal.plug()
        hall.receipted(50 * (step + 1))
    assert sorted(hall.arrived()) == list(range(1, 151))


def test_terminal_restarted_unseen_gets_a_new_session_and_hears_again_what_it_was_told(hall):
    # The next heartbeat finds the terminal without a session.
    hall.agent = hall.make_agent(constants={"protocol.link_base.HEARTBEAT_MS": 300}).start()
    hall.agent.call("POST", "/api/v1/windows/W01/login", {"number": "007", "name": "张三"})
    hall.agent.call("POST", "/api/v1/windows/W01/pause", {"paused": True})
    hall.terminal.clerk, hall.terminal.paused = None, False
    hall.terminal.restart()
    hall.terminal.flood(3)
    wait_until("the clerk is told again", lambda: hall.terminal.clerk == {"number": "007", "name": "张三"})
    wait_until("the pause is told again", lambda: hall.terminal.paused)
    hall.receipted(3)


def test_terminal_noise_on_the_line_is_counted_and_the_link_goes_on(hall):
    hall.agent.start()
    hall.connected()
    for noise in (random.Random(1).randbytes(3000), b"\x00" * 50, b"\x01\x02\x00" * 200, b"\xff" * 5000 + b"\x00"):
        hall.terminal.make_noise(noise)
    hall.terminal.flood(20)
    hall.receipted(20)
    link = hall.agent.status()["terminals"][0]["link"]
    assert link["bad_cobs"] + link["bad_crc"] + link["bad_length"] > 0 and link["skipped_bytes"] > 0


def test_terminal_bytes_that_are_no_event_are_carried_all_the_same(hall):
    hall.terminal.add_raw(b"what is this")
    hall.agent.start()
    hall.receipted(1)
    assert hall.receiver.received[0]["type"] == "cn.yiping.unreadable.v1"
    assert hall.receiver.evidence() == [b"what is this"]


def test_terminal_other_bytes_under_a_number_are_kept_and_carried_beside_the_first(hall):
    hall.terminal.flood(1)
    hall.agent.start()
    hall.receipted(1)
    hall.terminal.unplug()
    hall.connected(False)
    sealer = evidence.Sealer(hall.terminal._sealer._cipher.__class__, bytes(16), "YP-0001", 1)
    other = sealer.seal(rating.MARK, None, 9, 1, {})
    first = hall.terminal.outbox.events[0]
    hall.terminal.outbox.events[0], hall.terminal.outbox.first_unacked = other, 1
    hall.terminal.plug()
    hall.receipted(2)
    assert list(dict.fromkeys(hall.receiver.ids())) == ["YP-0001-1-1", "YP-0001-1-1.2"]
    assert list(dict.fromkeys(hall.receiver.evidence())) == [first, other]


@pytest.mark.parametrize("seed", [11, pytest.param(12, marks=pytest.mark.slow)])
def test_agent_killed_at_any_moment_nothing_is_lost_and_nothing_acknowledged_that_was_not_durable(hall, seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    for turn in range(4):
        hall.agent.start("--wait")
        hall.terminal.flood(300)
        count = 300 * turn + rng.randrange(300)
        wait_until(f"{count} acknowledged", lambda count=count: hall.terminal.acked() >= count)
        hall.agent.stop(signal.SIGKILL)
    hall.agent.start("--wait")
    hall.receipted(1200)
    assert set(hall.receiver.evidence()) == set(hall.terminal.outbox.events)
    assert sorted(hall.arrived()) == list(range(1, 1201))


def test_agent_with_an_empty_disk_fetches_again_what_was_acknowledged_before(hall):
    hall.terminal.flood(200)
    hall.agent.start()
    hall.receipted(200)
    wait_until("the acknowledgement", lambda: hall.terminal.acked() == 200)
    hall.agent.stop(signal.SIGKILL)
    for file in (hall.folder / "data").glob("agent.db*"):
        file.unlink()
    hall.terminal.flood(10)
    hall.agent.start()
    hall.receipted(210)
    assert sorted(hall.arrived()) == list(range(1, 211))


def test_invite_open_when_the_agent_is_killed_gets_its_outcome_after_the_restart(hall):
    hall.agent.start()
    hall.agent.call("POST", "/api/v1/windows/W01/login", {"number": "007"})
    invite = hall.agent.call("POST", "/api/v1/windows/W01/invites", {})[1]["invite"]
    hall.agent.stop(signal.SIGKILL)
    hall.terminal.rate(2)
    hall.agent.start()
    path = f"/api/v1/windows/W01/invites/{invite}"
    wait_until("the outcome", lambda: hall.agent.call("GET", path)[1]["state"] == "rated")
    hall.receipted(2)
    event = hall.receiver.received[0]
    assert event["subject"] == invite and event["data"]["invite_preimage"]


def test_wrong_terminal_at_the_port_is_told_and_its_events_are_not_taken(hall):
    hall.agent.config.write_text(hall.agent.config.read_text(encoding="utf-8").replace("YP-0001", "YP-0002"), "utf-8")
    hall.terminal.flood(3)
    hall.agent.start(ready=False)
    assert hall.agent.process.wait(WAIT_S) == 1
    assert re.search(
        r"^yiping: terminal YP-0001 answers instead of YP-0002 \(.*port\): .*agent\.toml",
        hall.agent.output(),
        re.MULTILINE,
    )
    assert hall.terminal.acked() == 0
    hall.agent.process = None


def test_terminal_of_another_protocol_version_is_told_with_what_to_update(hall):
    def newer():
        hall.terminal._new_link()
        hall.terminal.link.proto_min, hall.terminal.link.proto_max = 7, 9

    hall.terminal._call(newer)
    hall.agent.start("--wait")
    wait_until("the fault", lambda: hall.agent.status()["terminals"][0]["condition"] == "version")
    message = hall.agent.status()["terminals"][0]["message"]
    assert message.startswith("terminal YP-0001 speaks protocol 7") and message.endswith("update the agent")


def test_silent_terminal_is_told_and_found_when_it_speaks(hall):
    hall.terminal.silent = True
    hall.agent = hall.make_agent(constants={"host_agent.agent.FIRST_ANSWER_S": 0.5}).start()
    status = hall.agent.status()
    assert not status["ok"] and "YP-0001" in status["message"]
    assert status["terminals"][0]["condition"] == "connecting"
    hall.terminal.silent = False
    hall.connected()


def test_policy_is_told_to_the_terminal(hall):
    text = hall.agent.config.read_text(encoding="utf-8") + "[policy]\ninvite_ms = 20000\nlocal_invite = 'never'\n"
    text += "volume = 70\nquiet_volume = 20\nquiet_from = '22:00'\nquiet_to = '07:00'\n"
    hall.agent.config.write_text(text, encoding="utf-8")
    hall.agent.start()
    told = {"invite_ms": 20000, "local_invite": "never", "volume": 70, "quiet_volume": 20}
    told |= {"quiet_from_min": 1320, "quiet_to_min": 420, "utc_offset_min": time.localtime().tm_gmtoff // 60}
    wait_until("CONFIG", lambda: (messages.CONFIG, {"policy": told}) in hall.terminal.requests)


def test_invite_not_yet_known_as_open_when_the_agent_is_killed_still_gets_its_outcome(hall):
    hall.agent = hall.make_agent(constants={"host_agent.orders.TERMINAL_S": 0.5}).start()
    hall.agent.call("POST", "/api/v1/windows/W01/login", {"number": "007"})
    hall.terminal.lose_replies = True
    status, made = hall.agent.call("POST", "/api/v1/windows/W01/invites", {})
    assert (status, made["state"]) == (201, "pending")
    wait_until("the invite at the terminal", lambda: hall.terminal.open_invite)
    hall.agent.stop(signal.SIGKILL)
    hall.terminal.lose_replies = False
    hall.terminal.rate(2)
    hall.agent.start()
    path = f"/api/v1/windows/W01/invites/{made['invite']}"
    wait_until("the outcome", lambda: hall.agent.call("GET", path)[1]["state"] == "rated")
    assert hall.agent.call("GET", path)[1]["reason"] is None
