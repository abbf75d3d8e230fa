"""The message table: each message both ways, a newer peer's extra fields, and what is refused."""

from protocol import cbor, messages
from protocol.errors import MessageError
from tests.both.support import Raises

NONCE = b"12345678"
INVITE = b"0123456789abcdef"

SAMPLES = (
    (
        messages.HELLO,
        {"nonce": NONCE, "session": 7, "proto_min": 1, "proto_max": 1, "utc_ms": None, "epoch": 1, "seq": 0},
    ),
    (
        messages.HELLO_REPLY,
        {
            "nonce": NONCE,
            "terminal": "YP-0001",
            "board": "k5",
            "firmware": "0.1.0",
            "proto": 1,
            "epoch": 1,
            "first": 1,
            "last": 0,
            "utc_ms": 1790000000000,
            "tq": 1,
            "up_ms": 4711,
            "caps": ["resend"],
            "tagver": None,
            "assets": {"glyphs": b"\x01\x02"},
            "journal_id": b"JJJJJJJJ",
            "reason": 0,
            "proto_min": 1,
            "proto_max": 1,
        },
    ),
    (messages.NO_SESSION, {}),
    (messages.HEARTBEAT, {"ms": 12}),
    (messages.HEARTBEAT_REPLY, {"ms": 12, "status": {"state": "idle", "queue": 0, "clerk": None}}),
    (messages.EVENTS, {"events": [(1, None, b"\x83"), (2, 15, b"")]}),
    (messages.ACK, {"next": 3, "bitmap": 0xFFFFFFFFFFFFFFFF}),
    (messages.STATE, {"state": "invited", "invite": INVITE, "detail": {}}),
    (
        messages.INVITE,
        {"invite": INVITE, "age_ms": 0, "ttl_ms": 10000, "timeout_ms": 0, "origin": 1, "qr": "HTTPS://X/1"},
    ),
    (messages.CANCEL, {"invite": INVITE}),
    (messages.CLERK, {"clerk": None}),
    (messages.CLERK, {"clerk": {"number": "007", "name": "李雷", "post": "综合受理", "stars": 5}}),
    (messages.SERVE, {"ticket": "A012"}),
    (messages.PAUSE, {"paused": True}),
    (messages.NOTICE, {"text": "今日办公至 17:00"}),
    (messages.TIME, {"utc_ms": 1790000000000}),
    (messages.CONFIG, {"policy": {"invite_ms": 60000, "elder": False, "local_invite": "offline"}}),
    (messages.QUERY, {}),
    (messages.RESEND, {"from": 1, "to": 64}),
    (messages.UPDATE, {"manifest": bytes(32)}),
    (messages.SELF_TEST, {}),
    (messages.REPLY, {"reason": 7, "detail": None}),
    (messages.BULK_OPEN, {"kind": 1, "name": "007", "size": 21605, "sha256": bytes(32)}),
    (messages.BULK_CLOSE, {}),
    (messages.BULK_ACK, {"next": 512, "reason": 0, "held": 3}),
)


def test_messages_each_comes_back():
    seen = set()
    for type_, fields in SAMPLES:
        seen.add(type_)
        body = messages.encode(type_, fields)
        assert body[0] >> 5 == 4, "an array"
        assert messages.decode(type_, body) == fields, messages.name(type_)
        assert messages.decode(type_, memoryview(body)) == fields
    assert seen == set(messages.TABLE)


def test_messages_body_is_an_array_in_table_order():
    assert messages.encode(messages.RESEND, {"to": 9, "from": 2}) == b"\x82\x02\x09"
    assert messages.encode(messages.EVENTS, {"events": [[1, None, b"x"]]}) == b"\x81\x83\x01\xf6\x41x"
    assert messages.encode(messages.NO_SESSION, {}) == b"\x80"


def test_messages_more_fields_of_a_newer_peer_are_ignored():
    for type_, fields in SAMPLES:
        values = cbor.decode(messages.encode(type_, fields))
        if type_ == messages.EVENTS:
            values = [row + ["new"] for row in values]
        else:
            values = values + ["new", {"x": 1}]
        assert messages.decode(type_, cbor.encode(values)) == fields


def test_messages_field_of_a_later_version_has_its_default_where_an_older_peer_leaves_it_out():
    messages.TABLE[0x7E] = ("LATER", (("a", "u", 0, 9), ("b", "u?", 0, 9, None), ("c", "u", 0, 9, 5)))
    try:
        assert messages.decode(0x7E, cbor.encode([1])) == {"a": 1, "b": None, "c": 5}
        assert messages.decode(0x7E, cbor.encode([1, 2])) == {"a": 1, "b": 2, "c": 5}
        assert messages.encode(0x7E, {"a": 1}) == cbor.encode([1, None, 5])
        for body in ([], [1, 10], [1, 2, None]):
            try:
                messages.decode(0x7E, cbor.encode(body))
                raise AssertionError(body)
            except MessageError:
                pass
    finally:
        del messages.TABLE[0x7E]


def test_messages_missing_fields_are_refused():
    for type_, fields in SAMPLES:
        if not fields:
            continue
        values = cbor.decode(messages.encode(type_, fields))
        with Raises(MessageError, messages.name(type_)):
            messages.decode(type_, cbor.encode(values[:-1] if type_ != messages.EVENTS else [values[0][:2]]))
        for field in fields:
            with Raises(MessageError):
                messages.encode(type_, {key: value for key, value in fields.items() if key != field})


def test_messages_a_field_of_another_type_is_refused():
    for type_, fields in SAMPLES:
        if type_ == messages.EVENTS:
            continue
        for field in fields:
            changed = dict(fields)
            changed[field] = [1.5] if field != "caps" else "text"
            with Raises(MessageError):
                messages.encode(type_, changed)
        values = cbor.decode(messages.encode(type_, fields))
        for i in range(len(values)):
            with Raises(MessageError):
                messages.decode(type_, cbor.encode(values[:i] + [[0]] + values[i + 1 :]))


def test_messages_values_outside_their_limits_are_refused():
    for type_, field, value in (
        (messages.HELLO, "session", 0),
        (messages.HELLO, "session", 256),
        (messages.HELLO, "session", True),
        (messages.HELLO, "nonce", b"1234567"),
        (messages.HELLO, "seq", 1 << 32),
        (messages.HELLO, "epoch", -1),
        (messages.HELLO_REPLY, "terminal", "X" * 21),
        (messages.HELLO_REPLY, "terminal", ""),
        (messages.HELLO_REPLY, "tagver", b"123"),
        (messages.HELLO_REPLY, "assets", {1: b""}),
        (messages.HELLO_REPLY, "caps", [1]),
        (messages.INVITE, "invite", b"short"),
        (messages.INVITE, "qr", "Q" * 201),
        (messages.PAUSE, "paused", 1),
        (messages.NOTICE, "text", "字" * 201),
        (messages.RESEND, "from", 0),
        (messages.BULK_OPEN, "name", "字" * 14),
        (messages.BULK_OPEN, "size", 1 << 32),
        (messages.BULK_OPEN, "sha256", bytes(31)),
        (messages.BULK_ACK, "held", 256),
    ):
        fields = {}
        for sample_type, sample in SAMPLES:
            if sample_type == type_:
                fields = dict(sample)
        fields[field] = value
        with Raises(MessageError, field):
            messages.encode(type_, fields)


def test_messages_events_without_a_sound_row_are_refused():
    for values in ([], [1], [[0, None, b""]], [[1, -1, b""]], [[1, None, "text"]], [[1, None, b"x" * 513]], {}):
        with Raises(MessageError):
            messages.decode(messages.EVENTS, cbor.encode(values))


def test_messages_unknown_type_and_broken_cbor_are_refused():
    with Raises(MessageError, "0x7f"):
        messages.decode(0x7F, b"\x80")
    for body in (b"", b"\xff", b"\x82\x01", b"\x01", b"\xa0", b"\x80\x00"):
        with Raises(MessageError):
            messages.decode(messages.HEARTBEAT, body)


def test_messages_requests_are_the_ones_with_a_reply():
    requests = [type_ for type_ in sorted(messages.TABLE) if messages.is_request(type_)]
    assert [messages.name(type_) for type_ in requests] == [
        "INVITE",
        "CANCEL",
        "CLERK",
        "SERVE",
        "PAUSE",
        "NOTICE",
        "TIME",
        "CONFIG",
        "QUERY",
        "RESEND",
        "UPDATE",
        "SELF_TEST",
    ]
    assert messages.is_request(0x2F) and not messages.is_request(messages.REPLY)
