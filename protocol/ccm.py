"""AES-CCM-16-64-128 (RFC 3610; COSE algorithm 10): 13-byte nonce, 8-byte tag, on any AES-ECB of 128 bits.

`aes(key)` gives an object whose `.encrypt(blocks)` is AES-ECB over whole 16-byte blocks: `cryptolib` on the terminal,
another one on the host. Nothing here keeps a key.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
# What is passed in is known by what it can do; a type for it would have to be imported on the terminal.

from protocol.errors import EvidenceError

BLOCK = 16
NONCE = 13
TAG = 8

_FLAGS = 0x59  # Adata, M' = (8 - 2) / 2, L' = 2 - 1
_FLAGS_COUNTER = 0x01  # L' alone


def seal(cipher: object, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return ciphertext and tag; `aad` must not be empty and stay below 0xFF00 bytes."""
    stream = _keystream(cipher, nonce, len(plaintext))
    tag = _mac(cipher, nonce, plaintext, aad)
    return _xor(plaintext, stream[BLOCK:]) + _xor(tag, stream)


def open_(cipher: object, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Return the plaintext; EvidenceError if anything was altered or the key is another."""
    if len(sealed) < TAG:
        raise EvidenceError("ciphertext shorter than its tag")
    size = len(sealed) - TAG
    stream = _keystream(cipher, nonce, size)
    plaintext = _xor(sealed[:size], stream[BLOCK:])
    if not _same(_xor(_mac(cipher, nonce, plaintext, aad), stream), sealed[size:]):
        raise EvidenceError("the tag does not match: wrong key or altered bytes")
    return plaintext


def _keystream(cipher: object, nonce: bytes, size: int) -> bytes:
    """Return S0 (for the tag) and then key stream for `size` bytes, in one AES call."""
    blocks = bytearray()
    for counter in range(1 + (size + BLOCK - 1) // BLOCK):
        blocks.append(_FLAGS_COUNTER)
        blocks += nonce
        blocks += counter.to_bytes(2, "big")
    return cipher.encrypt(bytes(blocks))


def _mac(cipher: object, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return the 8 leading bytes of the CBC-MAC (RFC 3610 section 2.2)."""
    blocks = bytearray((_FLAGS,))
    blocks += nonce
    blocks += len(plaintext).to_bytes(2, "big")
    blocks += len(aad).to_bytes(2, "big")
    blocks += aad
    blocks += bytes(-len(blocks) % BLOCK)
    blocks += plaintext
    blocks += bytes(-len(blocks) % BLOCK)
    mac = bytes(BLOCK)
    for at in range(0, len(blocks), BLOCK):
        mac = cipher.encrypt(_xor(mac, blocks[at : at + BLOCK]))
    return mac[:TAG]


def _xor(a: bytes | bytearray, b: bytes | bytearray) -> bytes:
    """Return the bytewise difference over the length of `a`; one big integer is faster than a loop on the terminal."""
    size = len(a)
    return (int.from_bytes(a, "big") ^ int.from_bytes(b[:size], "big")).to_bytes(size, "big")


def _same(a: bytes, b: bytes) -> bool:
    """Compare in a time that does not depend on where they differ."""
    difference = 0
    for x, y in zip(a, b):
        difference |= x ^ y
    return difference == 0 and len(a) == len(b)
