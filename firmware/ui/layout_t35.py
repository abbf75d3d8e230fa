"""Sizes of the screen of board t35, in px: flashed as layout.py. A column is 96 px, 14.7 mm wide on the glass."""

UNIT = 14
WIDTH = 480
HEIGHT = 320
BAND = 60
MARKS_TOP = 172  # the five columns, each to be touched
MARKS_FOOT = 4
STRIP_PIXELS = 4_800  # 480 × 10: 9.6 KB
TAGS_FOOT = 64  # to be touched

TINY = 28
SMALL = 28
MIDDLE = 40
LARGE = 56
TAG = 28
TAG_LATIN = 28
PICTURE = 144

TOUCH = True
