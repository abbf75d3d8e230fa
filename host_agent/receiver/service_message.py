"""Read one service record from the broker: a CloudEvent around plain JSON (protocol/schemas/service.json).

No terminal has sealed it: it is the agent's word, checked field by field, and none but its own agent may write the
topic. Only what an invite's id commits to is proven (centre, window, clerk, case and number): `bound`.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import attrs

from host_agent import case_fields, own_records
from host_agent.cloudevents import SERVICE_TYPE
from host_agent.config_dialects import UPLOADERS
from host_agent.content import staff
from host_agent.invite_subject import CHANNELS
from host_agent.receiver import checks, message
from host_agent.receiver.message import Malformed, ReplyTo

_ENVELOPE = {"specversion", "id", "source", "type", "subject", "time", "agent", "datacontenttype", "data"}
_OPTIONAL = {"subject", "datacontenttype"}
_ID = re.compile(r"~[0-9a-f]{16}-0-[1-9][0-9]{0,9}")
_INVITE = re.compile("[0-9a-f]{32}")
_SERVICE_NO_MAX = 9_999_999
_MS_MAX = 2**53


@attrs.frozen
class ServiceRecord:
    """One record that is written as it should be."""

    id: str
    invite: bytes | None
    window: str
    bound: bool | None  # None: without an invite nothing is bound
    data: dict[str, Any] = attrs.field(repr=False)
    stored_utc_ms: int | None


@attrs.frozen
class Came:
    """What a message is: whom the receipt goes to, which bytes it means, and the record or why there is none."""

    reply: ReplyTo | None
    content: bytes = attrs.field(repr=False)
    record: ServiceRecord | Malformed


def place_of(topic: str, prefix: str) -> tuple[str, str] | None:
    """Return (centre, agent) of a service topic, or None for another topic."""
    return message.segments(topic, prefix, "agent", "service")


def read(payload: bytes, centre: str, agent: str) -> Came:
    """Return what came."""
    if len(payload) > message.PAYLOAD_LIMIT_BYTES:
        return Came(None, payload, Malformed(f"payload of {len(payload)} bytes"))
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError):
        return Came(None, payload, Malformed("payload is no JSON"))
    if not isinstance(event, dict):
        return Came(None, payload, Malformed("payload is no JSON object"))
    data = event.get("data")
    reply = message.reply_to({**event, "agent": agent}, centre)
    try:
        content = own_records.canonical(data) if isinstance(data, dict) else payload
    except (UnicodeEncodeError, RecursionError):
        content = payload
    try:
        return Came(reply, content, _record(event, data, centre, agent))
    except Malformed as error:
        return Came(reply, content, error)


def _record(event: dict, data: object, centre: str, agent: str) -> ServiceRecord:
    if not isinstance(data, dict):
        raise Malformed("data is no object")
    _require_keys(event, _ENVELOPE - _OPTIONAL, _ENVELOPE, "the message")
    _require_keys(data, set(_DATA), set(_DATA), "data")
    for name, holds in _DATA.items():
        if not holds(data[name]):
            raise Malformed(f"data.{name} does not fit")  # never the value: it may be a citizen's
    fixed = {
        "specversion": "1.0",
        "type": SERVICE_TYPE,
        "agent": agent,
        "source": f"/{centre}/{data['window']}",
        "subject": data["invite"],
        "datacontenttype": "application/json",
    }
    for name, value in fixed.items():
        if event.get(name, value if name == "datacontenttype" else None) != value:
            raise Malformed(f"{name} does not fit")
    stored_utc_ms = message.time_ms(event["time"])
    if stored_utc_ms is None or not _matches(_ID)(event["id"]):
        raise Malformed("time or id does not fit")
    invite, bound = _binding(data, centre)
    return ServiceRecord(event["id"], invite, data["window"], bound, data, stored_utc_ms)


def _binding(data: dict, centre: str) -> tuple[bytes | None, bool | None]:
    """Return the invite, and whether it was made for just this service."""
    if (data["invite"] is None) != (data["invite_preimage"] is None):
        raise Malformed("invite and invite_preimage belong together")
    if data["invite"] is None:
        return None, None
    invite = bytes.fromhex(data["invite"])
    bound, origin = checks.bind(invite, base64.b64decode(data["invite_preimage"]))
    if not bound or origin is None:
        return invite, False
    project_no, _, number = (origin.service_ref or "").partition("/")
    told = (origin.centre, origin.window, origin.clerk, project_no or None, int(number) if number.isdecimal() else None)
    return invite, told == (centre, data["window"], data["clerk"], data["project_no"], data["service_no"])


def _require_keys(found: dict, needed: set[str], allowed: set[str], what: str) -> None:
    missing, unknown = needed - found.keys(), found.keys() - allowed
    if missing or unknown:
        raise Malformed(f"{what} lacks {sorted(missing)}, has {len(unknown)} unknown keys")


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _or_null(holds: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or holds(value)


def _one_of(choices: tuple[str, ...]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in choices


def _number_to(highest: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and 0 <= value <= highest


def _is_base64(value: object) -> bool:
    try:
        return message.read_bytes(value, "value") is not None
    except Malformed:
        return False


def _is_case(value: object) -> bool:
    if not isinstance(value, dict) or case_fields.PROJECT_NO in value:
        return False
    return case_fields.wrong_case(value) is None


_DATA: dict[str, Callable[[object], bool]] = {
    "invite": _or_null(_matches(_INVITE)),
    "invite_preimage": _or_null(_is_base64),
    "visit": _matches(_ID),
    "window": _matches(message.SEGMENT),
    "terminal": _or_null(_matches(message.SEGMENT)),
    "channel": _one_of(CHANNELS),
    "uploader": _one_of(UPLOADERS),
    "clerk": _or_null(_matches(staff.NUMBER)),
    "project_no": _or_null(case_fields.CASE[case_fields.PROJECT_NO].holds),
    "service_no": _or_null(_number_to(_SERVICE_NO_MAX)),
    "case": _is_case,
    "real_name": lambda value: isinstance(value, bool),
    "identity": _or_null(_is_base64),
    "began_utc_ms": _number_to(_MS_MAX),
    "recorded_utc_ms": _number_to(_MS_MAX),
}
