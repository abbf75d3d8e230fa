"""The private key that signs bundles: a PEM file outside the project, readable by its owner only.

Needs `pip install 'yiping[provision]'`; to check signatures nothing is needed, see signature.py.
"""

import os
from pathlib import Path
from typing import Any

import attrs

from host_agent.bundle.signature import EXPONENT, KEY_BYTES
from host_agent.errors import UserError

_MODE = 0o600
_BITS = 8 * KEY_BYTES


@attrs.frozen
class Key:
    """A private key; what it signs is checked with `modulus`."""

    modulus: bytes
    _private: Any = attrs.field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return the signature, the same for the same message."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        return self._private.sign(message, padding.PKCS1v15(), hashes.SHA256())


def make(path: Path, passphrase: str | None = None) -> Key:
    """Make a key and write it to a new file of mode 0600, encrypted if there is a passphrase. Raises UserError."""
    rsa, serialization = _library()
    private = rsa.generate_private_key(EXPONENT, _BITS)
    locked = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase.encode())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
            file.write(pem)
    except FileExistsError as error:
        raise UserError("there is a file already", str(path), "name another one; no key is overwritten") from error
    except OSError as error:
        cure = "name a file in a folder that you may write to"
        raise UserError(f"the key cannot be written: {error.strerror}", str(path), cure) from error
    return _key(private)


def load(path: Path, passphrase: str | None = None) -> Key:
    """Return the key of a file. Raises UserError when it is none, or others may read it."""
    rsa, serialization = _library()
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        cure = "make one with `yiping bundle key`, or name the file that holds it"
        raise UserError(f"no key to sign with: {error.strerror}", str(path), cure) from error
    if os.name == "posix" and mode & 0o077:
        raise UserError("others may read the private key", str(path), f"chmod 600 {path}")
    try:
        private = serialization.load_pem_private_key(pem, None if passphrase is None else passphrase.encode())
    except TypeError as error:
        word = "needs its passphrase" if passphrase is None else "has no passphrase"
        raise UserError(f"the key {word}", str(path), "YIPING_BUNDLE_PASSPHRASE holds the passphrase") from error
    except ValueError as error:
        cure = "check the passphrase, and that it is a PEM file of `yiping bundle key`"
        raise UserError("the private key cannot be read", str(path), cure) from error
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != _BITS:
        raise UserError(f"not an RSA key of {_BITS} bits", str(path), "make one with `yiping bundle key`")
    if private.public_key().public_numbers().e != EXPONENT:
        raise UserError(f"the key's exponent is not {EXPONENT}", str(path), "make one with `yiping bundle key`")
    return _key(private)


def _key(private: Any) -> Key:
    return Key(private.public_key().public_numbers().n.to_bytes(KEY_BYTES, "big"), private)


def _library() -> tuple[Any, Any]:
    """Return the two modules of the library. Raises UserError when it is not installed."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
    except ImportError as error:
        raise UserError("no library for keys", "cryptography", "pip install 'yiping[provision]'") from error
    return rsa, serialization
