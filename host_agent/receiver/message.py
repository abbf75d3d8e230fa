"""Read one message from the broker: the CloudEvent around an event's bytes (design of the topics: docs/receiver.md).

Whoever may write to the broker may write anything here, so every value is checked and bounded, and nothing of it is
believed but what the evidence itself proves: the id outside only addresses the receipt.
"""

import base64
import binascii
import json
import re
from datetime import datetime

import attrs

PAYLOAD_LIMIT_BYTES = 16 * 1024  # an event is below 1 KB
EVIDENCE_LIMIT_BYTES = 1024
ID_LIMIT = 80

# Both stand in the topic of the receipt: no level separator, no wildcard, nothing unprintable.
SEGMENT = re.compile(r"[^/+#\x00-\x20\x7f]{1,64}")
_MS_MAX = 2**53


class Malformed(Exception):
    """Say why a payload is no event."""


@attrs.frozen
class ReplyTo:
    """Where the receipt goes, and the id by which the agent knows its event."""

    centre: str
    agent: str
    id: str


@attrs.frozen
class Incoming:
    """One event as it came: bytes still closed, and what the agent said of it."""

    evidence: bytes = attrs.field(repr=False)
    preimage: bytes | None
    stored_utc_ms: int | None
    delay_ms: int | None
    clock_offset_ms: int | None


def place_of(topic: str, prefix: str) -> tuple[str, str] | None:
    """Return (centre, terminal) of an event topic, or None for another topic."""
    return segments(topic, prefix, "terminal", "event")


def segments(topic: str, prefix: str, role: str, leaf: str) -> tuple[str, str] | None:
    """Return centre and name of `{prefix}/{centre}/{role}/{name}/{leaf}`, or None for another topic."""
    if not topic.startswith(prefix + "/"):
        return None
    parts = topic[len(prefix) + 1 :].split("/")
    if len(parts) != 4 or parts[1] != role or parts[3] != leaf:
        return None
    return (parts[0], parts[2]) if SEGMENT.fullmatch(parts[0]) and SEGMENT.fullmatch(parts[2]) else None


def read(payload: bytes, centre: str) -> tuple[ReplyTo | None, Incoming | Malformed]:
    """Return where a receipt goes (None when nobody can be told) and the event, or why there is none."""
    if len(payload) > PAYLOAD_LIMIT_BYTES:
        return None, Malformed(f"payload of {len(payload)} bytes, at most {PAYLOAD_LIMIT_BYTES} are read")
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError):
        return None, Malformed("payload is no JSON")
    if not isinstance(event, dict):
        return None, Malformed("payload is no JSON object")
    reply = reply_to(event, centre)
    try:
        return reply, _incoming(event)
    except Malformed as error:
        return reply, error


def reply_to(event: dict, centre: str) -> ReplyTo | None:
    """Return where the receipt goes, None when nobody can be told."""
    agent, id_ = event.get("agent"), event.get("id")
    if not isinstance(agent, str) or not SEGMENT.fullmatch(agent):
        return None
    if not isinstance(id_, str) or not 1 <= len(id_) <= ID_LIMIT:
        return None
    return ReplyTo(centre, agent, id_)


def _incoming(event: dict) -> Incoming:
    data = event.get("data")
    if not isinstance(data, dict):
        raise Malformed("data is no object")
    evidence = read_bytes(data.get("evidence"), "evidence")
    if evidence is None:
        raise Malformed("evidence is missing")
    link = data.get("link")
    if not isinstance(link, dict):
        link = {}
    return Incoming(
        evidence,
        read_bytes(data.get("invite_preimage"), "invite_preimage"),
        time_ms(event.get("time")),
        _number(link.get("delay_ms")),
        _number(link.get("clock_offset_ms")),
    )


def read_bytes(text: object, name: str) -> bytes | None:
    """Return the bytes of a Base64 text, None for null; raises Malformed."""
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > EVIDENCE_LIMIT_BYTES * 4 // 3 + 4:
        raise Malformed(f"{name} is no base64 text of at most {EVIDENCE_LIMIT_BYTES} bytes")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{name} is no base64") from None


def time_ms(text: object) -> int | None:
    """Return UTC ms of an RFC 3339 time; what is no time tells nothing and harms nothing."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def _number(value: object) -> int | None:
    return value if type(value) is int and -_MS_MAX < value < _MS_MAX else None
