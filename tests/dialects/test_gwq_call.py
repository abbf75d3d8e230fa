"""GWQ-style calls without any I/O: both forms, what each calls a level, and everything that is no call."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent.dialects import gwq_call
from host_agent.dialects.evaluation import Rated

FIRST = {
    "timeout": 60,
    "titleName": "请评价",
    "veryGood": [{"msg": "服务热情", "code": "510"}, {"msg": "一次办好", "code": 517}],
    "good": [{"msg": "流程清晰", "code": "410"}],
    "common": [{"msg": "一般", "code": "310"}],
    "pleased": [{"msg": "态度冷淡", "code": "210"}],
    "veryPleased": [{"msg": "故意刁难", "code": "110"}],
}
SECOND = {
    "title": "请评价",
    "supportInputEvaluation": True,
    "evaluator": [
        {"evaluatorText": "非常满意", "evaluatorLevel": 1, "detail": [{"text": "服务热情", "code": "510"}]},
        {"evaluatorText": "满意", "evaluatorLevel": 2, "detail": []},
        {"evaluatorText": "基本满意", "evaluatorLevel": 3},
        {"evaluatorText": "不满意", "evaluatorLevel": 4, "detail": [{"text": "态度冷淡", "code": "210"}]},
        {"evaluatorText": "非常不满意", "evaluatorLevel": 5, "detail": [{"text": "刁难", "code": "110"}]},
    ],
}


def parse(body):
    return gwq_call.parse(json.dumps(body, ensure_ascii=False))


@pytest.mark.parametrize("level", range(1, 6))
def test_gwq_first_form_answers_the_level_that_was_pressed(level):
    answer = gwq_call.rated(parse(FIRST), Rated(level, ()))
    assert answer == {"ErrorCode": 0, "json": {"satisfaction": str(level), "evalDetail": ""}, "Message": "已评价"}


@pytest.mark.parametrize("level", range(1, 6))
def test_gwq_second_form_answers_in_the_pages_own_scale(level):
    answer = gwq_call.rated(parse(SECOND), Rated(level, ()))
    assert answer["json"] == {"appraiseLevel": str(6 - level), "appraiseContent": "", "otherAppraiseContent": ""}


def test_gwq_pleased_is_the_fourth_level_and_very_pleased_the_worst():
    call = parse(FIRST)
    assert call.codes[2] == ("210",) and call.codes[1] == ("110",)
    assert gwq_call.rated(call, Rated(1, (110,)))["json"] == {"satisfaction": "1", "evalDetail": "110"}


def test_gwq_tags_are_those_that_the_page_named_for_that_level():
    assert gwq_call.rated(parse(FIRST), Rated(5, (510, 511, 517)))["json"]["evalDetail"] == "510,517"
    assert gwq_call.rated(parse(SECOND), Rated(5, (510, 210)))["json"]["appraiseContent"] == "510"


def test_gwq_level_that_the_page_has_no_name_for_is_left_empty_and_never_becomes_five():
    page = {**SECOND, "evaluator": SECOND["evaluator"][:2]}
    assert gwq_call.rated(parse(page), Rated(1, (110,)))["json"] == {
        "appraiseLevel": "",
        "appraiseContent": "",
        "otherAppraiseContent": "",
    }


@pytest.mark.parametrize("page", [FIRST, SECOND])
def test_gwq_rating_without_told_level_is_code_0_and_an_empty_field(page):
    answer = gwq_call.rated(parse(page), None)
    assert answer["ErrorCode"] == 0 and set(answer["json"].values()) == {""}


@pytest.mark.parametrize(
    ("state", "code"), [("timed_out", -2), ("open", -2), ("declined", -9), ("cancelled", -9), ("interrupted", -12)]
)
def test_gwq_end_without_rating_is_its_code_and_holds_no_level(state, code):
    answer = gwq_call.not_rated(parse(FIRST), state)
    assert (answer["ErrorCode"], answer["json"]) == (code, {})


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ("invite_open", -7),
        ("terminal_absent", -12),
        ("no_answer", -12),
        ("full", -12),
        ("store_full", -12),
        ("no_clerk", -2),
        ("paused", -2),
        ("busy", -2),
        ("bad_request", -2),
    ],
)
def test_gwq_refusal_is_a_code_that_old_pages_know(refusal, code):
    answer = gwq_call.refused(parse({**FIRST, "runningNumber": 7}), refusal, "why")
    assert (answer["ErrorCode"], answer["json"], answer["runningNumber"]) == (code, {}, "7")


def test_gwq_case_goes_to_the_service_and_the_running_number_does_not():
    call = parse({**FIRST, "caseNo": "P-77", "serviceNumber": 2, "runningNumber": "A012"})
    assert call.service == {"project_no": "P-77", "service_no": "2"}
    assert parse({**FIRST, "runningNumber": "A012"}).service == {}
    national = {"taskCode": "T" * 31, "taskName": "社保", "acceptDate": "2026-11-24", "userName": "张三丰"}
    case = {"task_code": "T" * 31, "task_name": "社保", "accept_date": "2026-11-24"}
    assert parse({**SECOND, **national}).service == {"case": case}, "and no citizen's name"
    assert parse({**FIRST, "projectNo": "P-1", "caseNo": "x"}).service == {"project_no": "P-1"}


@pytest.mark.parametrize(("timeout", "kept"), [(60, 60), ("60", 60), (5, 15), (300, 180)])
def test_gwq_time_of_the_page_is_brought_within_what_a_terminal_takes(timeout, kept):
    call = parse({**FIRST, "timeout": timeout})
    assert call.timeout_s == int(timeout)
    assert gwq_call.invite_body(call) == {"timeout_s": kept}
    assert gwq_call.invite_body(parse(SECOND)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "5",
        "{}",
        '{"veryGood":5}',
        '{"veryGood":["x"]}',
        '{"veryGood":[{"code":{}}]}',
        '{"veryGood":[],"timeout":0}',
        '{"veryGood":[],"timeout":true}',
        '{"veryGood":[],"timeout":"soon"}',
        '{"veryGood":[],"timeout":601}',
        '{"veryGood":[],"caseNo":["x"]}',
        '{"evaluator":[]}',
        '{"evaluator":{}}',
        '{"evaluator":[{"evaluatorText":"很好","evaluatorLevel":5}]}',
        '{"evaluator":[{"evaluatorText":"满意"}]}',
        '{"evaluator":[{"evaluatorText":"满意","evaluatorLevel":5},{"evaluatorText":"满意","evaluatorLevel":4}]}',
        '{"evaluator":[{"evaluatorText":"满意","evaluatorLevel":5},{"evaluatorText":"不满意","evaluatorLevel":5}]}',
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_gwq_message_that_is_no_call_is_malformed(text):
    with pytest.raises(gwq_call.MalformedCall):
        gwq_call.parse(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from([*FIRST, *SECOND, "caseNo", "runningNumber", "serviceNumber"])


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.dictionaries(keys, json_values).map(json.dumps))
def test_gwq_any_bytes_and_any_json_are_a_call_or_malformed(text):
    try:
        call = gwq_call.parse(text)
    except gwq_call.MalformedCall:
        return
    body = gwq_call.invite_body(call)
    assert set(body) <= {"project_no", "service_no", "timeout_s", "case"}
    assert 15 <= body.get("timeout_s", 15) <= 180
    for level in range(1, 6):
        told = gwq_call.rated(call, Rated(level, (517, 110)))["json"]
        first, second = told.get("satisfaction"), told.get("appraiseLevel")
        assert first == str(level) or second in ("", call.names.get(level))


def test_rated_prints_no_level():
    assert repr(Rated(1, (110,))) == "Rated(***)"
