"""What joins the parts of a terminal for good. A function made in assembly.py would keep all of that in memory."""

import os

import cryptolib

_ID_BYTES = 16


def cipher(secret: bytes) -> object:
    """Return AES-ECB with a key."""
    return cryptolib.aes(secret, 1)


def new_invite() -> bytes:
    """Return the id of an invite of the terminal's own."""
    return os.urandom(_ID_BYTES)


def each(calls: tuple) -> object:
    """Return what calls each of these, in order."""

    def call() -> None:
        for one in calls:
            one()

    return call
