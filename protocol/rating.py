"""Levels, kinds of events, outcomes and the rules for tags: the domain's words as numbers.

Level code 5 is 非常满意 … 1 is 非常不满意; key 1, leftmost, is level 5. An unknown code is refused, never guessed.
"""

from hashlib import sha256

from protocol import cbor, codes
from protocol.codes import *  # noqa: F403 - a host finds all words of the domain here

KIND_NAMES = {
    codes.RATED: "rated",
    codes.TIMED_OUT: "timed_out",
    codes.DECLINED: "declined",
    codes.CANCELLED: "cancelled",
    codes.INTERRUPTED: "interrupted",
    codes.BOOT: "boot",
    codes.CLOCK_SET: "clock_set",
    codes.FAULT: "fault",
    codes.UNINVITED: "uninvited",
    codes.SELF_TEST: "self_test",
    codes.PAUSED: "paused",
    codes.RESUMED: "resumed",
    codes.MARK: "mark",
    codes.MAINTENANCE: "maintenance",
    codes.CASE_OPENED: "case_opened",
    codes.LAST_OF_EPOCH: "last_of_epoch",
}

LEVELS = (5, 4, 3, 2, 1)  # in the order of the keys
LEVEL_TEXT_ZH = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}

MAX_TAGS = 8
BUSINESS = 0  # dimension of a tag
SERVICE = 1

# A tag table is a sequence of rows (code, dimension, core, retired, text).


def table_version(table: list | tuple) -> bytes:
    """Return the 4 bytes that name a tag table in evidence: the start of SHA-256 over its deterministic CBOR."""
    return sha256(cbor.encode([list(row) for row in table])).digest()[:4]


def tag_level(code: int) -> int:
    """Return the level that a tag's code starts with; ValueError if there is none."""
    level = code // 100
    if level not in LEVELS:
        raise ValueError(f"tag {code} belongs to no level")
    return level


def check_tags(
    tags: list | tuple, table: list | tuple, overall: int, business: int | None, service: int | None
) -> None:
    """Raise ValueError unless these tags may be chosen for these levels (None: dimension skipped).

    At most 8, ascending and each once, in the table and not retired, the code's first digit equal to the level of the
    tag's dimension, or to the overall level where that dimension was skipped.
    """
    if len(tags) > MAX_TAGS:
        raise ValueError(f"{len(tags)} tags, at most {MAX_TAGS} are allowed")
    rows = {}
    for row in table:
        rows[row[0]] = row
    before = 0
    for code in tags:
        if code <= before:
            raise ValueError(f"tags are not ascending at {code}")
        before = code
        row = rows.get(code)
        if row is None or row[3]:
            raise ValueError(f"tag {code} cannot be chosen from this table")
        level = service if row[1] == SERVICE else business
        if tag_level(code) != (overall if level is None else level):
            raise ValueError(f"tag {code} does not explain the level given")
