"""The QR codes that an agent gives out: an address of the city with a token, ready made for a terminal's screen.

A terminal draws versions 1 to 4, 21 to 33 modules a side, given as "size:base64", one bit a module, row by row, highest
bit first, without margin. An address in upper case keeps a code that small.
"""

import base64
import re

import segno
from segno import DataOverflowError

from host_agent import qr_token
from host_agent.config_model import Config
from host_agent.qr_token import Key

SIDE_MAX = 33
ADDRESS = re.compile(r"HTTPS://[0-9A-Z.\-]+(:[0-9]{1,5})?(/[0-9A-Z.\-]*)*\Z")  # all of it in the alphanumeric mode


class Codes:
    """Make the addresses of one agent."""

    def __init__(self, base_url: str, key: Key, centre: str) -> None:
        """Keep address, key and centre; the address has its slash at the end."""
        self._base = base_url if base_url.endswith("/") else base_url + "/"
        self._key = key
        self._centre = centre

    def invite(self, invite: bytes, made_utc_ms: int) -> str:
        """Return the address of an invite's own page; the same invite has the same one."""
        return self._base + qr_token.make(self._key, qr_token.INVITE, invite, made_utc_ms)

    def paper(self, invite: bytes, made_utc_ms: int) -> str:
        """Return the address on a paper form."""
        return self._base + qr_token.make(self._key, qr_token.PAPER, invite, made_utc_ms)

    def window(self, window: str) -> str:
        """Return the address of a window's own page, which holds until its key is taken out of use."""
        subject = qr_token.window_subject(self._centre, window)
        return self._base + qr_token.make(self._key, qr_token.WINDOW, subject, 0, None)


def of(config: Config) -> Codes | None:
    """Return what makes an agent's codes, None when it makes none; the configuration has been checked."""
    if config.qr.base_url is None or config.qr.key_file is None:
        return None
    return Codes(config.qr.base_url, qr_token.read_key(config.qr.key_file), config.agent.centre)


def fits(base_url: str) -> bool:
    """Say whether a token behind this address makes a code that a terminal can draw."""
    return packed(base_url.rstrip("/") + "/" + "A" * qr_token.TOKEN_CHARACTERS) is not None


def packed(text: str) -> str | None:
    """Return the code of a text for a terminal, with the most correction that fits; None when none fits."""
    for level in ("m", "l"):
        try:
            matrix = segno.make(text, error=level, micro=False, boost_error=False).matrix
        except DataOverflowError:
            continue
        if len(matrix) <= SIDE_MAX:
            digits = "".join("1" if module else "0" for row in matrix for module in row)
            data = int(digits, 2) << -len(digits) % 8
            return f"{len(matrix)}:{base64.b64encode(data.to_bytes(-(-len(digits) // 8), 'big')).decode()}"
    return None
