"""Seal events: the half of evidence.py that a terminal carries. The layout is told there.

A terminal never opens an event, so it never loads the other half.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
# What is passed in is known by what it can do; a type for it would have to be imported on the terminal.

from hashlib import sha256

from protocol import cbor, ccm
from protocol.errors import EvidenceError

PLAINTEXT = 96  # bytes, for every kind: the length tells nothing
EXTERNAL_AAD = b"yiping/1"
ALGORITHM = 10  # AES-CCM-16-64-128, RFC 9053 section 4.2
MAX_KID = 20

# labels of the protected header
ALG, KID, PARTIAL_IV, KIND, INVITE, EPOCH = 1, 4, 6, -65537, -65538, -65539
# Heads of the pairs that change, as they stand in the header: it is put together, which takes a third of the time that
# encoding a map does.
_WITHOUT_INVITE, _WITH_INVITE = b"\xa5", b"\xa6"  # a map of five pairs, and of six
_PARTIAL_IV_OF_8, _KIND, _INVITE_OF_16 = b"\x06\x48", b"\x3a\x00\x01\x00\x00", b"\x3a\x00\x01\x00\x01\x50"


class Sealer:
    """Seal the events of one terminal and epoch; `aes` as in ccm."""

    def __init__(self, aes: object, key: bytes, kid: str, epoch: int) -> None:
        self._cipher = aes(key)
        self._epoch = epoch
        if not 1 <= len(kid.encode()) <= MAX_KID:
            raise EvidenceError(f"terminal id must have 1 to {MAX_KID} bytes")
        self._first = cbor.encode({ALG: ALGORITHM, KID: kid.encode()})[1:] + _PARTIAL_IV_OF_8
        self._last = cbor.encode({EPOCH: epoch})[1:]

    def seal(self, kind: int, invite: bytes | None, boot: int, seq: int, fields: dict) -> bytes:
        """Return the event's bytes; never give (boot, seq) twice with other fields. EvidenceError if too long."""
        if invite is not None and len(invite) != 16:
            raise EvidenceError(f"an invite id of {len(invite)} bytes, not 16")
        protected = (
            (_WITHOUT_INVITE if invite is None else _WITH_INVITE)
            + self._first
            + boot.to_bytes(4, "big")
            + seq.to_bytes(4, "big")
            + _KIND
            + cbor.encode(kind)
            + (b"" if invite is None else _INVITE_OF_16 + invite)
            + self._last
        )
        nonce = nonce_of(self._epoch, boot, seq)
        return cbor.encode([protected, {}, ccm.seal(self._cipher, nonce, plaintext(fields), aad_of(protected))])


def event_key(secret: bytes, epoch: int) -> bytes:
    """Return the 16-byte AES key of an epoch from the terminal's 32-byte secret."""
    return _hmac_sha256(secret, b"yiping event key" + epoch.to_bytes(2, "big"))[:16]


def plaintext(fields: dict) -> bytes:
    """Return the 96 bytes that are sealed; EvidenceError if the fields do not fit."""
    data = cbor.encode(fields)
    if len(data) > PLAINTEXT:
        raise EvidenceError(f"{len(data)} bytes of fields, at most {PLAINTEXT} fit")
    return data + bytes(PLAINTEXT - len(data))


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104, for keys of at most one block (64 bytes)."""
    padded = key + bytes(64 - len(key))
    inner = sha256(bytes([byte ^ 0x36 for byte in padded]) + message).digest()
    return sha256(bytes([byte ^ 0x5C for byte in padded]) + inner).digest()


def nonce_of(epoch: int, boot: int, seq: int) -> bytes:
    """Return the 13 bytes that are never used twice with one key."""
    return b"YP1" + epoch.to_bytes(2, "big") + boot.to_bytes(4, "big") + seq.to_bytes(4, "big")


def aad_of(protected: bytes) -> bytes:
    """Return the Enc_structure of RFC 9052 section 5.3."""
    return cbor.encode(["Encrypt0", protected, EXTERNAL_AAD])
