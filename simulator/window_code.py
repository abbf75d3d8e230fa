"""The QR code of one window, as provisioning puts it into a terminal: "size:base64", one bit a module, row by row.

A terminal draws versions 1 to 4 (21 to 33 modules a side); an address in upper case keeps the code that small.
"""

import base64
import re

import segno
from segno import DataOverflowError

SIDE_MAX = 33
ADDRESS = "HTTPS://PJ.EXAMPLE.CN/W"
_FOREIGN = re.compile(r"[^0-9A-Z.\-/]")  # leaves what both an address and the alphanumeric mode allow


def window_code(centre: str, window: str, terminal: str) -> str | None:
    """Return the code of a window's own page; None when its names are too long for a code that a terminal draws."""
    named = [_FOREIGN.sub("-", name.upper()) for name in (centre, window, terminal)]
    return packed("/".join([ADDRESS, *named]))


def packed(text: str) -> str | None:
    """Return the code of a text with the most correction that fits; None when none fits."""
    for level in ("m", "l"):
        try:
            rows = [list(row) for row in segno.make(text, error=level, micro=False, boost_error=False).matrix]
        except DataOverflowError:
            continue
        if len(rows) <= SIDE_MAX:
            return f"{len(rows)}:{base64.b64encode(_bits(rows)).decode()}"
    return None


def _bits(rows: list[list[int]]) -> bytes:
    digits = "".join("1" if module else "0" for row in rows for module in row)
    digits += "0" * (-len(digits) % 8)
    return bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits), 8))
