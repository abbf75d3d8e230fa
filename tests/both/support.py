"""What the tests of both interpreters share: vectors, AES, and an expected error."""

import json
import sys

ON_MICROPYTHON = sys.implementation.name == "micropython"
_FOLDER = __file__.rsplit("/", 2)[0]


def vectors(name: str) -> dict:
    """Return the parsed file of tests/vectors."""
    with open(_FOLDER + "/vectors/" + name) as file:
        return json.load(file)


def aes(key: bytes) -> object:
    """Return an object whose `.encrypt(blocks)` is AES-ECB, from the interpreter's own library."""
    if ON_MICROPYTHON:
        import cryptolib

        return cryptolib.aes(key, 1)
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return _HostAes(Cipher(algorithms.AES(key), modes.ECB()).encryptor())


class _HostAes:
    def __init__(self, encryptor: object) -> None:
        self._encryptor = encryptor

    def encrypt(self, blocks: bytes) -> bytes:
        return self._encryptor.update(blocks)


class Raises:
    """`with Raises(Error, "part of its text"):` expects that error and nothing else."""

    def __init__(self, error: type, text: str = "") -> None:
        self.error = error
        self.text = text

    def __enter__(self) -> object:
        return self

    def __exit__(self, type_: object, value: object, trace: object) -> bool:
        assert type_ is not None, f"{self.error} was not raised"
        if not issubclass(type_, self.error):
            return False
        assert self.text in str(value), f"{str(value)!r} does not say {self.text!r}"
        return True
