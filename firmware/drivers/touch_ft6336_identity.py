"""Whether a touch panel is an FT6336 and feels something, without its start (datasheet version 1.0)."""

from micropython import const

_CIPHER_HIGH = const(0xA3)
_FT6X36 = const(0x64)
_TD_STATUS = const(0x02)


def is_there(touch: object) -> bool:
    """Return whether the chip answers with its own id."""
    try:
        return touch.i2c.readfrom_mem(touch.address, _CIPHER_HIGH, 1)[0] == _FT6X36
    except OSError:
        return False


def is_touched(touch: object) -> bool:
    """Return whether something is on the glass; false when the chip does not answer."""
    try:
        return touch.i2c.readfrom_mem(touch.address, _TD_STATUS, 1)[0] & 0x0F in (1, 2)
    except OSError:
        return False
