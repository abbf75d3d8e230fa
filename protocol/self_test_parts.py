"""The parts that a self-test judges, as bits of the masks that events, replies and the bench carry.

The texts for people are in self_test_texts.py, which a terminal never loads.
"""

NOR = 0x0001  # the journal's chip answers with its own id
RTC = 0x0002  # the clock chip answers
LCD = 0x0004  # the display
TOUCH = 0x0008  # the touch panel answers with its own id, and nothing lies on the glass
VOICE = 0x0010  # the voice module plays and falls silent
TICKING = 0x0020  # the clock runs, and at the right pace
KEYS = 0x0040  # no key is stuck; at the bench each was pressed
READ_BACK = 0x0080  # the journal's chip erases, programs and reads back
MEMORY = 0x0100  # free heap
FILES = 0x0200  # room on the internal file system
# Only at the bench, where a person looks and listens.
LAMPS = 0x0400
CASE = 0x0800
BUZZER = 0x1000
LIGHT = 0x2000  # of the display

ALL = 0x3FFF
AT_BENCH = LAMPS | CASE | BUZZER | LIGHT
# A program under which one of these fails must not stay: it could not rate, store, or be updated again.
NEEDED = NOR | TOUCH | READ_BACK | MEMORY | FILES

# Evidence key 14 of a self-test event: what it was made for.
WHY_UPDATED = 1
WHY_DAILY = 2
WHY_ASKED = 3
