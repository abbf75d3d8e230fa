"""Levels, kinds of events, outcomes and the rules for tags: the domain's words as numbers.

Level code 5 is 非常满意 … 1 is 非常不满意; key 1, leftmost, is level 5. An unknown code is refused, never guessed.
"""

from hashlib import sha256

from protocol import cbor

RATED = 1
TIMED_OUT = 2
DECLINED = 3
CANCELLED = 4
INTERRUPTED = 5
BOOT = 16
CLOCK_SET = 17
FAULT = 18
UNINVITED = 19
SELF_TEST = 20
PAUSED = 21
RESUMED = 22
MARK = 23
MAINTENANCE = 24
CASE_OPENED = 25
LAST_OF_EPOCH = 26

KIND_NAMES = {
    RATED: "rated",
    TIMED_OUT: "timed_out",
    DECLINED: "declined",
    CANCELLED: "cancelled",
    INTERRUPTED: "interrupted",
    BOOT: "boot",
    CLOCK_SET: "clock_set",
    FAULT: "fault",
    UNINVITED: "uninvited",
    SELF_TEST: "self_test",
    PAUSED: "paused",
    RESUMED: "resumed",
    MARK: "mark",
    MAINTENANCE: "maintenance",
    CASE_OPENED: "case_opened",
    LAST_OF_EPOCH: "last_of_epoch",
}
OUTCOMES = (RATED, TIMED_OUT, DECLINED, CANCELLED, INTERRUPTED)

LEVELS = (5, 4, 3, 2, 1)  # in the order of the keys
LEVEL_TEXT_ZH = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}

INPUT_KEY = 1
INPUT_TOUCH = 2
ORIGIN_COUNTER = 1  # counter software
ORIGIN_CLERK_PAGE = 2
ORIGIN_CLERK_KEY = 3  # at the terminal

MAX_TAGS = 8
BUSINESS = 0  # dimension of a tag
SERVICE = 1


def level_of_key(key: int) -> int:
    """Return the level of key 1…5 (key 1 leftmost is 5); ValueError for any other key."""
    if key not in (1, 2, 3, 4, 5):
        raise ValueError(f"no level on key {key}")
    return 6 - key


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
