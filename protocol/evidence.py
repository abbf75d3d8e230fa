"""One event as evidence: COSE_Encrypt0 (RFC 9052) over deterministic CBOR, sealed once at the terminal, see sealing.py.

Layout: `[ protected, {}, ciphertext ]` untagged. protected = {1: 10, 4: kid, 6: boot u32 ‖ seq u32, -65537: kind,
-65538: invite (absent without one), -65539: epoch}. Plaintext = one map with integer keys, then zero bytes up to 96.
Nonce = "YP1" ‖ epoch u16 ‖ boot u32 ‖ seq u32, big-endian; external_aad = "yiping/1".
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
# What is passed in is known by what it can do; a type for it would have to be imported on the terminal.

from hashlib import sha256

from protocol import cbor, ccm, sealing
from protocol.errors import CborError, EvidenceError
from protocol.sealing import PLAINTEXT, Sealer, event_key, plaintext

__all__ = ["PLAINTEXT", "Sealer", "event_key", "plaintext"]  # beside what is defined here

MAX_EVENT = 183  # bytes

# keys of the plaintext map; evidence_fields.py has their types
FIELD_NAMES = {
    1: "t",
    2: "tq",
    4: "up",
    5: "prev",
    6: "level",
    7: "biz",
    8: "svc",
    9: "tags",
    10: "tagver",
    11: "dwell",
    12: "n",
    13: "input",
    14: "why",
    15: "lang",
    17: "fw",
    18: "t0",
    19: "origin",
    20: "reveal",
    21: "unsealed",
}


class Clear:
    """What an event tells without its key: identity, kind and invite; beside it the parts that `open_parsed` takes."""

    def __init__(
        self,
        terminal: str,
        epoch: int,
        boot: int,
        seq: int,
        kind: int,
        invite: bytes | None,
        protected: bytes,
        ciphertext: bytes,
    ) -> None:
        self.terminal = terminal
        self.epoch = epoch
        self.boot = boot
        self.seq = seq
        self.kind = kind
        self.invite = invite
        self.protected = protected
        self.ciphertext = ciphertext


def parse(event: bytes | bytearray | memoryview) -> Clear:
    """Return the clear part, which is not yet authentic; EvidenceError if it is not written as it must be."""
    try:
        parts = cbor.decode(event)
        if not isinstance(parts, list) or len(parts) != 3 or parts[1] != {} or not isinstance(parts[0], bytes):
            raise EvidenceError("not [protected, {}, ciphertext]")
        header = cbor.decode(parts[0])
    except CborError as error:
        raise EvidenceError(f"not deterministic CBOR: {error}") from None
    if not isinstance(parts[2], bytes) or len(parts[2]) != PLAINTEXT + ccm.TAG:
        raise EvidenceError(f"ciphertext is not {PLAINTEXT + ccm.TAG} bytes")
    if not isinstance(header, dict):
        raise EvidenceError("protected header is no map")
    return _clear(header, parts[0], parts[2])


def open_event(aes: object, key: bytes, event: bytes | bytearray | memoryview) -> tuple:
    """Return (Clear, fields by integer key), both authentic; EvidenceError says what is wrong. For the host only."""
    clear = parse(event)
    return clear, open_parsed(aes, key, clear)


def open_parsed(aes: object, key: bytes, clear: Clear) -> dict:
    """Return the fields of what `parse` gave, which is authentic then; EvidenceError if not. For the host only."""
    from protocol import evidence_fields

    nonce = sealing.nonce_of(clear.epoch, clear.boot, clear.seq)
    data = ccm.open_(aes(key), nonce, clear.ciphertext, sealing.aad_of(clear.protected))
    try:
        fields, end = cbor.decode_prefix(data)
    except CborError as error:
        raise EvidenceError(f"plaintext: {error}") from None
    if data[end:] != bytes(PLAINTEXT - end):
        raise EvidenceError("plaintext: the tail is not zero")
    evidence_fields.check(fields)
    return fields


def prev_hash(event: bytes | bytearray | memoryview) -> bytes:
    """Return the 8 bytes that the next event of the epoch carries as `prev`."""
    return sha256(event).digest()[:8]


def invite_preimage(
    random16: bytes, centre: str, window: str, clerk: str | None, service_ref: str | None, utc_ms: int
) -> bytes:
    """Return the bytes whose hash is the invite id: what the rating will be about."""
    return cbor.encode([random16, centre, window, clerk, service_ref, utc_ms])


def invite_id(preimage: bytes) -> bytes:
    """Return the 16-byte invite id of a preimage."""
    return sha256(preimage).digest()[:16]


def _clear(header: dict, protected: bytes, ciphertext: bytes) -> Clear:
    kid, iv, kind = header.get(sealing.KID), header.get(sealing.PARTIAL_IV), header.get(sealing.KIND)
    invite, epoch = header.get(sealing.INVITE), header.get(sealing.EPOCH)
    if len(header) != (5 if sealing.INVITE not in header else 6) or header.get(sealing.ALG) != sealing.ALGORITHM:
        raise EvidenceError("protected header has other labels or another algorithm")
    if not isinstance(kid, bytes) or not 1 <= len(kid) <= sealing.MAX_KID or not all(33 <= byte <= 126 for byte in kid):
        raise EvidenceError("kid is no terminal id")
    if not isinstance(iv, bytes) or len(iv) != 8:
        raise EvidenceError("Partial IV is not boot and seq")
    kind, epoch = _u16(kind), _u16(epoch)
    if sealing.INVITE in header and (not isinstance(invite, bytes) or len(invite) != 16):
        raise EvidenceError("invite is not 16 bytes")
    boot, seq = int.from_bytes(iv[:4], "big"), int.from_bytes(iv[4:], "big")
    return Clear(kid.decode(), epoch, boot, seq, kind, invite, protected, ciphertext)


def _u16(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFFFF:
        raise EvidenceError("kind or epoch is no small integer")
    return value
