"""The protocol as its next version may be: what "an N−1 peer" means while there is only version 1.

Version 2 of these tests speaks 1 to 2, has one more field at the end of every message, with a default for a peer that
does not send it, one more request and one more message without a reply. All else is the project's own code.
"""

import importlib
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

PROTOCOL = Path(__file__).parents[2] / "protocol"
NEW_REQUEST, NEW_MESSAGE = 0x2D, 0x13
DEFAULT, SENT = 7, 9
_MODULES = ("messages", "link_agent", "link_terminal")
_ADDED = f"""

for _type in list(TABLE):
    if _type != EVENTS:
        TABLE[_type] = (TABLE[_type][0], TABLE[_type][1] + (("since_2", _UQ, 0, 9, {DEFAULT}),))
TABLE[{NEW_REQUEST}] = ("NEW_REQUEST", (("what", _S, 0, 9),))
TABLE[{NEW_MESSAGE}] = ("NEW_MESSAGE", (("what", _S, 0, 9),))
"""


def write(folder: Path) -> Path:
    """Write the next version's protocol package; return its folder."""
    package = folder / "protocol"
    shutil.copytree(PROTOCOL, package, ignore=shutil.ignore_patterns("__pycache__"))
    path = package / "messages.py"
    text = path.read_text(encoding="utf-8")
    assert text.count("PROTO_MAX = 1") == 1 and text.count("PROTO_MIN = 1") == 1
    path.write_text(text.replace("PROTO_MAX = 1", "PROTO_MAX = 2") + _ADDED, encoding="utf-8")
    return package


def load(package: Path) -> SimpleNamespace:
    """Return modules of the next version by name; the project's own ones stay what they are."""
    own = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "protocol"}
    sys.path.insert(0, str(package.parent))
    try:
        return SimpleNamespace(**{name: importlib.import_module(f"protocol.{name}") for name in _MODULES})
    finally:
        sys.path.remove(str(package.parent))
        for name in list(sys.modules):
            if name.split(".")[0] == "protocol":
                del sys.modules[name]
        sys.modules.update(own)
