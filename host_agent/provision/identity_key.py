"""The city's key pair for identities of citizens: made here, kept here, and used to open what agents sealed.

The private key is PKCS #8 in PEM, in a file that only its owner may read; the public one goes to the agents.
"""

import os
import stat
from pathlib import Path

from host_agent import folders, public_key
from host_agent.errors import UserError
from host_agent.identity import LABEL
from protocol import cbor
from protocol.errors import CborError

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
except ImportError as error:
    raise UserError(
        "the package cryptography is not installed, so no identity can be opened",
        "extra city",
        'install it: pip install "yiping[city]"',
    ) from error

_MAKE = "give the one that `yiping identity keygen` or `yiping registry keygen` made"


def make(private: Path, public: Path, bits: int) -> str:
    """Write a new pair into two files that do not exist yet; return the public key's fingerprint.

    :raises UserError: a file exists already, or cannot be written.
    """
    for path in (private, public):
        if path.exists():
            cure = "name another pair; without its private key what was sealed to a pair can never be read"
            raise UserError("there is such a file already", str(path), cure)
    key = rsa.generate_private_key(public_key.EXPONENT, bits)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        # The private one first: identities sealed to a key that nobody has would be lost.
        _write(private, secret, 0o600)
        _write(public, pem, 0o644)
        folders.sync(private.parent)
    except OSError as error:
        raise UserError(
            f"cannot write the pair: {error.strerror or error}", str(private), "check the folder and its rights"
        ) from None
    return public_key.parse(pem).fingerprint


def read_private(path: Path) -> rsa.RSAPrivateKey:
    """Return the private key in a file.

    :raises UserError: it is not there, not private, or no such key.
    """
    try:
        mode = path.stat().st_mode
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise UserError(f"cannot read the private key: {error.strerror or error}", str(path), _MAKE) from None
    except (ValueError, TypeError):  # TypeError: it is encrypted
        raise UserError("the file is no private key of the city", str(path), _MAKE) from None
    if os.name != "nt" and stat.S_IMODE(mode) & 0o077:
        raise UserError("others may read the private key", str(path), f"chmod 600 {path.name}, and see who read it")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UserError("the file is no private key of the city", str(path), _MAKE)
    return key


def unseal(key: rsa.RSAPrivateKey, sealed: bytes) -> dict[str, str]:
    """Return the identity that was sealed to a key's public half.

    :raises ValueError: it was sealed to another key, or is damaged.
    """
    plain = key.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), LABEL))
    try:
        identity = cbor.decode(plain)
    except CborError:
        raise ValueError("what was sealed is no identity") from None
    if not isinstance(identity, dict):
        raise ValueError("what was sealed is no identity")
    return identity


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a new file durably."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
