"""Signatures of bundles: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2) and 3072 bits, e = 65537.

Checked with Python's own integers, as the terminal does, so that no compiled package is needed for it.
"""

import hashlib

KEY_BYTES = 384
EXPONENT = 65_537
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, section 9.2, note 1


def is_signed(modulus: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature of a message is that of the key with this modulus."""
    if len(modulus) != KEY_BYTES or len(signature) != KEY_BYTES:
        return False
    number, of = int.from_bytes(signature, "big"), int.from_bytes(modulus, "big")
    if number >= of:
        return False
    return pow(number, EXPONENT, of).to_bytes(KEY_BYTES, "big") == _padded(message)


def fingerprint(modulus: bytes) -> str:
    """Return the 16 hex digits by which people compare keys: the start of SHA-256 over the modulus."""
    return hashlib.sha256(modulus).hexdigest()[:16]


def _padded(message: bytes) -> bytes:
    end = _DIGEST_INFO + hashlib.sha256(message).digest()
    return b"\x00\x01" + b"\xff" * (KEY_BYTES - len(end) - 3) + b"\x00" + end
