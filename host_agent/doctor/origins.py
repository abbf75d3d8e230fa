"""Says where a page comes from, as a browser sees it: how near its address is, and whether its context is secure."""

import ipaddress
import socket
from urllib.parse import urlsplit

import attrs

LOOPBACK, LOCAL, PUBLIC, UNKNOWN = "loopback", "local", "public", "unknown"
# A carrier's or a hall's shared addresses (RFC 6598): not public, though Python does not call them private.
_SHARED = ipaddress.ip_network("100.64.0.0/10")


@attrs.frozen
class Origin:
    """Hold an origin with the address space of its host."""

    text: str
    space: str

    @property
    def secure(self) -> bool:
        """Say whether its pages are secure contexts (W3C Secure Contexts §3.1)."""
        parts = urlsplit(self.text)
        host = parts.hostname or ""
        return parts.scheme == "https" or self.space == LOOPBACK and (host == "localhost" or _address(host) is not None)

    def verdict(self) -> tuple[bool, str]:
        """Return whether its pages can reach this machine, and under which condition."""
        if self.space == LOOPBACK:
            return True, "its pages come from this machine: browsers ask nothing"
        if self.secure:
            return True, "its pages are secure: the clerk is asked once, or a policy allows them"
        cure = "serve them over https (best), or set the policy below, which makes the browser trust them as they are"
        if self.space == LOCAL:
            return True, (
                "its pages have no TLS. Chromium 156 lets them through from a private address, the specification does"
                f" not: {cure}"
            )
        where = "" if self.space == PUBLIC else ", unless their address is a private one"
        return False, f"its pages have no TLS: Chromium from 142 on blocks them without asking{where}: {cure}"


def look_up(text: str) -> Origin:
    """Return an origin with the space of the first address that its name leads to."""
    host = urlsplit(text).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Origin(text, UNKNOWN)
    return Origin(text, space_of(str(found[0][4][0])))


def space_of(address: str) -> str:
    """Return the address space (Local Network Access §2.1) of an address."""
    found = _address(address.partition("%")[0])
    if found is None:
        return UNKNOWN
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    if found.is_loopback:
        return LOOPBACK
    local = found.is_private or found.is_link_local or (found.version == 4 and found in _SHARED)
    return LOCAL if local else PUBLIC


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
