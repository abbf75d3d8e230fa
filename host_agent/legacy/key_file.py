"""Reads and writes the agent's own sealing key of one old rater: a JSON file that only its owner may read.

{"terminal": id, "epoch": 1 … 65535, "secret": 64 hex digits, "journal_id": 16 hex digits, "journal": "new" | "made"}
"journal" becomes "made" before anything is sealed: from then on a missing journal is a fault, never a fresh start,
since a number used twice with one key would give the events away.
"""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import attrs

from host_agent import folders
from host_agent.errors import UserError
from host_agent.provision.registry import EPOCH_MAX, SECRET_BYTES

NEW, MADE = "new", "made"
JOURNAL_ID_BYTES = 8
_CURE = "make one with `yiping legacy provision`"
_KEYS = {"terminal", "epoch", "secret", "journal_id", "journal"}


@attrs.frozen
class Key:
    """Hold one key; the secret is never printed."""

    terminal: str
    epoch: int
    secret: bytes = attrs.field(repr=False)
    journal_id: bytes
    journal: str = NEW


def read(path: Path) -> Key:
    """Return the key in a file.

    :raises UserError: it is not there, not private, or no key file.
    """
    try:
        mode = path.stat().st_mode
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the key file: {error.strerror or error}", str(path), _CURE) from None
    except ValueError:
        raise UserError("the file is no key of an old rater", str(path), _CURE) from None
    if os.name != "nt" and stat.S_IMODE(mode) & 0o077:
        raise UserError("others may read the key file", str(path), f"chmod 600 {path.name}, and see who read it")
    key = _key_of(values)
    if key is None:
        raise UserError("the file is no key of an old rater", str(path), _CURE)
    return key


def _key_of(values: Any) -> Key | None:
    if not isinstance(values, dict) or set(values) != _KEYS or type(values["epoch"]) is not int:
        return None
    secret = _bytes(values["secret"], SECRET_BYTES)
    journal_id = _bytes(values["journal_id"], JOURNAL_ID_BYTES)
    sound = isinstance(values["terminal"], str) and 1 <= values["epoch"] <= EPOCH_MAX
    if secret is None or journal_id is None or not sound or values["journal"] not in (NEW, MADE):
        return None
    return Key(values["terminal"], values["epoch"], secret, journal_id, values["journal"])


def _bytes(text: Any, size: int) -> bytes | None:
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text):
        return None
    return bytes.fromhex(text)


def write(path: Path, key: Key) -> None:
    """Put a key in the file's place, whole and durable or not at all; raises OSError."""
    values = attrs.asdict(key) | {"secret": key.secret.hex(), "journal_id": key.journal_id.hex()}
    write_private(path, values)


def write_private(path: Path, values: dict[str, Any]) -> None:
    """Put a JSON object that only its owner may read in the file's place, durably; raises OSError."""
    folders.write_private(path, (json.dumps(values, indent=1) + "\n").encode())
