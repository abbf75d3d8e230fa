"""An old rater's press all the way to the city, with a real broker, receiver and agent; the agent killed on the way."""

import random
import signal
import sqlite3
import time

import pytest

from protocol import reasons
from simulator.demo.broker import BrokerPart, find_mosquitto
from simulator.demo.parts import free_port
from simulator.legacy_rater import EVALUATION_S, RaterBus
from tests.city.live import Receiver
from tests.legacy.test_provision import yiping
from tests.unit.agent_support import AgentProcess, wait_until

HEAD = bytes.fromhex("680303688111")  # of each frame that tells a grade
LEGACY = """
[[legacy]]
window = "W01"
port = "{bus}"
address = 1
guard_ms = 500
grades = {{ "0" = 1, "1" = 2, "2" = 3, "3" = 4, "4" = 5 }}
key_file = "YP-L001.key"
"""


class Hall:
    """Everything from the bus to the file that the municipal system reads."""

    def __init__(self, folder):
        self.folder = folder
        self.broker = BrokerPart(folder, free_port(), "mosquitto")
        self.receiver = Receiver(folder, self.broker)
        self.bus = RaterBus(folder / "bus").start()
        where = folder / "agent"
        yiping("legacy", "provision", "--terminal", "YP-L001", "--centre", "C01", "--window", "W01", "--folder", where)
        yiping("registry", "add", "--registry", folder / "registry.db", where / "YP-L001.provision.json")
        self.agent = AgentProcess(
            where,
            self.broker.port,
            [("W01", "YP-L001", "ff68")],
            policy=LEGACY.format(bus=folder / "bus"),
        )

    def start(self):
        self.broker.start()
        self.receiver.part.start()
        self.agent.start("--wait")
        self.agent.call("POST", "/api/v1/windows/W01/login", {"number": "0817", "stars": 5})

    def invite(self):
        """Invite, and see the rater begin: it may still be at the evaluation before."""
        wait_until("the rater", lambda: self.agent.status()["terminals"][0]["connected"])
        begun = self.bus.rater().begun
        status, answer = self.agent.call("POST", "/api/v1/windows/W01/invites", {"project_no": "JL1"})
        assert status < 300, answer
        wait_until("the begin", lambda: self.bus.rater().begun > begun)
        return answer["invite"]

    def state(self, invite):
        return self.agent.call("GET", f"/api/v1/windows/W01/invites/{invite}")[1]["state"]

    def rate(self, invite, press):
        """Press when the evaluation is a second old; again if a stall of this machine made it late."""
        rater = self.bus.rater()

        def pressed():
            if old_enough(rater):
                press(rater)
            return self.state(invite) not in ("pending", "open")

        wait_until("the outcome", pressed)
        return self.state(invite)

    def records(self, count):
        """Return what the municipal system has of the invites, once it is so many outcomes."""
        found = {}

        def enough():
            found.update({one["invite"]: one for one in self.receiver.records() if one["invite"]})
            return len(found) == count

        wait_until(f"{count} outcomes at the city", enough)
        return found

    def close(self):
        self.agent.stop(signal.SIGKILL)
        self.bus.close()
        self.receiver.part.stop()
        self.broker.stop()


@pytest.fixture
def hall(tmp_path):
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    (tmp_path / "agent").mkdir()
    made = Hall(tmp_path)
    yield made
    made.close()


def test_old_raters_press_reaches_the_city_sealed_and_marked_and_its_grade_is_nowhere_else(hall):
    hall.start()
    rated = hall.invite()
    assert hall.rate(rated, lambda rater: rater.press(5)) == "rated"
    unmapped = hall.invite()
    assert hall.rate(unmapped, lambda rater: rater.press_grade(7)) == "interrupted"
    status = hall.agent.status()
    assert [fault["code"] for fault in status["faults"]] == ["unmapped_grade"]
    assert "legacy.grades" in status["message"] and "7" not in status["message"]

    found = hall.records(2)
    outcomes = [(found[one]["kind"], found[one]["level"]) for one in (rated, unmapped)]
    assert outcomes == [("rated", 1), ("interrupted", None)]
    assert all(one["unsealed"] and one["invite_bound"] for one in found.values())
    assert found[rated]["input"] == 1 and found[unmapped]["why"] == reasons.WHY_UNMAPPED_GRADE
    assert (found[rated]["clerk"], found[rated]["service_ref"]) == ("0817", "JL1/1")
    assert found[rated]["reveal_level"] is False
    assert hall.receiver.status()["attention"] == []
    assert hall.agent.stop() == 0
    nothing_tells_a_grade(hall.folder / "agent")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_agent_killed_around_every_press_loses_and_doubles_and_invents_nothing(hall):
    seed = 7
    print("seed", seed)
    rng = random.Random(seed)
    hall.start()
    expected = {}
    for turn in range(14):
        invite = hall.invite()
        rater = hall.bus.rater()
        wait_until("an evaluation that is old enough", lambda rater=rater: old_enough(rater, 4.0))
        key = rng.randint(1, 5)
        if turn % 4:
            rater.press(key)
            deadline_s = time.monotonic() + rng.random() * 0.08
            while time.monotonic() < deadline_s:
                time.sleep(0.001)
        hall.agent.stop(signal.SIGKILL)
        acknowledged, rater.acknowledged = rater.acknowledged, 0
        wait_until("the rater to give up", lambda rater=rater: not rater.waits)
        hall.agent.start("--wait")
        wait_until("an outcome", lambda invite=invite: hall.state(invite) not in ("pending", "open"))
        # What the rater was told is rated (it was silent for long enough before); what it was not told may be either.
        state = hall.state(invite)
        assert state == "rated" or (state == "interrupted" and not acknowledged), (turn, state, acknowledged)
        expected[invite] = 6 - key if state == "rated" else None
    found = hall.records(len(expected))
    assert {invite: one["level"] for invite, one in found.items()} == expected
    records = [one for one in hall.receiver.records() if one["invite"]]
    assert len({one["id"] for one in records}) == len(expected), "one outcome for each invite"
    status = hall.receiver.terminals()[0]
    assert (status["missing"], status["conflicts"], status["chain_broken"]) == (0, 0, 0)
    assert None in expected.values() and len(set(expected.values())) > 3
    nothing_tells_a_grade(hall.folder / "agent")


def old_enough(rater, age_s=1.0):
    return rater.evaluates and rater.open_until_s - time.monotonic() < EVALUATION_S - age_s


def nothing_tells_a_grade(folder):
    """Look for the rater's frames in every file of the agent, and for columns that could hold a level."""
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert HEAD not in data and HEAD.hex().encode() not in data.lower(), file
            assert HEAD.hex(" ").encode() not in data and repr(HEAD)[2:-1].encode() not in data, file
    conn = sqlite3.connect(folder / "data" / "legacy-YP-L001-1.db")
    columns = {
        (table, row[1])
        for table in ("about", "events", "invites")
        for row in conn.execute(f"PRAGMA table_info({table})")
    }
    conn.close()
    assert columns == {
        ("about", "one"), ("about", "terminal"), ("about", "epoch"), ("about", "journal_id"), ("about", "boot"),
        ("events", "seq"), ("events", "evidence"), ("events", "acked"),
        ("invites", "number"), ("invites", "invite"), ("invites", "origin"), ("invites", "ended"),
    }  # fmt: skip
