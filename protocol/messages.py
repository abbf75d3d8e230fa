"""The message table: every typed frame body, as a deterministic CBOR array of the fields listed here.

A newer peer may send more fields at the end of an array: they are ignored. A field that came with a later version has a
default as its fifth element, which stands for it when an older peer leaves it out. Any other missing or ill-typed field
is an error.
"""

from protocol import cbor
from protocol.errors import CborError, MessageError

PROTO_MIN = 1  # oldest protocol version that this code speaks
PROTO_MAX = 1

HELLO = 0x01
HELLO_REPLY = 0x02
NO_SESSION = 0x03
HEARTBEAT = 0x04
HEARTBEAT_REPLY = 0x05
EVENTS = 0x10
ACK = 0x11
STATE = 0x12
INVITE = 0x20
CANCEL = 0x21
CLERK = 0x22
SERVE = 0x23
PAUSE = 0x24
NOTICE = 0x25
TIME = 0x26
CONFIG = 0x27
QUERY = 0x28
RESEND = 0x29
UPDATE = 0x2A
SELF_TEST = 0x2B
REPLY = 0x30
BULK_OPEN = 0x40
BULK_DATA = 0x41  # raw: u32 offset, little-endian, then at most 512 bytes
BULK_CLOSE = 0x42
BULK_ACK = 0x43

FIRST_REQUEST, LAST_REQUEST = 0x20, 0x2F  # agent → terminal, one REPLY each

# Kinds of fields; a "?" behind them lets null in. U takes (least, most), B and S (shortest, longest) in bytes.
_U, _B, _S, _BOOL, _MAP, _TEXTS = "u", "b", "s", "bool", "map", "texts"
_UQ, _BQ, _SQ, _MAPQ = "u?", "b?", "s?", "map?"
_U8, _U16, _U32, _U64 = 0xFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_MAX_EVENT = 512  # bytes; evidence has at most 183, the link does not look inside

# type → (name, fields), field = (name, kind, least, most) or (name, kind, least, most, default)
TABLE = {
    HELLO: (
        "HELLO",
        (
            ("nonce", _B, 8, 8),
            ("session", _U, 1, _U8),
            ("proto_min", _U, 0, _U8),
            ("proto_max", _U, 0, _U8),
            ("utc_ms", _UQ, 0, _U64),
            ("epoch", _U, 0, _U16),
            ("seq", _U, 0, _U32),
        ),
    ),
    HELLO_REPLY: (
        "HELLO_REPLY",
        (
            ("nonce", _B, 8, 8),
            ("terminal", _S, 1, 20),
            ("board", _S, 0, 20),
            ("firmware", _S, 0, 40),
            ("proto", _U, 0, _U8),
            ("epoch", _U, 0, _U16),
            ("first", _U, 0, _U32),
            ("last", _U, 0, _U32),
            ("utc_ms", _UQ, 0, _U64),
            ("tq", _U, 0, 3),
            ("up_ms", _U, 0, _U64),
            ("caps", _TEXTS, 0, 32),
            ("tagver", _BQ, 4, 4),
            ("assets", _MAP, 0, 32),
            ("journal_id", _B, 8, 8),
            ("reason", _U, 0, _U8),
            ("proto_min", _U, 0, _U8),
            ("proto_max", _U, 0, _U8),
        ),
    ),
    NO_SESSION: ("NO_SESSION", ()),
    HEARTBEAT: ("HEARTBEAT", (("ms", _U, 0, _U64),)),
    HEARTBEAT_REPLY: ("HEARTBEAT_REPLY", (("ms", _U, 0, _U64), ("status", _MAP, 0, 64))),
    EVENTS: ("EVENTS", (("seq", _U, 1, _U32), ("age_ms", _UQ, 0, _U64), ("evidence", _B, 0, _MAX_EVENT))),
    ACK: ("ACK", (("next", _U, 1, _U32), ("bitmap", _U, 0, _U64))),
    STATE: ("STATE", (("state", _S, 1, 20), ("invite", _BQ, 16, 16), ("detail", _MAP, 0, 16))),
    INVITE: (
        "INVITE",
        (
            ("invite", _B, 16, 16),
            ("age_ms", _U, 0, _U32),
            ("ttl_ms", _U, 0, _U32),
            ("timeout_ms", _U, 0, _U32),
            ("origin", _U, 0, 3),
            ("qr", _SQ, 0, 200),
        ),
    ),
    CANCEL: ("CANCEL", (("invite", _B, 16, 16),)),
    CLERK: ("CLERK", (("clerk", _MAPQ, 0, 16),)),
    SERVE: ("SERVE", (("ticket", _S, 0, 40),)),
    PAUSE: ("PAUSE", (("paused", _BOOL, 0, 0),)),
    NOTICE: ("NOTICE", (("text", _S, 0, 600),)),
    TIME: ("TIME", (("utc_ms", _U, 0, _U64),)),
    CONFIG: ("CONFIG", (("policy", _MAP, 0, 64),)),
    QUERY: ("QUERY", ()),
    RESEND: ("RESEND", (("from", _U, 1, _U32), ("to", _U, 1, _U32))),
    UPDATE: ("UPDATE", (("manifest", _B, 32, 32),)),
    SELF_TEST: ("SELF_TEST", ()),
    REPLY: ("REPLY", (("reason", _U, 0, _U8), ("detail", _MAPQ, 0, 16))),
    BULK_OPEN: (
        "BULK_OPEN",
        (("kind", _U, 0, _U8), ("name", _S, 0, 40), ("size", _U, 0, _U32), ("sha256", _B, 32, 32)),
    ),
    BULK_CLOSE: ("BULK_CLOSE", ()),
    BULK_ACK: ("BULK_ACK", (("next", _U, 0, _U32), ("reason", _U, 0, _U8), ("held", _U, 0, _U8))),
}


def name(type_: int) -> str:
    """Return the message's name, or its number for one that is not in the table."""
    if type_ == BULK_DATA:
        return "BULK_DATA"
    entry = TABLE.get(type_)
    return entry[0] if entry else f"0x{type_:02x}"


def is_request(type_: int) -> bool:
    """Tell whether the message asks for a REPLY; also for requests of a newer peer."""
    return FIRST_REQUEST <= type_ <= LAST_REQUEST


def encode(type_: int, fields: dict) -> bytes:
    """Return the body; EVENTS takes {"events": [(seq, age_ms, evidence), …]}. MessageError names a bad field."""
    names = _fields_of(type_)
    if type_ == EVENTS:
        rows = [list(row) for row in fields.get("events", ())]
        _check_rows(rows)
    else:
        rows = []
        for field in names:
            if field[0] in fields:
                rows.append(fields[field[0]])
            elif len(field) > 4:
                rows.append(field[4])
            else:
                raise MessageError(f"{name(type_)}: no {field[0]}")
        _check(type_, names, rows)
    try:
        return cbor.encode(rows)
    except CborError as error:
        raise MessageError(f"{name(type_)}: {error}") from None


def decode(type_: int, body: bytes | bytearray | memoryview) -> dict:
    """Return the fields by name; EVENTS gives {"events": [(seq, age_ms, evidence), …]}. MessageError says why not."""
    names = _fields_of(type_)
    try:
        values = cbor.decode(body)
    except CborError as error:
        raise MessageError(f"{name(type_)}: {error}") from None
    if not isinstance(values, list):
        raise MessageError(f"{name(type_)}: the body is no array")
    if type_ == EVENTS:
        _check_rows(values)
        return {"events": [tuple(row[:3]) for row in values]}
    _check(type_, names, values)
    fields = {}
    for i, field in enumerate(names):
        fields[field[0]] = values[i]
    return fields


def _fields_of(type_: int) -> tuple:
    entry = TABLE.get(type_)
    if entry is None:
        raise MessageError(f"unknown message 0x{type_:02x}")
    return entry[1]


def _check_rows(rows: list) -> None:
    if not rows:
        raise MessageError("EVENTS: no event")
    for row in rows:
        if not isinstance(row, list):
            raise MessageError("EVENTS: an event is no array")
        _check(EVENTS, TABLE[EVENTS][1], row)


def _check(type_: int, names: tuple, values: list) -> None:
    """Raise MessageError unless the values fit; defaults are added for fields that an older peer leaves out."""
    while len(values) < len(names):
        if len(names[len(values)]) < 5:
            raise MessageError(f"{name(type_)}: {len(values)} fields of {len(names)}")
        values.append(names[len(values)][4])
    for i, field in enumerate(names):
        if not _fits(values[i], field[1], field[2], field[3]):
            raise MessageError(f"{name(type_)}: {field[0]} does not fit")


def _fits(value: object, kind: str, least: int, most: int) -> bool:
    if kind[-1] == "?":
        if value is None:
            return True
        kind = kind[:-1]
    if isinstance(value, bool):
        return kind == _BOOL
    if kind == _U:
        return isinstance(value, int) and least <= value <= most
    if kind == _B:
        return isinstance(value, (bytes, bytearray, memoryview)) and least <= len(value) <= most
    if kind == _S:
        return isinstance(value, str) and least <= len(value.encode()) <= most
    if kind == _MAP:
        return isinstance(value, dict) and len(value) <= most and all(isinstance(key, str) for key in value)
    if kind == _TEXTS:
        return isinstance(value, list) and len(value) <= most and all(isinstance(item, str) for item in value)
    return False
