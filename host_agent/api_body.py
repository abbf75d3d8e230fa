"""Reads the bodies of API requests, strictly: unknown keys and other types are refused with their name."""

import json
import re
from types import NoneType
from typing import Any

from starlette.requests import ClientDisconnect, Request

from host_agent import api_case, case_fields
from host_agent.api_case import Seal
from host_agent.content import staff
from host_agent.invite_subject import Service
from host_agent.refusal import Refusal, bad_request
from protocol import rating

_TIMEOUT_S = (15, 180)
_ORIGINS = (rating.ORIGIN_COUNTER, rating.ORIGIN_CLERK_PAGE)
_SERVICE = re.compile(r"[0-9]{1,6}\Z")
# What a screen can show: printable characters of the basic plane, at most 3 bytes each in UTF-8.
_ASCII = "[ -~]"
_CHARACTER = r"[ -~\u00a1-\u1fff\u2010-\u2027\u2030-\u205e\u2e80-\ud7a3\uf900-\ufaff\uff01-\uffee]"
_NOTICE = re.compile(rf"({_CHARACTER}|\n){{0,200}}\Z")
_KEY = re.compile(r"[\x21-\x7e]{1,64}\Z")


async def read(request: Request, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the body's object; an empty body is an empty object.

    :raises Refusal: no JSON object, or a key outside `keys`.
    """
    try:
        raw = await request.body()
    except ClientDisconnect:
        raise Refusal(413, "too_large", "the body is too large", "send less") from None
    if not raw:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "not_json", "the body is not declared as JSON", "send Content-Type: application/json")
    try:
        body = json.loads(raw.decode("utf-8-sig"))  # RFC 8259 §8.1; from bytes the library would take UTF-16 as well
    except (ValueError, RecursionError):
        raise bad_request("the body is no JSON", "send a JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("the body is no JSON object", "send a JSON object")
    unknown = sorted(set(body) - set(keys))
    if unknown:
        raise bad_request(api_case.unknown_key(unknown[0]), f"use only {', '.join(keys) or 'an empty object'}")
    return body


def clerk(body: dict[str, Any]) -> dict[str, Any]:
    """Return a clerk for CLERK, only what was given.

    :raises Refusal: a value does not fit.
    """
    found: dict[str, Any] = {"number": _text(body, "number", staff.NUMBER, staff.NUMBER_RULE)}
    for key, limit in (("name", 10), ("post", 20)):
        value = body.get(key)
        if value is None or value == "":
            continue
        if not isinstance(value, str) or not _is_short_text(value, limit):
            raise bad_request(f"{key} must be {_short_text_rule(limit)}", f"shorten {key}")
        found[key] = value
    if body.get("stars") is not None:
        found["stars"] = whole(body, "stars", 0, 5)
    return found


def ticket(body: dict[str, Any]) -> str:
    """Return the ticket of SERVE.

    :raises Refusal: it does not fit.
    """
    value = body.get("ticket")
    if not isinstance(value, str) or not _is_short_text(value, 13):
        raise bad_request(f"ticket must be {_short_text_rule(13)}", "correct ticket")
    return value


def notice(body: dict[str, Any]) -> str:
    """Return the text of NOTICE.

    :raises Refusal: it does not fit.
    """
    value = body.get("text")
    if not isinstance(value, str) or not _NOTICE.match(value):
        raise bad_request("text must be at most 200 printable characters, lines parted by \\n", "correct text")
    return value


def paused(body: dict[str, Any]) -> bool:
    """Return the wish of PAUSE.

    :raises Refusal: it is no truth value.
    """
    value = body.get("paused")
    if not isinstance(value, bool):
        raise bad_request("paused must be true or false", "correct paused")
    return value


def served(body: dict[str, Any], seal: Seal | None = None) -> Service:
    """Return what is known of a service when it begins.

    :raises Refusal: a value does not fit.
    """
    if not isinstance(body.get("service_no"), (str, NoneType)):
        body = {**body, "service_no": str(whole(body, "service_no", 0, 999_999))}
    service_no = _optional(body, "service_no", _SERVICE, "a number of at most 6 digits")
    case = api_case.case(body)
    return Service(
        project_no=case.pop(case_fields.PROJECT_NO, None),
        service_no=service_no,
        timeout_ms=0,
        origin=rating.ORIGIN_COUNTER,
        client_key=None,
        case=case,
        real_name=api_case.real_name(body),
        channel=api_case.channel(body),
        # Last: whatever is refused, no identity has been sealed or counted for it.
        identity=api_case.identity(body, seal),
    )


def service(body: dict[str, Any], seal: Seal | None = None) -> Service:
    """Return what an invite is about; an identity is sealed by `seal`, and dropped without it.

    :raises Refusal: a value does not fit.
    """
    timeout_s = None if body.get("timeout_s") is None else whole(body, "timeout_s", *_TIMEOUT_S)
    origin = whole(body, "origin", min(_ORIGINS), max(_ORIGINS)) if "origin" in body else rating.ORIGIN_COUNTER
    client_key = _optional(body, "id", _KEY, "1 to 64 visible ASCII characters")
    found = served(body, seal)
    found.timeout_ms = 0 if timeout_s is None else timeout_s * 1000
    found.origin = origin
    found.client_key = client_key
    return found


def whole(body: dict[str, Any], key: str, lowest: int, highest: int) -> int:
    """Return a whole number; JSON does not tell 7 from 7.0."""
    value = body[key]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not lowest <= value <= highest:
        raise bad_request(f"{key} must be a whole number from {lowest} to {highest}", f"correct or omit {key}")
    return value


def _is_short_text(value: str, limit: int) -> bool:
    """Say whether a text has at most 3 * `limit` bytes in UTF-8, by a rule that people can count."""
    return bool(re.fullmatch(f"{_ASCII}{{1,{3 * limit}}}|{_CHARACTER}{{1,{limit}}}", value))


def _short_text_rule(limit: int) -> str:
    return f"text of at most {limit} characters, or {3 * limit} ASCII ones"


def _optional(body: dict[str, Any], key: str, pattern: re.Pattern[str], rule: str) -> str | None:
    return None if body.get(key) is None else _text(body, key, pattern, rule)


def _text(body: dict[str, Any], key: str, pattern: re.Pattern[str], rule: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not pattern.match(value):
        raise bad_request(f"{key} must be {rule}", f"correct {key}")
    return value
