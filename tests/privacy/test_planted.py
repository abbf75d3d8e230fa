"""Citizens are planted at a running agent and every level is pressed; what the counter PC holds or says is searched.

The search itself is proved in test_search.py, and once more here by a canary in the agent's own folder.
"""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from tests.city.live import handed_on
from tests.dialects.hall import OldCounter
from tests.privacy import search
from tests.privacy.hall import Hall
from tests.privacy.people import People
from tests.privacy.requests import wrong_ones
from tests.privacy.search import Search
from tests.unit.agent_support import wait_until

pytestmark = pytest.mark.slow
LEVELS = (1, 2, 3, 4, 5)
FORBIDDEN = {"level", "grade", "satisfaction", "attitude", "score", "stars_given", "rating", "biz", "svc", "tags"}
CASE = {"task_name": "住房公积金提取", "pro_status": "3"}
_DIGITS = re.compile("[0-9]+")
_SEALED = re.compile("[0-9a-f]{32}|[A-Za-z0-9+/]{40,}=*")


class Visit:
    """One citizen's visit, whose identity is taken, and what the PC says of it."""

    def __init__(self, hall: Hall, people: People, level: int, named: bool = False) -> None:
        self.level = level
        self.person = people.one(f"a visit of level {level}")
        served = hall.order("serve", {"ticket": f"A{level:03d}", "identity": self.person}, "serve")
        body = {
            "id": f"visit-{level}-{named}",
            "case": {**CASE, "project_no": f"P-2026-{level}"},
            "identity": self.person,
            "real_name": named,
        }
        invite = hall.order("invites", body, "invite")
        self.invite = invite["invite"]
        hall.press(level, self.invite)
        again = hall.order("invites", body, "invite again")
        ended = hall.window()
        assert again == {"invite": self.invite, "state": "rated", "reason": None}
        for view in served, ended:  # what is of all visits, and whether a tag table is just being sent
            del view["today"], view["filling"]
        del served["invite"]  # the visit's before
        self.answers = [served, invite, again, ended]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Let everything happen once; the tests look at what is left."""
    hall, people = Hall(tmp_path_factory.mktemp("privacy")), People()
    try:
        hall.start()
        hall.visits = [Visit(hall, people, level) for level in LEVELS]
        hall.consented = Visit(hall, people, 3, named=True)
        hall.refused = {}
        for asked in wrong_ones(people):
            hall.refused[f"{asked.what}, {asked.path}"] = hall.ask(asked)
        garbage = people.one("no request")
        hall.shout(" ".join(garbage.values()).encode() + b"\r\n\r\n")
        hall.shout(b"POST /api/v1/windows/W01/invites HTTP/1.1\r\n" + garbage["user_name"].encode() + b"\r\n\r\n")
        with OldCounter(f"ws://127.0.0.1:{hall.rate_port}/") as counter:
            assert counter.call("Login", winNum="1", userCode="u7")["code"] == "0"
            person = people.one("RateService's transactor")
            counter.send("RateQuest", rateId="77", transactor=person["user_name"], item=CASE["task_name"])
            wait_until("the quest's invite", lambda: hall.window()["state"] == "invited")
            hall.press(2, hall.window()["invite"]["invite"])
            for wrong in people.one("a wrong method"), people.one("a wrong quest"):
                counter.send(wrong["user_name"], mobile=wrong["mobile"])
                counter.send("RateQuest", rateId=[wrong["user_name"]], transactor=wrong)
        hall.look()
        wait_until("the services at the broker", lambda: len(hall.ear.of("/service")) > len(LEVELS))
        city = hall.receiver.file
        wait_until("the services at the city", lambda: len(_services(city)) > len(LEVELS))
        wait_until("the levels at the city", lambda: len(_levels(city)) > len(LEVELS))
        hall.levels, hall.services = _levels(city), _services(city)
        hall.end()
        hall.people = people
        yield hall
    finally:
        hall.close()


def _levels(path) -> dict[str, int]:
    """Return the level of each invite at the city."""
    return {one["invite"]: one["level"] for one in handed_on(path) if one.get("level") is not None}


def _services(path) -> dict[str, dict]:
    """Return the record of each invite's service at the city."""
    return {one["invite"]: one for one in handed_on(path) if one.get("record") == "service"}


def test_no_planted_value_is_anywhere_at_the_pc_or_on_its_way(run):
    looked = Search(run.people.values)
    assert len(run.people.values) > 200
    places: dict[bytes, set[str]] = {}
    for where, what in run.said.items():
        for one in what:
            places.setdefault(one, set()).add(where)
    found = {", ".join(sorted(where)): looked.found_in(one) for one, where in places.items()}
    assert {where: hits for where, hits in found.items() if hits} == {}
    for place in ("agent.out", "data/agent.db", "data/agent.db-wal", "data/agent.log", "data/reserve.bin"):
        assert f"file {place} while the agent runs" in run.said, place
    for place in ("GET /metrics", "GET /clerk/W01", "GET /status", "GET /api/v1/status"):
        assert run.said[f"answer to {place}"], place
    assert any(where.startswith("MQTT") and where.endswith("/event") for where in run.said)
    assert sum(map(len, run.said["the line from the terminal"])) > 1000
    assert any(b"EVENTS" in one or b"events" in one for one in run.said["yiping decode capture --json"])


def test_canary_in_the_agents_own_folder_is_found(run):
    name, value = next(iter(run.people.values.items()))
    looked = Search({name: value})
    path = run.pc / "data" / "canary.log"
    path.write_text(json.dumps({"message": f"visit of {value}"}), encoding="ascii")
    try:
        found = {where for where, data in search.files(run.pc).items() if looked.found_in(data)}
        assert found == {"data/canary.log"}
        assert looked.found_in(path.read_bytes())[0].startswith(name)
    finally:
        path.unlink()


def test_wrong_requests_were_refused(run):
    """All but a query and headers that nobody asks for; what is far too large may find the connection closed."""
    taken = {
        what for what, (status, body) in run.refused.items() if not 400 <= status < 500 and not _refused_page(body)
    }
    assert {what.partition(",")[0] for what in taken} <= {"a query", "headers", "too large"}, taken
    assert len(run.refused) > 60


def _refused_page(body: bytes) -> bool:
    """Say whether a GWQ page was answered with an error, which its dialect puts into the body."""
    return body.startswith(b'{"ErrorCode":-')


def test_city_alone_can_read_the_identity(run):
    records = [json.loads(payload) for payload in run.ear.of("/service")]
    by_invite = {one["data"]["invite"]: one["data"] for one in records}
    for visit in (*run.visits, run.consented):
        data = by_invite[visit.invite]
        assert run.opened({"data": data}) == visit.person
        assert run.opened(run.services[visit.invite]) == visit.person
        assert len(data["identity"]) == 512  # base64 of 384 bytes, whoever it is


def test_only_who_agreed_is_named(run):
    records = [json.loads(payload)["data"] for payload in run.ear.of("/service")]
    assert len(records) > len(run.visits)
    assert {one["invite"] for one in records if one["real_name"] is not False} == {run.consented.invite}


def test_city_alone_has_the_level(run):
    assert {visit.invite: run.levels[visit.invite] for visit in run.visits} == {
        visit.invite: visit.level for visit in run.visits
    }


def test_every_level_leaves_the_same_at_the_pc(run):
    """Answers, rows and messages of the visits are alike but for numbers and times, and sealed bytes of one length."""
    with closing(sqlite3.connect(f"file:{run.pc / 'data' / 'agent.db'}?mode=ro", uri=True)) as conn:
        shapes = [_shape(conn, run, visit) for visit in run.visits]
    assert shapes[0]["events"] and shapes[0]["rows"] and shapes[0]["messages"]
    for visit, shape in zip(run.visits, shapes, strict=True):
        for part, left in shape.items():
            assert left == shapes[0][part], f"{part} of level {visit.level}"


def _shape(conn, run, visit) -> dict:
    """Return what a visit left, without what differs between any two visits."""
    invite = bytes.fromhex(visit.invite)
    events = "SELECT kind, evidence, window, terminal FROM events WHERE invite = ? ORDER BY terminal, seq"
    rows = conn.execute("SELECT * FROM invites WHERE invite = ?", (invite,)).fetchall()
    messages = [json.loads(payload) for payload in run.ear.of("/event") if visit.invite.encode() in payload]
    for message in messages:
        del message["data"]["link"]  # how fast this machine was just then
    return {
        "events": [_alike(list(row)) for row in conn.execute(events, (invite,))],
        "rows": [_alike(list(row)) for row in rows],
        "messages": _alike(messages),
        "answers": _alike(visit.answers),
    }


def _alike(value: object) -> object:
    """Return a value with every number alike, and with nothing left of ids and sealed bytes but their length."""
    if isinstance(value, dict):
        return {key: _alike(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_alike(inner) for inner in value]
    if isinstance(value, bytes):
        return ("bytes", len(value))
    if isinstance(value, str):
        return ("sealed", len(value)) if _SEALED.fullmatch(value) else _DIGITS.sub("0", value)
    return 0 if type(value) is int and value > 999 else value


def test_no_key_at_the_pc_speaks_of_a_level(run):
    keys = set(search.keys_of_database(run.pc / "data" / "agent.db"))
    texts = [line for one in run.said["file data/agent.log after its end"] for line in one.splitlines()]
    texts += [payload for topic, payload in run.ear.heard]
    texts += [
        answer.partition(b"\n\n")[2] for where in run.said if where.startswith("answer") for answer in run.said[where]
    ]
    texts += run.said["yiping agent status --json"] + run.said["yiping decode capture --json"][0].splitlines()
    for text in texts:
        keys |= set(search.keys_of(text))
    assert {"window", "invite", "evidence", "state", "severity", "terminal"} <= keys
    assert {key for key in keys if key.lower() in FORBIDDEN} == set()
