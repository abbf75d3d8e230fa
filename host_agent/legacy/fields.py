"""Name the plaintext keys that an agent seals for an old rater; protocol.evidence.FIELD_NAMES is the whole list."""

from protocol.evidence import FIELD_NAMES

_NUMBERS = {name: number for number, name in FIELD_NAMES.items()}
T = _NUMBERS["t"]
TQ = _NUMBERS["tq"]
UP = _NUMBERS["up"]
PREV = _NUMBERS["prev"]
LEVEL = _NUMBERS["level"]
DWELL = _NUMBERS["dwell"]
N = _NUMBERS["n"]
INPUT = _NUMBERS["input"]
WHY = _NUMBERS["why"]
FW = _NUMBERS["fw"]
T0 = _NUMBERS["t0"]
ORIGIN = _NUMBERS["origin"]
UNSEALED = _NUMBERS["unsealed"]
