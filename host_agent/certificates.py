"""Knows until when the certificates of a broker connection are valid, and says so before they end.

Reads nothing but the dates (X.509 in DER, RFC 5280 §4.1.2.5), so that the core needs no compiled package; whether a
certificate can be trusted is judged by TLS alone.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs

from host_agent.config_model import BrokerSection

WARN_DAYS = 14
DAY_MS = 86_400_000
CODE = "certificate"

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.S)
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_FORMS = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


@attrs.frozen
class Finding:
    """Say of one certificate that it has expired, or will soon."""

    expired: bool
    text: str


class Certificates:
    """Watch this side's certificate file and the broker's certificate as it was shown last."""

    def __init__(self, broker: BrokerSection, utc_ms: Callable[[], int]) -> None:
        """Keep where they are; `utc_ms` is the wall clock."""
        self._file = broker.cert_file
        self._where = f"{broker.host}:{broker.port}"
        self._utc_ms = utc_ms
        self._stamp: tuple[int, int] | None = None
        self._own_until_ms: int | None = None
        self._broker_until_ms: int | None = None

    def shown(self, der: bytes | None) -> None:
        """Take the certificate that the broker showed; None without TLS."""
        self._broker_until_ms = None if der is None else not_after_utc_ms(der)

    def days_left(self) -> int | None:
        """Return the whole days until the first of them ends, negative afterwards; None without certificates."""
        untils = [until for until in (self._own(), self._broker_until_ms) if until is not None]
        return (min(untils) - self._utc_ms()) // DAY_MS if untils else None

    def findings(self) -> list[Finding]:
        """Return what is to be renewed, the expired first."""
        own = f"this side's certificate for the broker {{}} ({self._file}): put a new one there"
        broker = f"the broker's certificate {{}} ({self._where}): have its operator renew it"
        found = (self._judge(self._own(), own), self._judge(self._broker_until_ms, broker))
        return sorted((one for one in found if one is not None), key=lambda one: not one.expired)

    def _judge(self, until_ms: int | None, sentence: str) -> Finding | None:
        if until_ms is None:
            return None
        left_ms = until_ms - self._utc_ms()
        if left_ms <= 0:
            return Finding(True, sentence.format(f"expired on {_date(until_ms)}"))
        days = left_ms // DAY_MS
        if days >= WARN_DAYS:
            return None
        return Finding(False, sentence.format(f"expires in {days} day{'' if days == 1 else 's'}"))

    def _own(self) -> int | None:
        """Return the end of this side's certificate; the file is read again when it was changed."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._own_until_ms = _until_of(self._file)
                self._stamp = stamp
        except OSError:  # the connection tells of a file that cannot be read
            return None
        return self._own_until_ms


def not_after_utc_ms(der: bytes) -> int | None:
    """Return until when a certificate is valid, in UTC ms; None for what is no certificate."""
    try:
        _, whole, _ = _element(der, 0, _SEQUENCE)
        _, at, _ = _element(der, whole, _SEQUENCE)
        if der[at] == _VERSION:
            at = _element(der, at)[2]
        for _ in ("serial number", "signature", "issuer"):
            at = _element(der, at)[2]
        _, at, _ = _element(der, at, _SEQUENCE)
        tag, start, end = _element(der, _element(der, at)[2])
        moment = datetime.strptime(der[start:end].decode("ascii"), _FORMS[tag])
    except (IndexError, KeyError, ValueError):
        return None
    if tag == _UTC_TIME and moment.year >= 2050:  # RFC 5280 §4.1.2.5.1; Python turns the century at 69
        moment = moment.replace(year=moment.year - 100)
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _element(der: bytes, at: int, tag: int | None = None) -> tuple[int, int, int]:
    """Return tag, start and end of the content of the element at `at` (X.690 §8.1); raises IndexError, ValueError."""
    if tag is not None and der[at] != tag:
        raise ValueError("another element was due")
    size, start = der[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2 : start])
    if start + size > len(der):
        raise IndexError("the element is cut off")
    return der[at], start, start + size


def _until_of(file: Path) -> int | None:
    found = _PEM.search(file.read_bytes())
    try:
        return not_after_utc_ms(base64.b64decode(found[1])) if found else None
    except binascii.Error:
        return None


def _date(utc_ms: int) -> str:
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%d")
