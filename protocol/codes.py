"""Kinds of events, inputs, origins and the level of a key, as numbers: what a terminal knows of rating.py.

Level code 5 is 非常满意 … 1 is 非常不满意; key 1, leftmost, is level 5.
"""

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
OUTCOMES = (RATED, TIMED_OUT, DECLINED, CANCELLED, INTERRUPTED)

INPUT_KEY = 1
INPUT_TOUCH = 2
ORIGIN_COUNTER = 1  # counter software
ORIGIN_CLERK_PAGE = 2
ORIGIN_CLERK_KEY = 3  # at the terminal


def level_of_key(key: int) -> int:
    """Return the level of key 1…5 (key 1 leftmost is 5); ValueError for any other key."""
    if key not in (1, 2, 3, 4, 5):
        raise ValueError(f"no level on key {key}")
    return 6 - key
