"""Reads the bodies of API requests, strictly: unknown keys and other types are refused with their name."""

import json
import re
from typing import Any

from starlette.requests import ClientDisconnect, Request

from host_agent.invites import Service
from host_agent.refusal import Refusal, bad_request
from protocol import rating

_TIMEOUT_S = (15, 180)
_ORIGINS = (rating.ORIGIN_COUNTER, rating.ORIGIN_CLERK_PAGE)
_NUMBER = re.compile(r"[0-9A-Za-z._-]{1,20}\Z")
_PROJECT = re.compile(r"[^/\s\x00-\x1f]{1,50}\Z")
_SERVICE = re.compile(r"[0-9]{1,6}\Z")
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
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad_request("the body is no JSON", "send a JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("the body is no JSON object", "send a JSON object")
    unknown = sorted(set(body) - set(keys))
    if unknown:
        raise bad_request(f"unknown key {unknown[0]!r}", f"use only {', '.join(keys) or 'an empty object'}")
    return body


def clerk(body: dict[str, Any]) -> dict[str, Any]:
    """Return a clerk for CLERK, only what was given.

    :raises Refusal: a value does not fit.
    """
    found: dict[str, Any] = {"number": _text(body, "number", _NUMBER, "1 to 20 letters, digits, dots or dashes")}
    for key, limit in (("name", 30), ("post", 60)):
        value = body.get(key)
        if value is None or value == "":
            continue
        if not isinstance(value, str) or len(value.encode()) > limit or not value.isprintable():
            raise bad_request(f"{key} must be text of at most {limit} bytes", f"shorten {key}")
        found[key] = value
    stars = body.get("stars")
    if stars is not None:
        if type(stars) is not int or not 0 <= stars <= 5:
            raise bad_request("stars must be a whole number from 0 to 5", "correct stars")
        found["stars"] = stars
    return found


def ticket(body: dict[str, Any]) -> str:
    """Return the ticket of SERVE.

    :raises Refusal: it does not fit.
    """
    value = body.get("ticket")
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= 40 or not value.isprintable():
        raise bad_request("ticket must be text of 1 to 40 bytes", "correct ticket")
    return value


def paused(body: dict[str, Any]) -> bool:
    """Return the wish of PAUSE.

    :raises Refusal: it is no truth value.
    """
    value = body.get("paused")
    if not isinstance(value, bool):
        raise bad_request("paused must be true or false", "correct paused")
    return value


def service(body: dict[str, Any]) -> Service:
    """Return what an invite is about.

    :raises Refusal: a value does not fit.
    """
    number = body.get("service_no")
    if type(number) is int:
        body = {**body, "service_no": str(number)}
    timeout_s = body.get("timeout_s")
    if timeout_s is not None and (type(timeout_s) is not int or not _TIMEOUT_S[0] <= timeout_s <= _TIMEOUT_S[1]):
        raise bad_request(f"timeout_s must be {_TIMEOUT_S[0]} to {_TIMEOUT_S[1]}", "correct or omit timeout_s")
    origin = body.get("origin", rating.ORIGIN_COUNTER)
    if origin not in _ORIGINS or isinstance(origin, bool):
        raise bad_request("origin must be 1 (counter software) or 2 (clerk's page)", "correct or omit origin")
    return Service(
        project_no=_optional(body, "project_no", _PROJECT, "1 to 50 characters without space or slash"),
        service_no=_optional(body, "service_no", _SERVICE, "a number of at most 6 digits"),
        timeout_ms=0 if timeout_s is None else timeout_s * 1000,
        origin=origin,
        client_key=_optional(body, "id", _KEY, "1 to 64 visible ASCII characters"),
    )


def _optional(body: dict[str, Any], key: str, pattern: re.Pattern[str], rule: str) -> str | None:
    return None if body.get(key) is None else _text(body, key, pattern, rule)


def _text(body: dict[str, Any], key: str, pattern: re.Pattern[str], rule: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not pattern.match(value):
        raise bad_request(f"{key} must be {rule}", f"correct {key}")
    return value
