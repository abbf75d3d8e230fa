"""RateService at a running agent: as the service of old counter software, and as the rater of a hall's own."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from protocol import rating
from tests.dialects.hall import PAGE, WAIT_S, OldCounter
from tests.dialects.revealing_terminal import end
from tests.unit.agent_support import wait_until

# --- the agent is the service


def test_rateservice_counter_hears_the_scores_of_its_quest(hall):
    with hall.counter("1", "u8") as counter:
        assert hall.t1.clerk == {"number": "008"}
        assert counter.call("RateQuest", rateId=77, item="社保")["result"] == {"rateId": 77, "state": "open"}
        hall.invited(hall.t1)
        hall.t1.press(2)
        assert counter.next() == {
            "method": "RateSubmit",
            "param": {"rateId": 77, "attitude": 2, "quality": 2, "efficiency": 2, "honest": 2},
        }
        counter.socket.send('{"request":"RateSubmit","code":"0"}')
        assert counter.call("HeartBeat")["code"] == "0"


def test_rateservice_counter_at_a_terminal_that_reveals_nothing_hears_no_scores(hall):
    with hall.counter("2") as counter:
        assert counter.call("RateQuest", rateId="r1")["code"] == "0"
        hall.invited(hall.t2)
        hall.t2.rate(1)
        rated = {"request": "RateQuest", "code": "0", "result": {"rateId": "r1", "state": "rated"}}
        assert counter.next() == rated


@pytest.mark.parametrize(("kind", "state"), [(rating.TIMED_OUT, "timed_out"), (rating.DECLINED, "declined")])
def test_rateservice_quest_that_ends_without_rating_is_1003_and_no_submission(hall, kind, state):
    with hall.counter("1") as counter:
        assert counter.call("RateQuest", rateId=state)["code"] == "0"
        hall.invited(hall.t1)
        end(hall.t1, kind)
        assert counter.next() == {"request": "RateQuest", "code": "1003", "result": {"rateId": state, "state": state}}


def test_rateservice_counter_that_comes_back_hears_what_it_missed(hall):
    with hall.counter("1") as counter:
        assert counter.call("RateQuest", rateId="missed")["code"] == "0"
        hall.invited(hall.t1)
    hall.t1.press(4)
    wait_until("the outcome", lambda: hall.window("W01")["invite"]["state"] == "rated", WAIT_S)
    for _ in range(2):  # it is told until it is acknowledged
        with hall.counter("1") as counter:
            assert counter.next()["param"]["rateId"] == "missed"
            acknowledged = counter.socket.send('{"request":"RateSubmit","code":"0"}') if _ else None
            assert acknowledged is None and counter.call("HeartBeat")["code"] == "0"
    with hall.counter("1") as counter:
        assert counter.call("HeartBeat")["request"] == "HeartBeat", "nothing is told again"


def test_rateservice_rating_is_its_own_quests_and_the_next_ones_timeout_is_no_stars(hall):
    with hall.counter("1") as counter:
        assert counter.call("RateQuest", rateId="A")["code"] == "0"
        hall.invited(hall.t1)
        assert counter.call("RateQuest", rateId="B")["code"] == "1001", "one at a time"
        hall.t1.press(1)
        submitted = counter.next()["param"]
        assert (submitted["rateId"], submitted["attitude"]) == ("A", 1)
        counter.socket.send('{"request":"RateSubmit","code":"0"}')
        assert counter.call("RateQuest", rateId="B")["code"] == "0"
        hall.invited(hall.t1)
        end(hall.t1, rating.TIMED_OUT)
        assert counter.next()["result"] == {"rateId": "B", "state": "timed_out"}
        assert counter.call("RateQuest", rateId="B")["code"] == "0", "asked again, invited again"
        hall.invited(hall.t1)
        hall.t1.press(4)
        assert counter.next()["param"]["attitude"] == 4
        before = hall.invites_seen(hall.t1)
        assert counter.call("RateQuest", rateId="B")["code"] == "0"
        assert hall.invites_seen(hall.t1) == before, "what is rated is not asked again"
        counter.socket.send('{"request":"RateSubmit","code":"0"}')
        assert counter.call("HeartBeat")["code"] == "0"


def test_rateservice_message_in_fragments_is_one_and_two_are_two(hall):
    with hall.counter("1") as counter:
        text = json.dumps({"method": "HeartBeat", "param": {}})
        counter.socket.send([text[:7], text[7:20], text[20:]])
        assert counter.next()["code"] == "0"
        counter.send("HeartBeat")
        counter.send("RateOperate", operate="Reset")
        assert [counter.next()["request"], counter.next()["request"]] == ["HeartBeat", "RateOperate"]


def test_rateservice_operates_the_window(hall):
    with hall.counter("1") as counter:
        assert counter.call("RateOperate", operate="Pause")["code"] == "0"
        assert counter.call("RateQuest", rateId="p")["code"] == "1001"
        assert counter.call("RateOperate", operate="Resume")["code"] == "0"
        assert counter.call("RateQuest", rateId="q")["code"] == "0"
        hall.invited(hall.t1)
        counter.send("RateOperate", operate="Reset")
        answers = {json.dumps(answer["result"]): answer for answer in (counter.next(), counter.next())}
    assert answers["null"]["code"] == "0"
    assert answers['{"rateId": "q", "state": "cancelled"}']["code"] == "1003"
    assert hall.t1.open_invite is None


def test_rateservice_login_decides_who_is_credited_and_where(hall):
    before = hall.invites_seen(hall.t1)
    with hall.counter() as counter:
        assert counter.call("RateQuest", rateId=1)["code"] == "1000"
        assert counter.call("Login", winNum="9", userCode="u7")["code"] == "1002"
        assert counter.call("Login", winNum="1", userCode="007")["code"] == "1002"
        assert counter.call("RateQuest", rateId=1)["code"] == "1000"
        assert counter.call("Explode")["code"] == "999"
        assert counter.call("Login", winNum="3", userCode="u7")["code"] == "0"
        assert counter.call("RateQuest", rateId=1)["code"] == "1003", "no terminal there"
    assert hall.invites_seen(hall.t1) == before
    with hall.counter("1") as first, hall.counter("1") as second:
        assert first.call("RateQuest", rateId=1)["code"] == "1000", "the later login has the window"
        assert hall.ask("POST", "/api/v1/windows/W01/logout", {})[0] == 200
        assert second.call("RateQuest", rateId=1)["code"] == "1000", "nobody is credited"


def test_rateservice_opens_to_known_pages_and_at_its_own_path_only(hall):
    address = f"ws://127.0.0.1:{hall.rate_port}"
    for url, origin, status in ((f"{address}/", "https://evil.example", 403), (f"{address}/api", None, 404)):
        with pytest.raises(InvalidStatus) as refusal:
            connect(url, origin=origin, open_timeout=WAIT_S)
        assert refusal.value.response.status_code == status
    with OldCounter(f"{address}/", origin=PAGE) as counter:
        assert counter.call("HeartBeat")["code"] == "0"


# --- the agent is the rater


def test_rater_at_a_halls_service_submits_until_it_is_acknowledged(hall):
    assert hall.ask("POST", "/api/v1/windows/W01/login", {"number": "031"})[0] == 200
    hall.service.next(lambda found: found == ("login", "11", "v31"))
    push = {"method": "RateQuest", "param": {"rateId": "R9", "transactor": "张三丰", "item": "社保"}}
    hall.service.send("11", push)
    assert hall.service.next(answer_to("RateQuest"))["code"] == "0"
    hall.invited(hall.t1)
    hall.t1.press(5)
    assert hall.service.next(submission)["param"]["attitude"] == 5
    hall.service.drop("11")
    hall.service.next(lambda found: found == ("login", "11", "v31"))
    assert hall.service.next(submission)["param"] == {
        "rateId": "R9",
        "attitude": 5,
        "quality": 5,
        "efficiency": 5,
        "honest": 5,
    }
    hall.service.send("11", {"request": "RateSubmit", "code": "0"})
    hall.service.send("11", {"method": "RateOperate", "param": {"operate": "Pause"}})
    assert hall.service.next(answer_to("RateOperate"))["code"] == "0"
    wait_until("the pause", lambda: hall.t1.paused, WAIT_S)
    hall.service.send("11", {**push, "param": {"rateId": "R10"}})
    assert hall.service.next(answer_to("RateQuest"))["code"] == "1001"
    assert "张三丰" not in hall.agent.output()


def test_rater_submits_nothing_of_a_terminal_that_reveals_nothing(hall):
    assert hall.ask("POST", "/api/v1/windows/W02/login", {"number": "031"})[0] == 200
    hall.service.next(lambda found: found == ("login", "12", "v31"))
    for rate_id in ("S1", "S2"):
        hall.service.send("12", {"method": "RateQuest", "param": {"rateId": rate_id}})
        found = hall.service.next(lambda found: isinstance(found, dict))
        assert (found["request"], found["code"]) == ("RateQuest", "0"), "and no RateSubmit before it"
        hall.invited(hall.t2)
        hall.t2.rate(1)
        wait_until("the outcome", lambda: hall.window("W02")["invite"]["state"] == "rated", WAIT_S)


def test_rater_is_at_a_halls_service_only_while_a_clerk_of_its_table_is_there(hall):
    assert hall.ask("POST", "/api/v1/windows/W02/login", {"number": "031"})[0] == 200
    hall.service.next(lambda found: found == ("login", "12", "v31"))
    assert hall.ask("POST", "/api/v1/windows/W02/login", {"number": "008"})[0] == 200
    fault = wait_until("the fault", lambda: faults(hall, "winNum 12"), WAIT_S)
    assert fault[0]["code"] == "dialect" and "no userCode for clerk 008" in fault[0]["message"]


def answer_to(method):
    return lambda found: isinstance(found, dict) and found.get("request") == method


def submission(found):
    return isinstance(found, dict) and found.get("method") == "RateSubmit"


def faults(hall, part):
    return [one for one in hall.ask("GET", "/api/v1/status")[1]["faults"] if part in one["message"]]
