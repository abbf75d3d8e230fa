"""Seals what the city's registry must learn to the city's public key, so that nobody on the way can read a secret.

A record is a JSON object that everybody may read, and `sealed`: RSAES-OAEP with SHA-256 and the label
"yiping registry/1" (RFC 8017 §7.1.1) of the deterministic CBOR map
{"proof": 16 random bytes, "public": SHA-256 of `public_bytes`, "secret": 32 bytes; absent where there is none}.
`public` binds both parts; whoever shows `proof` has opened the record.
"""

import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs

from host_agent.identity import encrypt
from host_agent.public_key import PublicKey
from protocol import cbor
from protocol.errors import CborError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

LABEL = b"yiping registry/1"
PROOF_BYTES = 16
SECRET_BYTES = 32


class SealedError(ValueError):
    """Say why a sealed part is not the city's, or not this record's."""


@attrs.frozen
class Opened:
    """What a record held for the city alone."""

    proof: bytes = attrs.field(repr=False)
    secret: bytes | None = attrs.field(repr=False)


def public_bytes(public: dict[str, Any]) -> bytes:
    """Return the bytes that stand for a record's open part: JSON in UTF-8, keys sorted, no spaces."""
    return json.dumps(public, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def seal(city: PublicKey, public: dict[str, Any], secret: bytes | None) -> tuple[bytes, bytes]:
    """Return the sealed part, and the SHA-256 by which its proof is known again."""
    proof = secrets.token_bytes(PROOF_BYTES)
    plain: dict[str, bytes] = {"proof": proof, "public": sha256(public_bytes(public)).digest()}
    if secret is not None:
        plain["secret"] = secret
    return encrypt(city, cbor.encode(plain), LABEL), sha256(proof).digest()


def unseal(key: "RSAPrivateKey", public: dict[str, Any], sealed: bytes) -> Opened:
    """Return what was sealed beside the open part.

    :raises SealedError: it was sealed to another key, is damaged, or belongs to another record.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        plain = key.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), LABEL))
        values = cbor.decode(plain)
    except (ValueError, CborError):
        raise SealedError("it was sealed to another key, or is damaged") from None
    if not isinstance(values, dict):
        raise SealedError("what was sealed is no record of a terminal")
    proof, secret = values.get("proof"), values.get("secret")
    if (
        not isinstance(proof, bytes)
        or len(proof) != PROOF_BYTES
        or not (secret is None or _is_bytes(secret, SECRET_BYTES))
    ):
        raise SealedError("what was sealed is no record of a terminal")
    if values.get("public") != sha256(public_bytes(public)).digest():
        raise SealedError("its open part was altered: it is not what was sealed")
    return Opened(proof, secret)


def _is_bytes(value: object, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size
