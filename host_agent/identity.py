"""Seals a citizen's identity to the city's key before anything keeps it: RSAES-OAEP with SHA-256 (RFC 8017 §7.1.1).

Promise: what leaves `seal` can be read by the city's private key alone, and its length is the key's, whatever it holds;
without a key nothing leaves it: the identity is dropped, counted and told as a warning. Pure Python: the core has no
compiled package. Sealed: the deterministic CBOR of the map of what was given, text keys as in `FIELDS`.
"""

import hashlib
import logging
import secrets
from typing import Any

from host_agent import public_key
from host_agent.config_model import Config
from host_agent.faults import Fault, fault
from host_agent.public_key import PublicKey
from protocol import cbor

LABEL = b"yiping identity/1"
FIELDS = ("user_name", "user_prop", "certkey_gov", "mobile")
HASH_BYTES = 32
# What fits under the smallest key that is taken (RFC 8017 §7.1.1: k - 2 hLen - 2); larger keys allow no more.
PLAIN_LIMIT_BYTES = public_key.MIN_BITS // 8 - 2 * HASH_BYTES - 2
DROPPED = "identity_dropped"
CONFIG_KEY = "privacy.identity_key_file"

_log = logging.getLogger(__name__)


class IdentitySealer:
    """Own the city's key and the count of what was dropped for want of it; belongs to the event loop."""

    def __init__(self, config: Config) -> None:
        """Read the key.

        :raises UserError: the configured file holds none.
        """
        path = config.privacy.identity_key_file
        self._key = None if path is None else public_key.read(path, f"{config.path}: {CONFIG_KEY}")
        self.dropped = 0

    def seal(self, identity: dict[str, str]) -> bytes | None:
        """Return an identity sealed; None without a key: it is then dropped and counted.

        :raises ValueError: it is too long (`PLAIN_LIMIT_BYTES` of CBOR).
        """
        plain = cbor.encode(identity)
        if len(plain) > PLAIN_LIMIT_BYTES:
            raise ValueError("the identity is too long")
        if self._key is None:
            if not self.dropped:
                _log.warning("an identity was dropped: %s is not set", CONFIG_KEY)
            self.dropped += 1
            return None
        return encrypt(self._key, plain)

    def faults(self) -> list[Fault]:
        """Return none: a rating needs no identity."""
        return []

    def warnings(self) -> list[Fault]:
        """Return that identities are dropped, while they are."""
        if not self.dropped:
            return []
        what = f"counter software sent {_times(self.dropped)} since the start, and none was kept"
        return [fault(DROPPED, f"{what}: set {CONFIG_KEY} to the city's public key, or have them not sent")]

    def view(self) -> dict[str, Any]:
        """Return what the status shows: which key is used, and how many identities were dropped since the start."""
        return {
            "identity_key": self._key.fingerprint if self._key is not None else None,
            "identities_dropped": self.dropped,
        }


def encrypt(key: PublicKey, message: bytes, label: bytes = LABEL) -> bytes:
    """Return RSAES-OAEP with SHA-256 and MGF1 of a message, as long as the key (RFC 8017 §7.1.1).

    :raises ValueError: the message is too long for the key.
    """
    return _encrypt(key, message, label, secrets.token_bytes(HASH_BYTES))


def _encrypt(key: PublicKey, message: bytes, label: bytes, seed: bytes) -> bytes:
    """Encrypt with a given seed, which must never be used twice."""
    size = key.size_bytes
    padding = size - len(message) - 2 * HASH_BYTES - 2
    if padding < 0:
        raise ValueError("message too long")
    block = hashlib.sha256(label).digest() + bytes(padding) + b"\x01" + message
    masked = _xor(block, mask(seed, len(block)))
    encoded = b"\0" + _xor(seed, mask(masked, HASH_BYTES)) + masked
    return pow(int.from_bytes(encoded, "big"), key.exponent, key.modulus).to_bytes(size, "big")


def mask(seed: bytes, size: int) -> bytes:
    """Return MGF1 with SHA-256 (RFC 8017 §B.2.1)."""
    count = -(-size // HASH_BYTES)
    return b"".join(hashlib.sha256(seed + number.to_bytes(4, "big")).digest() for number in range(count))[:size]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))


def _times(count: int) -> str:
    return "a citizen's identity" if count == 1 else f"{count} citizens' identities"
