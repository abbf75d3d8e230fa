"""Tokens in QR codes: what a phone brings to the city instead of a name. The agent makes them, the city checks them.

Layout, 31 bytes: u8 kind · u8 key id · u24 hour of expiry since 1970 (0: never) · 16 bytes what it is for · 10 bytes
MAC, the first of HMAC-SHA256(secret, "yiping qr/1" ‖ all before it). Written in the base-32 alphabet of RFC 4648, with
no padding: upper case keeps a code small. What it is for is an invite's id, or the hash of a window: nothing of clerk,
case or citizen can be read from it.

The secret stands in a file that agent and city share: "yiping-qr <key id> <64 hex digits>". A lost or old key is taken
out of use by its id.
"""

import base64
import binascii
import hmac
import re
import secrets
from hashlib import sha256
from pathlib import Path

import attrs

INVITE, WINDOW, PAPER = 1, 2, 3
KIND_NAMES = {INVITE: "invite", WINDOW: "window", PAPER: "paper"}
VALID_MS = 7 * 86_400_000  # article 13: a supplement within 7 days
TOKEN_CHARACTERS = 50
_HOUR_MS = 3_600_000
_ID_BYTES = 16
_MAC_BYTES = 10
_BODY_BYTES = 5 + _ID_BYTES
_CONTEXT = b"yiping qr/1"
_FILE = re.compile(r"yiping-qr ([0-9]{1,3}) ([0-9a-f]{64})\s*\Z")


class TokenError(Exception):
    """Say why a token counts for nothing; `code` is malformed, unknown_key, forged or expired."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@attrs.frozen
class Key:
    """One secret and the number by which tokens name it."""

    id: int
    secret: bytes = attrs.field(repr=False)


@attrs.frozen
class Token:
    """What a sound token says: kind, the 16 bytes it is for, and until when, UTC ms (None: for ever)."""

    kind: int
    subject: bytes
    expires_utc_ms: int | None


def new_key_text(key_id: int) -> str:
    """Return the content of a new key file."""
    return f"yiping-qr {key_id} {secrets.token_hex(32)}\n"


def read_key(path: Path) -> Key:
    """Return the key in a file.

    :raises OSError: it cannot be read; ValueError: it holds none.
    """
    found = _FILE.match(path.read_text(encoding="ascii"))
    if found is None or int(found[1]) > 255:
        raise ValueError("no line `yiping-qr <key id> <64 hex digits>`")
    return Key(int(found[1]), bytes.fromhex(found[2]))


def window_subject(centre: str, window: str) -> bytes:
    """Return the 16 bytes that stand for a window in tokens; the city computes them of each window it knows."""
    return sha256(b"yiping window\0" + centre.encode() + b"\0" + window.encode()).digest()[:_ID_BYTES]


def make(key: Key, kind: int, subject: bytes, made_utc_ms: int, valid_ms: int | None = VALID_MS) -> str:
    """Return a token; the same arguments give the same one. It is valid for the whole of its last hour."""
    hour = 0 if valid_ms is None else -(-(made_utc_ms + valid_ms) // _HOUR_MS)
    body = bytes((kind, key.id)) + hour.to_bytes(3, "big") + subject
    return base64.b32encode(body + _mac(key, body)).decode().rstrip("=")


def check(token: str, keys: dict[int, Key], now_utc_ms: int) -> Token:
    """Return what a token says.

    :raises TokenError: it counts for nothing.
    """
    raw = _raw(token)
    body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    key = keys.get(body[1])
    if key is None:
        raise TokenError("unknown_key", f"key {body[1]} is not in use here")
    if not hmac.compare_digest(_mac(key, body), mac):
        raise TokenError("forged", "the token was altered, or made with another secret")
    hour = int.from_bytes(body[2:5], "big")
    if body[0] not in KIND_NAMES:
        raise TokenError("malformed", f"kind {body[0]} is unknown")
    if hour and now_utc_ms >= hour * _HOUR_MS:
        raise TokenError("expired", "the time in which it counted is over")
    return Token(body[0], body[5:], hour * _HOUR_MS if hour else None)


def _raw(token: str) -> bytes:
    if len(token) != TOKEN_CHARACTERS:
        raise TokenError("malformed", f"a token has {TOKEN_CHARACTERS} characters, not {len(token)}")
    try:
        raw = base64.b32decode(token + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        raise TokenError("malformed", "a token has the letters A to Z and the digits 2 to 7 only") from None
    if base64.b32encode(raw).decode().rstrip("=") != token:
        raise TokenError("malformed", "the last character holds more than it may")
    return raw


def _mac(key: Key, body: bytes) -> bytes:
    return hmac.digest(key.secret, _CONTEXT + body, "sha256")[:_MAC_BYTES]
