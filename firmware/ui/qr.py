"""Read the QR code that the agent sends ready made: "size:base64", one bit a module, row by row, highest bit first."""

from binascii import a2b_base64

QUIET = 2  # modules on the panel; the light page around it completes the 4 of ISO/IEC 18004, section 5.3.8
_SMALLEST, _LARGEST = 21, 33  # versions 1 to 4


def unpack(text: str | None) -> tuple | None:
    """Return (modules of a side, bits), or None for anything that is no code."""
    if not text or ":" not in text:
        return None
    side, data = text.split(":", 1)
    try:
        side = int(side)
        bits = a2b_base64(data)
    except ValueError:
        return None
    if not _SMALLEST <= side <= _LARGEST or (side - 17) % 4 or len(bits) != (side * side + 7) // 8:
        return None
    return side, bits
