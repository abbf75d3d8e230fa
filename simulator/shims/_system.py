"""The chip's `sys` module (RP2 port): the interpreter's own, but for what it says of the port and the release."""

import sys
from collections import namedtuple

import _identity

_Implementation = namedtuple("implementation", ("name", "version", "_machine", "_mpy", "_build", "_thread"))


def _version() -> tuple:
    number, _, kind = _identity.RELEASE.partition("-")
    return tuple([int(part) for part in number.split(".")]) + (kind,)


class System:
    """Stands for the module in `sys.modules`."""

    implementation = _Implementation(
        "micropython", _version(), _identity.MACHINE, sys.implementation._mpy, "RPI_PICO2", "unsafe"
    )
    platform = "rp2"
    version = "3.4.0; MicroPython v%s on %s" % (_identity.RELEASE, _identity.DATE)

    def __getattr__(self, name: str):
        return getattr(sys, name)


def install() -> None:
    """Take the place of the interpreter's module for all that import it from now on."""
    sys.modules["sys"] = System()
