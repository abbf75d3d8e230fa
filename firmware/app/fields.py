"""Name the keys of the sealed plaintext that the terminal fills in; protocol.evidence.FIELD_NAMES is the whole list."""

T = 1  # UTC ms
TQ = 2
UP = 4  # ms since boot
PREV = 5
LEVEL = 6
BIZ = 7
SVC = 8
TAGS = 9
TAGVER = 10
DWELL = 11
N = 12
INPUT = 13
WHY = 14
LANG = 15
FW = 17
T0 = 18
ORIGIN = 19
REVEAL = 20
