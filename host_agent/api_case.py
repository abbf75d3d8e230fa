"""Reads what a request says of a case and its citizen; the identity leaves this module sealed or not at all.

Promise: what is wrong is refused by its name alone, never with the value: a name or number of a citizen that does not
fit is in no message and no log either.
"""

import re
from collections.abc import Callable
from typing import Any

from host_agent import case_fields
from host_agent.case_fields import Rule, Wrong
from host_agent.invite_subject import CHANNELS
from host_agent.refusal import Refusal, bad_request

KEYS = ("project_no", "service_no", "case", "identity", "real_name", "channel")
# What JSON programs write as numbers; the interface knows texts only.
_DIGITS = frozenset(("pro_status", "promise_time", "user_prop"))
_KEY_NAME = re.compile("[A-Za-z][A-Za-z_]{0,39}")

Seal = Callable[[dict[str, str]], bytes | None]


def case(body: dict[str, Any]) -> dict[str, str]:
    """Return the fields of the case that were given, project_no among them however it was given.

    :raises Refusal: a value does not fit.
    """
    found = _given(body, "case", case_fields.CASE)
    flat = body.get(case_fields.PROJECT_NO)
    if flat is not None:
        if found.setdefault(case_fields.PROJECT_NO, flat) != flat:
            raise bad_request("project_no and case.project_no differ", "name the case once")
        if not case_fields.CASE[case_fields.PROJECT_NO].holds(flat):
            sentence = case_fields.CASE[case_fields.PROJECT_NO].sentence
            raise bad_request(f"project_no must be {sentence}", "correct or omit project_no")
    fault = case_fields.wrong_case(found)
    if fault is not None:
        raise _refused("case", fault, case_fields.CASE)
    return found


def identity(body: dict[str, Any], seal: Seal | None) -> bytes | None:
    """Return the citizen's identity sealed to the city's key; None when none was given, or there is no key.

    :raises Refusal: a value does not fit.
    """
    found = _given(body, "identity", case_fields.IDENTITY)
    fault = case_fields.wrong(found, case_fields.IDENTITY)
    if fault is not None:
        raise _refused("identity", fault, case_fields.IDENTITY)
    if not found or seal is None:
        return None
    try:
        return seal(found)
    except ValueError:
        raise bad_request("identity is too long as a whole", "shorten identity.user_name") from None


def real_name(body: dict[str, Any]) -> bool | None:
    """Return whether the citizen agreed that the rating is kept under the name; None when nothing was said of it.

    :raises Refusal: it is no truth value.
    """
    value = body.get("real_name")
    if value is not None and not isinstance(value, bool):
        raise bad_request("real_name must be true or false", "send true only if the citizen has agreed")
    return value


def channel(body: dict[str, Any]) -> str:
    """Return over what the service was invited.

    :raises Refusal: there is no such channel.
    """
    value = body.get("channel")
    if value is None:
        return CHANNELS[0]
    if value not in CHANNELS:
        raise bad_request(f"channel must be one of {', '.join(CHANNELS)}", "correct or omit channel")
    return value


def unknown_key(name: str) -> str:
    """Say that a key is unknown, and which if it looks like the name of a key: what does not may be a citizen's."""
    return f"unknown key {name!r}" if _KEY_NAME.fullmatch(name) else "a key that is none"


def _given(body: dict[str, Any], key: str, rules: dict[str, Rule]) -> dict[str, str]:
    """Return an object's fields but for null and empty ones, which counter software sends for what it does not know."""
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"{key} must be an object", f"use the fields {', '.join(rules)}")
    given = {name: one for name, one in value.items() if one is not None and one != ""}
    for name in _DIGITS & given.keys():
        if type(given[name]) is int:
            given[name] = str(given[name])
    return given


def _refused(name: str, fault: Wrong, rules: dict[str, Rule]) -> Refusal:
    full = f"{name}.{fault.field}"
    if fault.sentence is None:
        return bad_request(f"{name}: {unknown_key(fault.field)}", f"use only {', '.join(rules)}")
    return bad_request(f"{full} must be {fault.sentence}", f"correct or omit {full}")
