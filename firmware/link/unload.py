"""Let modules leave the memory when nothing needs them any more."""

import sys


def forget(names: tuple) -> None:
    """Forget loaded modules, and all modules of a package that is named; what of them is in use lives on."""
    for name in list(sys.modules):
        package, _, module = name.rpartition(".")
        if name in names or package in names:
            del sys.modules[name]
            if package in sys.modules:
                delattr(sys.modules[package], module)
