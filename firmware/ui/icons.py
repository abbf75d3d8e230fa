"""Code points of the project's own icons in the glyph packs; host_agent/content/icons.py draws them."""

FACE = 0xE000  # + level, size 40
STAR = 0xE010  # size 20
STAR_EMPTY = 0xE011
OFFLINE = 0xE012
KEY_BELOW = 0xE013
TICK = 0xE014  # sizes SMALL and LARGE
PERSON = 0xE020  # size PICTURE, slices from the top
PERSON_ROWS = 6
