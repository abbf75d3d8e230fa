"""Reads kind and invite from an event's clear part, fast, for topics and the invite's state.

The bytes are deterministic, so one pattern finds both in a microsecond; what does not match goes to the full parser.
Nothing here is trusted: the city believes only what it opened.
"""

import re

from protocol import evidence as cose
from protocol.errors import EvidenceError

# protected = {1: 10, 4: kid, 6: 8 bytes, -65537: kind [, -65538: 16 bytes], -65539: epoch}, RFC 8949 §4.2.1 order.
# The kid's length byte (0x41…0x54) is checked below, as a pattern cannot count.
_CLEAR = re.compile(
    rb"\x83\x58.[\xa5\xa6]\x01\x0a\x04([\x41-\x54])([!-~]{1,20})\x06\x48.{8}"
    rb"\x3a\x00\x01\x00\x00(?:([\x00-\x17])|\x18([\x18-\xff]))"
    rb"(?:\x3a\x00\x01\x00\x01\x50(.{16}))?"
    rb"\x3a\x00\x01\x00\x02(?:[\x00-\x17]|\x18.|\x19..)\xa0\x58\x68",
    re.DOTALL,
)


def read(event: bytes) -> tuple[int | None, bytes | None]:
    """Return (kind, invite); (None, None) for bytes that are no event."""
    match = _CLEAR.match(event)
    if match:
        size, kid, small, large, invite = match.groups()
        if size[0] - 0x40 == len(kid):
            return (small or large)[0], invite
    try:
        clear = cose.parse(event)
    except EvidenceError:
        return None, None
    return clear.kind, clear.invite
