"""Cases, identities and services over the running agent's API: what is told to the city, and what is refused."""

import json

import pytest

from host_agent import case_fields
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.fake_terminal import FakeTerminal

W = "/api/v1/windows/W01"
CASE = {
    "area_code": "330203",
    "area_name": "海曙区",
    "dept_code": "11330203MB0X12345K",
    "task_code": "11330203MB0X12345K4330114001000",
    "task_handle_item": "11330203MB0X12345K433011400100001",
    "task_name": "社会保障卡补办",
    "sub_matter": "个人申领",
    "project_no": "P-1",
    "pro_status": 3,
    "pro_depart_code": "11330203MB0X12345K",
    "pro_depart": "人力资源和社会保障局",
    "promise_time": "2",
    "accept_date": "2026-11-24",
    "service_name": "申报",
    "service_time": "2026-11-24 09:30:00",
}
IDENTITY = {"user_name": "赵小明", "user_prop": 1, "certkey_gov": "330203199001011234", "mobile": "13800138000"}


class Hall:
    """Hold one agent with one window, and a city that receipts what it is told to."""

    def __init__(self, folder):
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.terminal = FakeTerminal(folder / "port").start()
        self.agent = AgentProcess(folder, self.broker.port, [("W01", "YP-0001", folder / "port")]).start("--wait")
        wait_until("the terminal answers", lambda: self.agent.status()["terminals"][0]["connected"])
        assert self.post("login", {"number": "007"})[0] == 200

    def post(self, order, body):
        return self.agent.call("POST", f"{W}/{order}", body)

    def services(self):
        messages = self.receiver.other.get("yiping/v1/C01/agent/pc-01/service", [])
        return [json.loads(one)["data"] for one in list(messages)]

    def told(self, before):
        """Return the services told to the city since there were `before`."""
        wait_until("a service at the city", lambda: len(self.services()) > before)
        return self.services()[before:]

    def close(self):
        self.agent.stop()
        self.terminal.close()
        self.receiver.close()
        self.broker.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Hall(tmp_path_factory.mktemp("services"))
    yield made
    made.close()


@pytest.fixture
def hall(running):
    running.receiver.status, running.receiver.code = "stored", ""
    if running.terminal.open_invite is not None:
        running.terminal.rate(5)
        current = lambda: running.agent.call("GET", W)[1]["invite"]["state"]  # noqa: E731
        wait_until("the outcome", lambda: current() == "rated")
    wait_until("all receipts", lambda: running.agent.status()["store"]["waiting"] == 0)
    return running


def test_case_reaches_the_city_in_its_national_fields(hall):
    before = len(hall.services())
    status, _ = hall.post("invites", {"case": CASE, "real_name": True, "identity": IDENTITY})
    assert status == 201
    (told,) = hall.told(before)
    case = {key: str(value) for key, value in CASE.items() if key != "project_no"}
    assert (told["case"], told["project_no"], told["service_no"]) == (case, "P-1", 1)
    assert (told["clerk"], told["channel"], told["uploader"], told["real_name"]) == ("007", "window", "agent", True)
    assert told["identity"] is None, "no key: it is dropped"
    everything = json.dumps(hall.agent.status()) + hall.agent.output() + json.dumps(hall.services(), ensure_ascii=False)
    assert not any(str(value) in everything for value in ("赵小明", "330203199001011234", "13800138000"))


def test_serve_with_a_case_and_no_invite_is_told_at_the_next_serve_and_counted(hall):
    before = len(hall.services())
    hall.post("serve", {"ticket": "A1"})
    hall.post("serve", {"ticket": "A2", "project_no": "P-2", "case": {"task_name": "补办"}})
    hall.post("serve", {"ticket": "A3"})
    wait_until("two services", lambda: len(hall.services()) == before + 2)
    first, second = hall.services()[before:]
    assert (first["invite"], first["project_no"]) == (None, None)
    assert (second["invite"], second["project_no"], second["service_no"]) == (None, "P-2", 1)
    today = hall.agent.call("GET", W)[1]["today"]
    assert today["services_without_invite"] >= 2 and today["services"] >= today["services_without_invite"]
    assert hall.agent.status()["terminals"][0]["today"] == today


def test_flat_keys_stay_valid_and_the_case_is_named_once(hall):
    before = len(hall.services())
    assert hall.post("invites", {"project_no": "P-3", "service_no": 5})[0] == 201
    told = hall.told(before)[-1]
    assert (told["project_no"], told["service_no"], told["case"]) == ("P-3", 5, {})
    status, answer = hall.post("invites", {"project_no": "P-3", "case": {"project_no": "P-4"}})
    assert status == 400 and "differ" in answer["error"]["message"]


def test_same_id_with_another_case_is_refused(hall):
    body = {"id": "case-1", "case": CASE}
    status, first = hall.post("invites", body)
    assert status == 201
    assert hall.post("invites", body) == (200, first)
    for other in ({"task_name": "补换"}, {}):
        status, answer = hall.post("invites", {"id": "case-1", "case": other})
        assert (status, answer["error"]["code"]) == (409, "id_reused")


WRONG = {
    "area_code": ["33020", "33020a", 330203],
    "area_name": ["", "x" * 101, "a\nb", 7],
    "dept_code": ["1" * 17],
    "task_code": ["1" * 30, "*" * 31],
    "task_handle_item": ["1" * 32],
    "task_name": ["x" * 201],
    "sub_matter": ["\ud800"],
    "project_no": ["a/b", "a b", "x" * 51],
    "pro_status": ["0", 4, True],
    "pro_depart_code": ["1"],
    "pro_depart": [[]],
    "promise_time": ["3"],
    "accept_date": ["2026-02-30", "24.11.2026", "2026-11-24T09:00:00"],
    "service_name": ["x" * 51],
    "service_time": ["2026-11-24", "2026-11-24 25:00:00"],
}


def test_every_field_of_a_case_that_breaks_its_rule_is_refused_by_name(hall):
    assert WRONG.keys() == case_fields.CASE.keys()
    before = len(hall.services())
    for order, more in (("invites", {}), ("serve", {"ticket": "A1"})):
        for name, values in WRONG.items():
            for value in filter(lambda value: value != "", values):
                status, answer = hall.post(order, {**more, "case": {name: value}})
                assert (status, answer["error"]["code"]) == (400, "bad_request"), (name, value)
                assert f"case.{name} must be" in answer["error"]["message"]
    assert len(hall.services()) == before


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"case": {"level": 5}}, "unknown key 'level'"),
        ({"case": []}, "case"),
        ({"case": {**CASE, "task_code": "9" * 31}}, "case.task_handle_item"),
        ({"case": {**CASE, "service_time": "2026-11-23 09:00:00"}}, "case.service_time"),
        ({"identity": {"mobile": "zero"}}, "identity.mobile"),
        ({"identity": {"user_name": ""} | {"address": "x"}}, "unknown key 'address'"),
        ({"identity": {"user_prop": 0}}, "identity.user_prop"),
        ({"real_name": "yes"}, "real_name"),
        ({"channel": "fax"}, "channel"),
        ({"channel": []}, "channel"),
    ],
    ids=str,
)
def test_contradictions_and_unknown_keys_are_refused_by_name(hall, body, names):
    status, answer = hall.post("invites", body)
    assert (status, answer["error"]["code"]) == (400, "bad_request")
    assert names in answer["error"]["message"]


def test_wrong_identity_is_refused_without_repeating_it(hall):
    status, answer = hall.post("invites", {"identity": {**IDENTITY, "mobile": "13800138000 x"}})
    assert status == 400 and "13800138000" not in json.dumps(answer)


def test_service_that_the_city_refuses_is_on_the_shelf(hall):
    hall.receiver.status, hall.receiver.code = "refused", "malformed"
    assert hall.post("invites", {"project_no": "P-9"})[0] == 201
    refused = lambda: hall.agent.call("GET", "/api/v1/refused")[1]["items"]  # noqa: E731
    wait_until("the shelf", refused)
    (item,) = refused()
    assert (item["terminal"][0], item["epoch"], item["code"]) == ("~", 0, "malformed")
    hall.receiver.status = "stored"
