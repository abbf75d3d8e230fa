"""Read a recorded byte stream of one direction: each frame as plain data and as a line of text. For the host only.

The parser is the link's own (frame.Reader, messages.decode), so a capture shows what a link end would have seen.
"""

from protocol import evidence, frame, messages, reason_texts
from protocol.errors import EvidenceError, MessageError
from protocol.rating import KIND_NAMES


def describe(type_: int, session: int, id_: int, body: bytes) -> dict:
    """Return a frame as plain data for JSON: bytes as hex, events with their clear part, `error` if it does not fit."""
    found = {"type": messages.name(type_), "session": session, "id": id_, "body_bytes": len(body)}
    if type_ == messages.BULK_DATA:  # raw; a card is a portrait, so it is not shown
        found["fields"] = {"offset": int.from_bytes(body[:4], "little"), "data_bytes": max(0, len(body) - 4)}
        return found
    try:
        fields = messages.decode(type_, body)
    except MessageError as error:
        found["error"] = str(error)
        found["body"] = body.hex()
        return found
    if type_ == messages.EVENTS:
        found["events"] = [_event(seq, age_ms, data) for seq, age_ms, data in fields["events"]]
    elif type_ == messages.REPLY:
        found["reason"] = reason_texts.NAMES.get(fields["reason"], str(fields["reason"]))
        found["detail"] = plain(_without_level(fields["detail"]))
    elif type_ == messages.BULK_ACK:
        found["reason"] = reason_texts.NAMES.get(fields["reason"], str(fields["reason"]))
        found["fields"] = {"next": fields["next"], "held": fields["held"]}
    else:
        found["fields"] = plain(fields)
    return found


def _without_level(detail: dict | None) -> dict | None:
    """Return a reply's detail; of what a terminal reveals, only which invite it is about."""
    rated = detail.get("rated") if detail else None
    if detail is None or not isinstance(rated, dict):
        return detail
    return dict(detail, rated={key: rated[key] for key in ("invite", "final") if key in rated})


def plain(value: object) -> object:
    """Return the value as JSON knows it: bytes become hex, map keys text."""
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {key.hex() if isinstance(key, bytes) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def text(described: dict) -> str:
    """Return one line for what `describe` gave."""
    line = "{type} session={session} id={id} {body_bytes} B".format(**described)
    for key in ("events", "fields", "reason", "detail", "error", "body"):
        value = described.get(key)
        if value is None or value == {}:
            continue
        if key == "events":
            line += "".join(f"  [{_pairs(event)}]" for event in value)
        elif isinstance(value, dict):
            line += "  " + _pairs(value)
        else:
            line += f"  {key}={value}"
    return line


def _pairs(value: dict) -> str:
    return " ".join(f"{key}={item}" for key, item in value.items() if item is not None)


def _event(seq: int, age_ms: int | None, data: bytes) -> dict:
    found = {"seq": seq, "age_ms": age_ms, "bytes": len(data)}
    if not data:
        found["error"] = "nothing readable under this seq"
        return found
    try:
        clear = evidence.parse(data)
    except EvidenceError as error:
        found["error"] = str(error)
        return found
    found["terminal"], found["epoch"], found["boot"] = clear.terminal, clear.epoch, clear.boot
    found["kind"] = KIND_NAMES.get(clear.kind, str(clear.kind))
    found["invite"] = plain(clear.invite)
    return found


class Capture:
    """Take a recording apart, in any pieces, and count what was no frame."""

    def __init__(self) -> None:
        self._reader = frame.Reader()

    @property
    def counters(self) -> dict:
        """Frames read and bytes dropped, as frame.Reader counts them."""
        return self._reader.counters

    def feed(self, data: bytes) -> list:
        """Return the frames completed by `data`, each as `describe` gives it."""
        return [describe(*found) for found in self._reader.feed(data)]

    def end(self) -> None:
        """Count a half frame at the end of the recording as skipped."""
        self._reader.reset()
