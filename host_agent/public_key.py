"""Reads an RSA public key: one PEM block "PUBLIC KEY" of a SubjectPublicKeyInfo (RFC 5280 §4.1, RFC 8017 §A.1) in DER.

Strict: one DER of each key, nothing before, between or behind; pure Python, since the core has no compiled package.
"""

import base64
import binascii
import hashlib
import re
from pathlib import Path

import attrs

from host_agent.errors import UserError

MIN_BITS = 3072
MAX_BITS = 16_384
EXPONENT = 65_537
FILE_LIMIT_BYTES = 16_384

_INTEGER, _BIT_STRING, _SEQUENCE = 0x02, 0x03, 0x30
# OBJECT IDENTIFIER 1.2.840.113549.1.1.1 rsaEncryption, NULL.
_RSA = bytes.fromhex("06092a864886f70d0101010500")
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]*)-----END \1-----")
_WRONG_KINDS = {
    "CERTIFICATE": "it holds a certificate; write its key with `openssl x509 -pubkey -noout`",
    "RSA PUBLIC KEY": "it holds a bare RSA key; write it with `openssl rsa -RSAPublicKey_in -pubout`",
}


class KeyFileError(ValueError):
    """Say in a few words why a text holds no usable key."""


@attrs.frozen
class PublicKey:
    """Hold an RSA public key: modulus and exponent; `fingerprint` is SHA-256 over the key's DER."""

    modulus: int
    exponent: int
    fingerprint: str

    @property
    def size_bytes(self) -> int:
        """Return the length of the modulus, which is that of whatever is sealed with the key."""
        return (self.modulus.bit_length() + 7) // 8


def read(path: Path, where: str) -> PublicKey:
    """Return the key in a file; `where` names the setting or option that names the file.

    :raises UserError: it cannot be read, or is no key that may be used.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_LIMIT_BYTES + 1)
        if len(raw) > FILE_LIMIT_BYTES:
            raise KeyFileError("it is far too large")
        return parse(raw)
    except OSError as error:
        what = f"cannot read the city's key {path}: {error.strerror or error}"
        raise UserError(what, where, "correct the path or its rights") from None
    except KeyFileError as error:
        cure = "put the .pub.pem there that `yiping identity keygen` made at the city"
        raise UserError(f"{path} is no key to seal identities with: {error}", where, cure) from None


def parse(pem: bytes) -> PublicKey:
    """Return the key of a PEM text.

    :raises KeyFileError: it is no key that may be used.
    """
    try:
        text = pem.decode("ascii")
    except UnicodeDecodeError:
        raise KeyFileError("it is no PEM text") from None
    blocks = list(_BLOCK.finditer(text))
    if any("PRIVATE" in block[1] for block in blocks) or "PRIVATE KEY" in text:
        raise KeyFileError("it holds a PRIVATE key, which belongs to the city alone; remove it from this PC")
    if len(blocks) != 1 or _BLOCK.sub("", text).strip():
        raise KeyFileError("it does not hold one PEM block and nothing else")
    if blocks[0][1] != "PUBLIC KEY":
        raise KeyFileError(_WRONG_KINDS.get(blocks[0][1], "its PEM block is no PUBLIC KEY"))
    try:
        der = base64.b64decode("".join(blocks[0][2].split()), validate=True)
    except binascii.Error:
        raise KeyFileError("its base64 is damaged") from None
    modulus, exponent = _numbers(der)
    _judge(modulus, exponent)
    return PublicKey(modulus, exponent, hashlib.sha256(der).hexdigest())


def _numbers(der: bytes) -> tuple[int, int]:
    """Return modulus and exponent of a SubjectPublicKeyInfo."""
    info = _only(der, _SEQUENCE)
    algorithm, rest = _element(info, _SEQUENCE)
    if algorithm != _RSA:
        raise KeyFileError("it is no RSA key")
    bits = _only(rest, _BIT_STRING)
    if bits[:1] != b"\0":
        raise KeyFileError("its DER is damaged")
    modulus, rest = _element(_only(bits[1:], _SEQUENCE), _INTEGER)
    return _positive(modulus), _positive(_only(rest, _INTEGER))


def _judge(modulus: int, exponent: int) -> None:
    bits = modulus.bit_length()
    if bits < MIN_BITS:
        raise KeyFileError(f"its {bits} bits are too few; {MIN_BITS} are the least")
    if bits > MAX_BITS:
        raise KeyFileError(f"its {bits} bits are too many; {MAX_BITS} are the most")
    if exponent != EXPONENT:
        raise KeyFileError(f"its exponent is not {EXPONENT}")
    if not modulus & 1:
        raise KeyFileError("its modulus is even")


def _only(data: bytes, tag: int) -> bytes:
    """Return the content of the element that is the whole of `data`."""
    content, rest = _element(data, tag)
    if rest:
        raise KeyFileError("its DER is damaged")
    return content


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first element and what follows it (X.690 §10.1: shortest definite lengths)."""
    if len(data) < 2 or data[0] != tag:
        raise KeyFileError("its DER is damaged")
    size, start = data[1], 2
    if size >= 0x80:
        count = size & 0x7F
        start = 2 + count
        size = int.from_bytes(data[2:start], "big")
        if not 1 <= count <= 4 or size < 0x80 or data[2] == 0:
            raise KeyFileError("its DER is damaged")
    if start + size > len(data):
        raise KeyFileError("its DER is cut short")
    return data[start : start + size], data[start + size :]


def _positive(content: bytes) -> int:
    """Return a positive INTEGER (X.690 §8.3.2: no superfluous first byte)."""
    if not content or content[0] & 0x80 or (content[0] == 0 and not content[1:2] >= b"\x80"):
        raise KeyFileError("its DER is damaged")
    return int.from_bytes(content, "big")
