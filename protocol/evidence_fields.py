"""What the plaintext fields of evidence may hold. For the side that opens: a terminal never loads this."""

from protocol.errors import EvidenceError
from protocol.evidence import FIELD_NAMES

_U32, _U64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF

# plaintext key → (type, least, most); of strings and arrays the length counts
_LIMITS = {
    1: (int, 0, _U64),
    2: (int, 0, 3),
    4: (int, 0, _U64),
    5: (bytes, 8, 8),
    6: (int, 1, 5),
    7: (int, 1, 5),
    8: (int, 1, 5),
    9: (list, 0, 8),
    10: (bytes, 4, 4),
    11: (int, 0, _U64),
    12: (int, 0, _U64),
    13: (int, 0, _U32),
    14: (int, 0, _U32),
    15: (str, 2, 2),
    17: (str, 0, 40),
    18: (int, 0, _U64),
    19: (int, 0, _U32),
    20: (bool, 1, 1),
    21: (bool, 1, 1),
}


def check(fields: object) -> None:
    """Raise EvidenceError for a known field with a foreign value; keys not known here are passed on."""
    if not isinstance(fields, dict):
        raise EvidenceError("plaintext is no map")
    for key, value in fields.items():
        if not _is_uint(key, _U64):
            raise EvidenceError("plaintext key is no integer")
        if key in _LIMITS and not _fits(value, _LIMITS[key]):
            raise EvidenceError(f"field {FIELD_NAMES[key]} has a value that cannot be")
    tags = fields.get(9, [])
    if not all(_is_uint(tag, _U32) for tag in tags) or sorted(set(tags)) != tags:
        raise EvidenceError("tags are not ascending integers")


def _is_uint(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _fits(value: object, limits: tuple) -> bool:
    type_, least, most = limits
    if type_ is bool:
        return value is True
    if type_ is int:
        return _is_uint(value, most) and value >= least
    return isinstance(value, type_) and isinstance(value, (bytes, str, list)) and least <= len(value) <= most
