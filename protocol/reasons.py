"""Reason codes of replies, and the `why` codes of evidence key 14. Codes cross the wire, texts do not."""

OK = 0
BUSY = 1
NO_SESSION = 2
UNKNOWN_MESSAGE = 3
BAD_MESSAGE = 4
VERSION = 5  # the protocol ranges do not meet
NO_CLERK = 6
INVITE_OPEN = 7  # another invite is open
INVITE_ENDED = 8  # this invite already had its outcome
INVITE_EXPIRED = 9  # older than its ttl when it was first seen
RATED = 10  # cancel after the first press
NO_INVITE = 11
PAUSED = 12
FULL = 13  # no room in the journal for a whole rating
FAULT = 14
NOT_STORED = 15
UNSUPPORTED = 16
OUT_OF_RANGE = 17
BAD_HASH = 18  # what arrived is not what was announced
NO_TRANSFER = 19  # content came that was not announced in this session; UPDATE names a manifest that did not come
BAD_SIGNATURE = 20  # of a firmware's manifest
WRONG_BOARD = 21
TOO_OLD = 22  # below the least release, or not newer than what runs
NEEDS_BOOTSTRAP = 23  # a later bootstrap, which does not come over the link
NOT_COMPLETE = 24  # a file of the new firmware is missing or wrong

# Evidence key 14: why the terminal started …
WHY_POWER_ON = 1
WHY_WATCHDOG = 2
WHY_RESET = 3
WHY_UPDATED = 4  # into another firmware
# … why an open invite was interrupted …
WHY_POWER_CUT = 10
WHY_UPDATE = 11
WHY_UNMAPPED_GRADE = 12  # of an old rater, without a level in the written table
WHY_RATER_LOST = 13  # the line of an old rater
# … and what a fault event reports.
WHY_JOURNAL_BLANK = 20
WHY_JOURNAL_MISMATCH = 21
WHY_SECTOR_UNREADABLE = 22
WHY_RTC_MISSING = 23
WHY_KEY_STUCK = 24
WHY_SEQ_BEHIND = 25  # the agent holds a higher seq of this epoch
WHY_TASK_DIED = 26
WHY_NOR_MISSING = 27
WHY_JOURNAL_FULL = 28
WHY_DISPLAY = 29
WHY_TOUCH_MISSING = 30
WHY_ROLLED_BACK = 31  # a new firmware was not confirmed; the one before it runs again
WHY_SELF_TEST = 32
WHY_EPOCH_ENDED = 33  # the last event of the key epoch was sealed: the terminal waits to be provisioned anew
