"""Reads the JSON of GWQ-style counter pages (柜外清), in both of its forms, and builds their answers. Sans-IO.

    {"timeout":60,"titleName":…,"veryGood":[{"msg","code"}],"good":[],"common":[],"pleased":[],"veryPleased":[]}
    {"evaluator":[{"evaluatorText","evaluatorLevel","detail":[{"text","code"}]}],"title","supportInputEvaluation"}
In the first, `pleased` is 不满意 (2) and `veryPleased` 非常不满意 (1), against what the words say. In the second the
page itself says what it calls each level. Names of levels and codes that the page did not name are never answered.
"""

import json
from typing import Any

import attrs

from host_agent.dialects.evaluation import TIMEOUT_S, Rated

OK, TIMEOUT, ALREADY_OPEN, CANCELLED, ABSENT = 0, -2, -7, -9, -12
LISTS = {"veryGood": 5, "good": 4, "common": 3, "pleased": 2, "veryPleased": 1}
TEXTS = {"非常满意": 5, "满意": 4, "基本满意": 3, "不满意": 2, "非常不满意": 1}
# The longest that a page may wait; the terminal itself ends an invite before.
MAX_TIMEOUT_S = 600
_MAX_TEXT_CHARACTERS = 200
# What pages call the case. A running number is none: it begins again each day, and two ratings would be taken for one.
_PROJECT_KEYS = ("projectNo", "caseNo")
_SERVICE_KEY = "serviceNumber"
# The other fields of the national interface that a page may name, as the API's case calls them.
_CASE_KEYS = {
    "areaCode": "area_code",
    "areaName": "area_name",
    "deptCode": "dept_code",
    "taskCode": "task_code",
    "taskHandleItem": "task_handle_item",
    "taskName": "task_name",
    "subMatter": "sub_matter",
    "proStatus": "pro_status",
    "proDepartCode": "pro_depart_code",
    "proDepart": "pro_depart",
    "promiseTime": "promise_time",
    "acceptDate": "accept_date",
    "serviceName": "service_name",
    "serviceTime": "service_time",
}
_OUTCOMES = {
    "timed_out": (TIMEOUT, "超时未评价"),
    "declined": (CANCELLED, "群众选择不评价"),
    "cancelled": (CANCELLED, "邀请已取消"),
    "interrupted": (ABSENT, "评价器断电，请重新邀请"),
}
_REFUSALS = {
    "invite_open": ALREADY_OPEN,
    **dict.fromkeys(("terminal_absent", "no_answer", "version", "full", "fault", "not_stored"), ABSENT),
    **dict.fromkeys(("store_full", "store_fault"), ABSENT),
}


class MalformedCall(Exception):
    """Say what is wrong with a call."""


@attrs.frozen
class Call:
    """Hold one call: what to invite for, how long the page waits, and what it calls levels and codes."""

    second_form: bool
    timeout_s: int | None
    service: dict[str, Any]
    names: dict[int, str]
    codes: dict[int, tuple[str, ...]]
    running_number: str | None


def parse(text: str | bytes) -> Call:
    """Return the call in a message.

    :raises MalformedCall: it is none of the two forms, or a value of it has another type.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedCall("no JSON") from None
    if not isinstance(body, dict):
        raise MalformedCall("no JSON object")
    second_form = "evaluator" in body
    if not second_form and not any(name in body for name in LISTS):
        raise MalformedCall("neither evaluator nor a list of a level")
    names, codes = _second_form(body["evaluator"]) if second_form else _first_form(body)
    return Call(
        second_form=second_form,
        timeout_s=_timeout_s(body),
        service=_service(body),
        names=names,
        codes=codes,
        running_number=_text(body, "runningNumber"),
    )


def invite_body(call: Call) -> dict[str, Any]:
    """Return the call as the API's body of an invite; the page's time, brought within what a terminal takes."""
    if call.timeout_s is None:
        return call.service
    return {**call.service, "timeout_s": min(max(call.timeout_s, TIMEOUT_S[0]), TIMEOUT_S[1])}


def rated(call: Call, found: Rated | None) -> dict[str, Any]:
    """Return the answer to a rated call: ErrorCode 0, and the level's field empty where no level is told."""
    level = call.names.get(found.level, "") if found is not None else ""
    named = call.codes.get(found.level, ()) if found is not None and level else ()
    tags = [str(tag) for tag in found.tags if str(tag) in named] if found is not None else []
    if call.second_form:
        shape = {"appraiseLevel": level, "appraiseContent": "|".join(tags), "otherAppraiseContent": ""}
    else:
        shape = {"satisfaction": level, "evalDetail": ",".join(tags)}
    return _answer(OK, shape, "已评价", call)


def not_rated(call: Call, state: str) -> dict[str, Any]:
    """Return the answer to a call that ended without a rating, or has not ended in the page's time."""
    code, message = _OUTCOMES.get(state, (TIMEOUT, "尚未评价"))
    return _answer(code, {}, message, call)


def refused(call: Call | None, code: str, message: str) -> dict[str, Any]:
    """Return the answer to a call that the agent or the terminal refuses by a code of the API."""
    return _answer(_REFUSALS.get(code, TIMEOUT), {}, f"{code}: {message}", call)


def _answer(code: int, shape: dict[str, str], message: str, call: Call | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"ErrorCode": code, "json": shape, "Message": message}
    if call is not None and call.running_number is not None:
        answer["runningNumber"] = call.running_number
    return answer


def _first_form(body: dict[str, Any]) -> tuple[dict[int, str], dict[int, tuple[str, ...]]]:
    codes = {level: _codes(body.get(name) or [], name) for name, level in LISTS.items()}
    return {level: str(level) for level in codes}, codes


def _second_form(evaluators: Any) -> tuple[dict[int, str], dict[int, tuple[str, ...]]]:
    names: dict[int, str] = {}
    codes: dict[int, tuple[str, ...]] = {}
    for evaluator in _objects(evaluators, "evaluator"):
        text, name = _text(evaluator, "evaluatorText"), _text(evaluator, "evaluatorLevel")
        level = TEXTS.get((text or "").strip())
        if level is None or level in names:
            raise MalformedCall("an evaluatorText that is none of the five levels, or one of them twice")
        if not name or name in names.values():
            raise MalformedCall("an evaluatorLevel that is missing, or stands for two levels")
        names[level] = name
        codes[level] = _codes(evaluator.get("detail") or [], "detail")
    if not names:
        raise MalformedCall("an empty evaluator")
    return names, codes


def _codes(entries: Any, name: str) -> tuple[str, ...]:
    codes = (_text(entry, "code") for entry in _objects(entries, name))
    return tuple(code for code in codes if code is not None)


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise MalformedCall(f"{name} that is no list of objects")
    return value


def _text(body: dict[str, Any], key: str) -> str | None:
    """Return a text or whole number as text: pages write both."""
    value = body.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedCall(f"{key} that is neither text nor number")
    if isinstance(value, int) and not -(10**18) < value < 10**18:
        raise MalformedCall(f"{key} that is too long")
    text = str(value)
    if len(text) > _MAX_TEXT_CHARACTERS:
        raise MalformedCall(f"{key} that is too long")
    return text


def _timeout_s(body: dict[str, Any]) -> int | None:
    text = _text(body, "timeout")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_TIMEOUT_S):
        raise MalformedCall(f"timeout that is not 1 to {MAX_TIMEOUT_S} s")
    return int(text)


def _service(body: dict[str, Any]) -> dict[str, Any]:
    project_no = next((text for key in _PROJECT_KEYS if (text := _text(body, key)) is not None), None)
    case = {name: text for key, name in _CASE_KEYS.items() if (text := _text(body, key)) is not None}
    found = {"project_no": project_no, "service_no": _text(body, _SERVICE_KEY), "case": case or None}
    return {key: value for key, value in found.items() if value is not None}
