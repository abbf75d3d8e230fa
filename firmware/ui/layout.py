"""Sizes of the screen of board k5, in px. Another board has layout_<board>.py, which is flashed in place of this file.

Screens are laid out in tenths of UNIT: what is 18 px on k5 is written 18 * UNIT // 10.
"""

UNIT = 10
WIDTH = 320
HEIGHT = 240
BAND = 46  # the title at the top
MARKS_TOP = 132  # the five marks, each above its key
MARKS_FOOT = 12  # below them the arrow to the key
STRIP_PIXELS = 3_200  # 320 × 10: 6.4 KB; a narrow region gets taller strips

TAGS_FOOT = 26  # below the tags

# glyph packs
TINY = 18
SMALL = 20
MIDDLE = 28
LARGE = 40
TAG = 28  # two lines of ten characters
TAG_LATIN = 24  # the same of letters with descenders, for which two lines of TAG have no room
PICTURE = 96  # the figure that stands in for a portrait

TOUCH = False  # the marks are for keys, not for fingers
