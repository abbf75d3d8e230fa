"""RateService without any I/O: messages, the session of a client here, and the rater's at a hall's service."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.dialects import rateservice_message as message
from host_agent.dialects.rateservice_rater import ANSWER_MS, HEARTBEAT_MS, RaterSession
from host_agent.dialects.rateservice_session import Acknowledged, Order, Session

DAY = "2026-11-24"


def call(method, **param):
    return json.dumps({"method": method, "param": param})


def code(text):
    return json.loads(text)["code"]


@pytest.fixture
def session():
    return Session({"1": "W01", "2": "W02"}, {"u7": "007"})


def logged_in(session, win="1"):
    order = session.receive(call("Login", winNum=win, userCode="u7"), DAY)
    assert order == Order("Login", f"W0{win}", clerk="007")
    assert json.loads(session.done(order, None)) == {"request": "Login", "code": "0", "result": None}
    return session


@pytest.mark.parametrize(("win", "user"), [("3", "u7"), ("1", "u8"), ("01", "u7"), ("1", "007")])
def test_login_outside_the_written_tables_is_1002(session, win, user):
    assert code(session.receive(call("Login", winNum=win, userCode=user), DAY)) == "1002"
    assert session.window is None


def test_login_without_table_of_users_takes_the_code_for_the_clerks_number():
    order = Session({"1": "W01"}, {}).receive(call("Login", winNum=1, userCode=31), DAY)
    assert order == Order("Login", "W01", clerk="31")


def test_login_with_what_is_no_clerks_number_is_1002(session):
    order = session.receive(call("Login", winNum="1", userCode="u7"), DAY)
    assert code(session.done(order, "bad_request")) == "1002"
    assert session.window is None


@pytest.mark.parametrize("method", ["RateQuest", "RateOperate", "RateSubmit"])
def test_call_before_login_is_1000_and_orders_nothing(session, method):
    assert code(session.receive(call(method, rateId="r", operate="Pause"), DAY)) == "1000"


def test_quest_is_ordered_for_the_window_of_the_login_and_answered_with_its_own_id(session):
    order = logged_in(session, "2").receive(call("RateQuest", rateId=17, item="社保"), DAY)
    assert (order.window, order.quest.rate_id) == ("W02", 17)
    assert json.loads(session.done(order, None))["result"] == {"rateId": 17, "state": "open"}


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [("no_clerk", "1000"), ("paused", "1001"), ("invite_open", "1001"), ("terminal_absent", "1003"), ("full", "1003")],
)
def test_quest_that_is_refused_has_the_dialects_code(session, refusal, expected):
    order = logged_in(session).receive(call("RateQuest", rateId="r1"), DAY)
    assert code(session.done(order, refusal)) == expected


def test_rating_submitted_by_counter_software_is_not_allowed(session):
    text = call("RateSubmit", rateId="r", attitude=5, quality=5, efficiency=5, honest=5)
    assert code(logged_in(session).receive(text, DAY)) == "1001"


def test_heartbeat_is_answered_with_and_without_login(session):
    assert json.loads(session.receive(call("HeartBeat"), DAY)) == {"request": "HeartBeat", "code": "0", "result": None}


def test_answer_to_a_submission_is_heard(session):
    assert session.receive('{"request":"RateSubmit","code":0}', DAY) == Acknowledged("0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"method":5}',
        '{"method":"RateQuest","param":[]}',
        '{"request":"RateSubmit"}',
        call("RateQuest"),
        call("RateQuest", rateId=""),
        call("RateQuest", rateId=True),
        call("RateQuest", rateId="x" * 65),
        call("RateOperate", operate="Stop"),
        call("Login", winNum="1"),
        call("Explode"),
        b"\xff",
    ],
)
def test_message_that_is_none_of_the_dialect_is_999(session, text):
    assert code(logged_in(session).receive(text, DAY)) == "999"
    assert session.window == "W01"


def test_quest_again_is_the_same_invite_and_a_number_that_begins_again_is_another():
    def key(day=DAY, **param):
        return message.quest_of(message.Request("RateQuest", {"rateId": 1, **param}), day).key

    assert key() == key() == key(transactor="张三")
    assert len({key(), key(day="2026-11-25"), key(date="2026-11-25"), key(item="x"), key(reserveSeq="9")}) == 5


def test_date_of_the_other_side_is_no_time_of_anything_here():
    quest = message.quest_of(message.Request("RateQuest", {"rateId": 1, "date": "2099-01-01 00:00:00"}), DAY)
    assert quest.body(1).keys() == {"id"}


@pytest.mark.parametrize(
    ("item", "case"), [("社保卡申领", {"task_name": "社保卡申领"}), ("x" * 201, None), ("", None), (7, None)]
)
def test_item_names_the_matter_where_the_national_field_can_hold_it(item, case):
    quest = message.quest_of(message.Request("RateQuest", {"rateId": 1, "item": item}), DAY)
    assert quest.body(1).get("case") == case


def test_submission_holds_the_score_in_all_four_aspects():
    assert json.loads(message.submission("r1", 2)) == {
        "method": "RateSubmit",
        "param": {"rateId": "r1", "attitude": 2, "quality": 2, "efficiency": 2, "honest": 2},
    }


def rater(now_ms=0):
    found = RaterSession("1", "u7", now_ms)
    assert [json.loads(text) for text in found.take_output()] == [
        {"method": "Login", "param": {"winNum": "1", "userCode": "u7"}}
    ]
    return found


def ready():
    found = rater()
    assert found.receive('{"request":"Login","code":"0"}', 5, DAY) == [("ready",)]
    return found


def test_rater_takes_what_is_pushed_after_its_login_only():
    found = rater()
    assert found.receive(call("RateQuest", rateId="r"), 1, DAY) == []
    assert code(found.take_output()[0]) == "1000"
    found.receive('{"request":"Login","code":"0"}', 5, DAY)
    ((name, quest),) = found.receive(call("RateQuest", rateId="r"), 6, DAY)
    assert (name, quest.rate_id) == ("quest", "r")
    assert found.receive(call("RateOperate", operate="Reset"), 7, DAY) == [("operate", "Reset")]


def test_rater_hears_a_refused_login_and_a_forgotten_one():
    assert rater().receive('{"request":"Login","code":"1002"}', 1, DAY) == [("refused", "1002")]
    assert ready().receive('{"request":"RateSubmit","code":"1000"}', 9, DAY)[0][0] == "lost"
    assert ready().receive('{"request":"RateSubmit","code":"0"}', 9, DAY) == [("submitted", "0")]


def test_rater_gives_a_silent_service_up():
    assert rater().tick(ANSWER_MS)[0][0] == "lost"
    found = ready()
    assert found.tick(5 + HEARTBEAT_MS) == []
    assert json.loads(found.take_output()[0])["method"] == "HeartBeat"
    assert found.deadline_ms() == 5 + HEARTBEAT_MS + ANSWER_MS
    assert found.tick(found.deadline_ms())[0][0] == "lost"


def test_rater_that_is_answered_stays():
    found = ready()
    for turn in range(1, 5):
        assert found.tick(found.deadline_ms()) == []
        assert found.receive('{"request":"HeartBeat","code":"0"}', found.deadline_ms(), DAY) == [], turn


@pytest.mark.parametrize("text", ["", "{}", "[]", call("Explode"), call("RateQuest"), call("RateOperate", operate=1)])
def test_rater_answers_999_to_what_it_does_not_know(text):
    found = ready()
    assert found.receive(text, 9, DAY) == []
    assert code(found.take_output()[0]) == "999"


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.lists(st.integers())
names = st.sampled_from(["Login", "RateQuest", "RateOperate", "RateSubmit", "HeartBeat", "", "x"])
params = st.dictionaries(st.sampled_from(["winNum", "userCode", "rateId", "operate", "item", "date"]), values)
texts = (
    st.binary(max_size=80)
    | st.builds(lambda method, param: json.dumps({"method": method, "param": param}), names | values, params | values)
    | st.builds(lambda request, code: json.dumps({"request": request, "code": code}), names | values, values)
)


@given(st.lists(texts, max_size=8))
def test_session_answers_anything_once_and_orders_nothing_without_login(sent):
    session = Session({"1": "W01"}, {})
    for text in sent:
        found = session.receive(text, DAY)
        if isinstance(found, str):
            assert code(found) in ("0", "999", "1000", "1001", "1002")
        elif isinstance(found, Order):
            assert found.method == "Login" or session.window == "W01"


@given(st.lists(texts, max_size=8))
def test_rater_survives_anything_that_a_service_sends(sent):
    found = ready()
    for now_ms, text in enumerate(sent):
        for event in found.receive(text, now_ms, DAY):
            assert event[0] in ("quest", "operate", "submitted", "lost")
        for answer in found.take_output():
            assert code(answer) in ("0", "999")
