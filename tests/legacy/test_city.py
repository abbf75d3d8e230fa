"""An old rater's press all the way to the city, with a real broker, receiver and agent; the agent killed on the way."""

import signal
import sqlite3
import time

import pytest

from simulator.demo.broker import BrokerPart, find_mosquitto
from simulator.demo.parts import free_port, run_once
from simulator.demo.parts import yiping as command
from simulator.legacy_rater import EVALUATION_S, RaterBus
from tests.city.live import Receiver
from tests.unit.agent_support import AgentProcess, wait_until

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
        provisioned = ("--terminal", "YP-L001", "--centre", "C01", "--window", "W01", "--folder", str(where))
        run_once("provision", command("legacy", "provision", *provisioned), folder)
        file = where / "YP-L001.provision.json"
        run_once("registry", command("registry", "add", "--registry", "registry.db", str(file)), folder)
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
        wait_until("the rater", lambda: self.agent.status()["terminals"][0]["connected"])
        status, answer = self.agent.call("POST", "/api/v1/windows/W01/invites", {"project_no": "JL1"})
        assert status < 300, answer
        return answer["invite"]

    def state(self, invite):
        return self.agent.call("GET", f"/api/v1/windows/W01/invites/{invite}")[1]["state"]

    def rate(self, invite, press):
        """Press when the evaluation is a second old; again if a stall of this machine made it late."""
        rater = self.bus.rater()

        def pressed():
            if rater.evaluates and rater.open_until_s - time.monotonic() < EVALUATION_S - 1.0:
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


def test_old_raters_press_reaches_the_city_sealed_and_marked_and_a_killed_agent_invents_nothing(hall):
    hall.start()
    rated = hall.invite()
    assert hall.rate(rated, lambda rater: rater.press(5)) == "rated"
    left_open = hall.invite()
    hall.agent.stop(signal.SIGKILL)
    hall.agent.start("--wait")
    wait_until("the interruption", lambda: hall.state(left_open) == "interrupted")
    unmapped = hall.invite()
    assert hall.rate(unmapped, lambda rater: rater.press_grade(7)) == "interrupted"
    status = hall.agent.status()
    assert [fault["code"] for fault in status["faults"]] == ["unmapped_grade"]
    assert "legacy.grades" in status["message"] and "7" not in status["message"]

    found = hall.records(3)
    assert [(found[one]["kind"], found[one]["level"]) for one in (rated, left_open, unmapped)] == [
        ("rated", 1),
        ("interrupted", None),
        ("interrupted", None),
    ]
    assert all(one["unsealed"] and one["invite_bound"] for one in found.values())
    assert found[rated]["input"] == 1 and [found[one]["why"] for one in (left_open, unmapped)] == [10, 12]
    assert (found[rated]["clerk"], found[rated]["service_ref"], found[rated]["reveal_level"]) == ("0817", "JL1", False)
    assert hall.receiver.status()["attention"] == []
    assert hall.agent.stop() == 0
    nothing_tells_a_grade(hall.folder / "agent")


def nothing_tells_a_grade(folder):
    """Look for the rater's frames in every file of the agent, and for columns that could hold a level."""
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"\x68\x81\x11" not in data and b"688111" not in data.lower() and b"68 81 11" not in data, file
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
