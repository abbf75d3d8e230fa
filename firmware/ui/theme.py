"""Colours of the screens, 0xRRGGBB, and where a text stands to its x. White on a level has contrast over 4.5 : 1."""

PAGE = 0xF3F5F7
PANEL = 0xFFFFFF
INK = 0x1C2833
MUTED = 0x52606D
LINE = 0xD3DAE0
BAND = 0x22313F
ON_BAND = 0xFFFFFF
ON_BAND_MUTED = 0xC3CDD6
STAR = 0xB07A00
HINT = 0xF2B033
STAR_EMPTY = 0xB9C2CA

LEFT, CENTRE, RIGHT = 0, 1, 2

LEVELS = {5: 0x0B3C8C, 4: 0x2F6FC9, 3: 0x5B5F66, 2: 0xB4560B, 1: 0x7A1F00}
ON_LEVEL = 0xFFFFFF


def rgb565(colour: int) -> int:
    """Return the colour as framebuf.RGB565 stores it when the panel wants the high byte first."""
    value = (colour >> 8 & 0xF800) | (colour >> 5 & 0x07E0) | (colour >> 3 & 0x001F)
    return value >> 8 | (value & 0xFF) << 8
