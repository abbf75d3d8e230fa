"""Evidence: byte-identical to events sealed by another library, and every alteration is noticed."""

from protocol import cbor, ccm, evidence
from protocol.errors import EvidenceError
from tests.both.support import Raises, aes, vectors

KEY = bytes(range(16))
INVITE = b"0123456789abcdef"


def _check_chain(index: int) -> None:
    chain = vectors("evidence.json")["chains"][index]
    secret, epoch = bytes.fromhex(chain["secret"]), chain["epoch"]
    key = evidence.event_key(secret, epoch)
    sealer = evidence.Sealer(aes, key, chain["terminal_id"], epoch)
    prev = None
    for case in chain["events"]:
        event, plaintext = bytes.fromhex(case["event"]), bytes.fromhex(case["plaintext"])
        invite = bytes.fromhex(case["invite"]) or None
        clear, fields = evidence.open_event(aes, key, event)
        assert (clear.terminal, clear.epoch) == (chain["terminal_id"], epoch)
        assert (clear.boot, clear.seq, clear.kind) == (case["boot"], case["seq"], case["kind"])
        assert clear.invite == invite
        assert evidence.plaintext(fields) == plaintext
        assert sealer.seal(case["kind"], invite, case["boot"], case["seq"], fields) == event
        assert len(event) <= evidence.MAX_EVENT
        if prev is not None:
            assert fields[5] == prev
        prev = evidence.prev_hash(event)


def test_evidence_vectors_first_chain():
    _check_chain(0)


def test_evidence_vectors_second_chain():
    _check_chain(1)


def test_evidence_vectors_third_chain():
    _check_chain(2)
    assert len(vectors("evidence.json")["chains"]) == 3


def _event(**changes: object) -> bytes:
    sealer = evidence.Sealer(aes, KEY, "YP-0001", 1)
    fields = {1: 1790000000000, 2: 3, 4: 5000, 5: bytes(8), 6: 5}
    return sealer.seal(changes.get("kind", 1), INVITE, changes.get("boot", 3), changes.get("seq", 9), fields)


def test_evidence_header_is_the_encoding_of_its_map():
    for kid, epoch, kind, invite in (
        ("Y", 1, 1, INVITE),
        ("YP-000001-C-long-id", 65_535, 200, None),
        ("A" * 20, 300, 24, INVITE),
    ):
        event = evidence.Sealer(aes, KEY, kid, epoch).seal(kind, invite, 70_000, 9, {1: 1})
        header = {
            1: 10,
            4: kid.encode(),
            6: (70_000).to_bytes(4, "big") + (9).to_bytes(4, "big"),
            -65537: kind,
            -65539: epoch,
        }
        if invite is not None:
            header[-65538] = invite
        assert cbor.decode(event)[0] == cbor.encode(header)


def test_evidence_refuses_an_invite_of_another_length():
    with Raises(EvidenceError):
        evidence.Sealer(aes, KEY, "YP-0001", 1).seal(1, INVITE[:15], 1, 1, {1: 1})


def test_evidence_parse_needs_no_key():
    clear = evidence.parse(_event())
    assert (clear.terminal, clear.epoch, clear.boot, clear.seq, clear.kind) == ("YP-0001", 1, 3, 9, 1)
    assert clear.invite == INVITE


def test_evidence_any_flipped_bit_is_noticed():
    event = _event()
    for at in range(len(event)):
        bad = bytearray(event)
        bad[at] ^= 1 << at % 8
        with Raises(EvidenceError):
            evidence.open_event(aes, KEY, bad)


def test_evidence_other_key_is_noticed():
    with Raises(EvidenceError, "tag"):
        evidence.open_event(aes, bytes(16), _event())


def test_evidence_cut_or_longer_is_refused():
    event = _event()
    for bad in (b"", event[:-1], event + b"\x00", event[1:], b"\x80", b"\x83\x40\xa0\x40"):
        with Raises(EvidenceError):
            evidence.parse(bad)


def _seal_by_hand(header: dict, plaintext: bytes, unprotected: object = None) -> bytes:
    protected = cbor.encode(header)
    nonce = b"YP1" + header.get(-65539, 0).to_bytes(2, "big") + (header.get(6, b"") + bytes(8))[:8]
    aad = cbor.encode(["Encrypt0", protected, b"yiping/1"])
    return cbor.encode([protected, unprotected or {}, ccm.seal(aes(KEY), nonce, plaintext, aad)])


def _header(**changes: object) -> dict:
    header = {1: 10, 4: b"YP-0001", 6: bytes(8), -65537: 1, -65539: 1}
    header.update(changes.get("labels", {}))
    for label in changes.get("without", ()):
        del header[label]
    return header


def test_evidence_sound_seal_by_hand_opens():
    clear, fields = evidence.open_event(aes, KEY, _seal_by_hand(_header(), evidence.plaintext({6: 1, 999: "new"})))
    assert clear.invite is None
    assert fields == {6: 1, 999: "new"}


def test_evidence_foreign_headers_are_refused():
    plaintext = evidence.plaintext({})
    for labels in (
        {1: 1},
        {4: b""},
        {4: b"X" * 21},
        {4: b"a b"},
        {4: "text"},
        {6: bytes(7)},
        {-65537: -1},
        {-65537: True},
        {-65537: 65536},
        {-65538: bytes(15)},
        {-65538: None},
        {2: [6]},
        {99: 0},
    ):
        with Raises(EvidenceError):
            evidence.parse(_seal_by_hand(_header(labels=labels), plaintext))
    for label in (1, 4, -65537, -65539):
        with Raises(EvidenceError):
            evidence.parse(_seal_by_hand(_header(without=(label,)), plaintext))
    with Raises(EvidenceError):
        evidence.parse(_seal_by_hand(_header(), plaintext, unprotected={1: 1}))
    with Raises(EvidenceError):
        evidence.parse(_seal_by_hand(_header(), plaintext[:-1]))


def test_evidence_foreign_plaintext_is_refused():
    for plaintext in (
        evidence.plaintext({6: 5})[:-1] + b"\x01",  # tail not zero
        b"\xa2\x06\x05\x02\x03" + bytes(91),  # keys not in order
        b"\x81\x06" + bytes(94),  # no map
        evidence.plaintext({6: 6}),
        evidence.plaintext({6: 0}),
        evidence.plaintext({6: True}),
        evidence.plaintext({7: "5"}),
        evidence.plaintext({2: 4}),
        evidence.plaintext({5: bytes(7)}),
        evidence.plaintext({9: [517, 510]}),
        evidence.plaintext({9: [510, 510]}),
        evidence.plaintext({9: [1, 2, 3, 4, 5, 6, 7, 8, 9]}),
        evidence.plaintext({15: "zho"}),
        evidence.plaintext({20: False}),
        evidence.plaintext({-1: 1}),
        evidence.plaintext({"k": 1}),
    ):
        with Raises(EvidenceError):
            evidence.open_event(aes, KEY, _seal_by_hand(_header(), plaintext))


def test_evidence_plaintext_is_always_96_bytes():
    assert len(evidence.plaintext({})) == len(evidence.plaintext({17: "x" * 40})) == 96
    with Raises(EvidenceError, "96"):
        evidence.plaintext({17: "x" * 93})


def test_evidence_longest_event_is_the_constant():
    sealer = evidence.Sealer(aes, KEY, "X" * 20, 65535)
    assert len(sealer.seal(65535, INVITE, 0xFFFFFFFF, 0xFFFFFFFF, {})) == evidence.MAX_EVENT


def test_evidence_terminal_id_too_long_is_refused():
    for kid in ("", "X" * 21):
        with Raises(EvidenceError):
            evidence.Sealer(aes, KEY, kid, 1)


def test_evidence_invite_id_depends_on_every_part():
    parts = [bytes(16), "C01", "W01", "007", "A1", 1790000000000]
    preimage = evidence.invite_preimage(*parts)
    assert cbor.decode(preimage) == parts
    first = evidence.invite_id(preimage)
    assert len(first) == 16
    for i, other in enumerate((bytes(15) + b"\x01", "C02", "W02", "008", None, 1790000000001)):
        assert evidence.invite_id(evidence.invite_preimage(*(parts[:i] + [other] + parts[i + 1 :]))) != first


def test_ccm_packet_vector_1_of_rfc_3610():
    key = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
    nonce = bytes.fromhex("00000003020100a0a1a2a3a4a5")
    aad = bytes(range(8))
    plaintext = bytes(range(8, 31))
    sealed = bytes.fromhex("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0")
    assert ccm.seal(aes(key), nonce, plaintext, aad) == sealed
    assert ccm.open_(aes(key), nonce, sealed, aad) == plaintext
    with Raises(EvidenceError):
        ccm.open_(aes(key), nonce, sealed[:7], aad)
