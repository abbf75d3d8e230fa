"""Other people's libraries agree: cobs with ours, cbor2 with ours, pycose opens what we seal and we open its."""

import zlib
from hashlib import sha256
from hmac import digest

import cbor2
import pytest
from cobs import cobs as other_cobs
from hypothesis import given, settings
from hypothesis import strategies as st
from pycose.algorithms import AESCCM1664128
from pycose.headers import IV, KID, Algorithm, PartialIV
from pycose.keys import SymmetricKey
from pycose.messages import Enc0Message

from protocol import cbor, cobs, evidence, frame
from protocol.errors import CborError, EvidenceError, FrameError
from tests.both.support import aes

RUNS = settings(max_examples=200, deadline=None, print_blob=True)

KEYS = st.one_of(st.integers(-(1 << 64), (1 << 64) - 1), st.binary(max_size=30), st.text(max_size=30))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), KEYS),
    lambda inner: st.one_of(st.lists(inner, max_size=30), st.dictionaries(KEYS, inner, max_size=30)),
    max_leaves=30,
)


def _depth(obj: object) -> int:
    if isinstance(obj, dict):
        return 1 + max((_depth(value) for value in obj.values()), default=0)
    if isinstance(obj, list):
        return 1 + max((_depth(value) for value in obj), default=0)
    return 0


@given(st.one_of(st.binary(max_size=700), st.lists(st.sampled_from([0, 1, 255]), max_size=700).map(bytes)))
@RUNS
def test_cobs_agrees_with_the_cobs_package(data: bytes) -> None:
    encoded = cobs.encode(data)
    assert encoded == other_cobs.encode(data)
    assert cobs.decode(encoded) == data


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from([0, 1, 2, 3, 254, 255]), max_size=300).map(bytes)))
@RUNS
def test_cobs_refuses_what_the_cobs_package_refuses(data: bytes) -> None:
    try:
        expected = other_cobs.decode(data)
    except other_cobs.DecodeError:
        with pytest.raises(FrameError):
            cobs.decode(data)
    else:
        assert cobs.decode(data) == expected


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=frame.MAX_BODY))
@RUNS
def test_frame_is_what_a_stranger_would_build(type_: int, session: int, id_: int, body: bytes) -> None:
    raw = bytes([type_, session, id_]) + body
    expected = b"\x00" + other_cobs.encode(raw + zlib.crc32(raw).to_bytes(4, "little")) + b"\x00"
    assert frame.encode(type_, session, id_, body) == expected
    assert frame.Reader().feed(expected) == [(type_, session, id_, body)]


@given(VALUES.filter(lambda obj: _depth(obj) <= cbor.MAX_DEPTH))
@RUNS
def test_cbor_agrees_with_cbor2(obj: object) -> None:
    encoded = cbor.encode(obj)
    assert cbor2.loads(encoded) == obj
    assert cbor.decode(encoded) == obj
    # cbor2's canonical form sorts keys by length first (RFC 7049); ours bytewise (RFC 8949): equal without maps.
    if not _has_map(obj):
        assert cbor2.dumps(obj, canonical=True) == encoded


def _has_map(obj: object) -> bool:
    return isinstance(obj, dict) or (isinstance(obj, list) and any(_has_map(item) for item in obj))


@given(st.binary(max_size=40))
@settings(RUNS, max_examples=1000)
def test_cbor_accepted_bytes_mean_the_same_to_cbor2(data: bytes) -> None:
    try:
        obj = cbor.decode(data)
    except CborError:
        return
    assert cbor2.loads(data) == obj
    assert cbor.encode(obj) == data, "what is accepted is the one deterministic encoding"


@given(VALUES.filter(lambda obj: _depth(obj) <= cbor.MAX_DEPTH), st.data())
@RUNS
def test_cbor_mutated_bytes_are_refused_or_still_deterministic(obj: object, data: st.DataObject) -> None:
    encoded = bytearray(cbor.encode(obj))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        back = cbor.decode(encoded)
    except CborError:
        return
    assert cbor.encode(back) == encoded


SECRET = bytes(range(32))
FIELDS = st.fixed_dictionaries(
    {2: st.integers(0, 3), 4: st.integers(0, 1 << 40), 5: st.binary(min_size=8, max_size=8)},
    optional={
        1: st.integers(0, 1 << 42),
        6: st.integers(1, 5),
        7: st.integers(1, 5),
        9: st.lists(st.integers(100, 599), max_size=8, unique=True).map(sorted),
        11: st.integers(0, 200000),
        13: st.sampled_from([1, 2]),
        15: st.sampled_from(["zh", "en", "ko"]),
        20: st.just(True),
    },
)
IDENTITY = {
    "kid": st.text("ABCXYZ019-", min_size=1, max_size=20),
    "epoch": st.integers(0, 0xFFFF),
    "boot": st.integers(0, 0xFFFFFFFF),
    "seq": st.integers(0, 0xFFFFFFFF),
    "kind": st.integers(0, 26),
    "invite": st.one_of(st.none(), st.binary(min_size=16, max_size=16)),
    "fields": FIELDS,
}


def _key(epoch: int) -> bytes:
    return digest(SECRET, b"yiping event key" + epoch.to_bytes(2, "big"), sha256)[:16]


def _iv(epoch: int, boot: int, seq: int) -> bytes:
    return b"YP1" + epoch.to_bytes(2, "big") + boot.to_bytes(4, "big") + seq.to_bytes(4, "big")


@given(**IDENTITY)
@settings(RUNS, max_examples=200)
def test_pycose_opens_what_we_seal(
    kid: str, epoch: int, boot: int, seq: int, kind: int, invite: bytes | None, fields: dict
) -> None:
    sealer = evidence.Sealer(aes, evidence.event_key(SECRET, epoch), kid, epoch)
    event = sealer.seal(kind, invite, boot, seq, fields)
    assert len(event) <= evidence.MAX_EVENT
    message = Enc0Message.from_cose_obj(cbor2.loads(event), True)
    message.external_aad = b"yiping/1"
    message.key = SymmetricKey(_key(epoch))
    message.uhdr_update({IV: _iv(epoch, boot, seq)})
    plaintext = message.decrypt()
    assert len(plaintext) == 96
    assert cbor2.loads(plaintext.rstrip(b"\x00") + bytes(96)) == fields
    assert message.phdr[KID] == kid.encode()
    assert message.phdr[PartialIV] == boot.to_bytes(4, "big") + seq.to_bytes(4, "big")
    assert message.phdr[Algorithm] == AESCCM1664128
    header = cbor2.loads(cbor2.loads(event)[0])
    assert header[-65537] == kind and header[-65539] == epoch and header.get(-65538) == invite


@given(**IDENTITY)
@settings(RUNS, max_examples=200)
def test_we_open_what_pycose_seals(
    kid: str, epoch: int, boot: int, seq: int, kind: int, invite: bytes | None, fields: dict
) -> None:
    header = {1: 10, 4: kid.encode(), 6: boot.to_bytes(4, "big") + seq.to_bytes(4, "big"), -65537: kind, -65539: epoch}
    if invite is not None:
        header[-65538] = invite
    protected = cbor.encode(header)
    data = cbor.encode(fields)
    # pycose's own encoder orders no private labels, so its AES-CCM runs over our protected bytes
    aad = cbor2.dumps(["Encrypt0", protected, b"yiping/1"])
    plaintext = data + bytes(96 - len(data))
    sealed = AESCCM1664128.encrypt(SymmetricKey(_key(epoch)), _iv(epoch, boot, seq), plaintext, aad)
    event = cbor.encode([protected, {}, sealed])
    clear, opened = evidence.open_event(aes, evidence.event_key(SECRET, epoch), event)
    assert opened == fields
    assert (clear.terminal, clear.epoch, clear.boot, clear.seq) == (kid, epoch, boot, seq)
    assert (clear.kind, clear.invite) == (kind, invite)


@given(st.data())
@settings(RUNS, max_examples=600)
def test_altered_event_never_opens(data: st.DataObject) -> None:
    sealer = evidence.Sealer(aes, evidence.event_key(SECRET, 1), "YP-0001", 1)
    event = bytearray(sealer.seal(1, bytes(16), 3, 9, {2: 1, 4: 5, 5: bytes(8), 6: 5}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(event) - 1))
        event[at] = data.draw(st.integers(0, 255))
    if bytes(event) == sealer.seal(1, bytes(16), 3, 9, {2: 1, 4: 5, 5: bytes(8), 6: 5}):
        return
    with pytest.raises(EvidenceError):
        evidence.open_event(aes, evidence.event_key(SECRET, 1), event)
