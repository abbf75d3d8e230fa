"""The key pair with which a station signs what it exports: Ed25519 (RFC 8032), the private half under a passphrase.

The city trusts a station by its fingerprint: SHA-256 over the 32 bytes of the public key, in hex.
"""

from hashlib import sha256

from host_agent.errors import UserError

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
except ImportError as error:
    raise UserError(
        "the package cryptography is not installed, so nothing can be signed",
        "extra provision",
        'install it: pip install "yiping[provision]"',
    ) from error

PASSPHRASE_MIN = 8


def make(passphrase: bytes) -> tuple[bytes, bytes]:
    """Return a new public key (32 bytes) and its private one, as PKCS #8 in PEM encrypted with the passphrase."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )
    return key.public_key().public_bytes_raw(), private


def sign(private: bytes, passphrase: bytes, message: bytes) -> bytes:
    """Return the signature, 64 bytes; ValueError when the passphrase is not the key's."""
    key = serialization.load_pem_private_key(private, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("no key to sign with")
    return key.sign(message)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether the message was signed with the private half of a public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """Return by which name the city trusts a station."""
    return sha256(public).hexdigest()
