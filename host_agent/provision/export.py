"""The file that brings new terminals from a station to the city's registry; docs/provisioning.md tells its format.

Lines of JSON in UTF-8: a header, one record a line in the order of `n` with nothing left out between, and
{"signature": Base64}: Ed25519 by the station over every byte before that line. An export begins with the first record
that the city has not yet shown to have opened, so that no lost file loses a terminal.
"""

import base64
import binascii
import json
from typing import Any

import attrs

from host_agent.provision import signing
from host_agent.provision.station import LOST, PROVISIONED, Station

FORMAT = "yiping registry export 1"
RECEIPT_FORMAT = "yiping registry receipt 1"
SIZE_LIMIT_BYTES = 64 * 1024 * 1024
_HEADER_KEYS = {"format", "station", "public_key", "sealed_to", "first", "last", "utc_ms"}
_NAME_LIMIT = 64


class ExportError(ValueError):
    """Say why a file is no export, or not the whole of one."""


@attrs.frozen
class Header:
    """Who made an export, for whom, and which records it brings."""

    station: str
    public_key: bytes
    sealed_to: str
    first: int
    last: int
    utc_ms: int


@attrs.frozen
class Export:
    """A sound export: its signature is that of the key in its header, which need not be a trusted one."""

    header: Header
    records: tuple[tuple[dict[str, Any], bytes], ...]

    @property
    def fingerprint(self) -> str:
        """Return by which name the city trusts its station."""
        return signing.fingerprint(self.header.public_key)


def make(station: Station, passphrase: bytes, everything: bool = False) -> tuple[bytes, int, int] | None:
    """Return an export with the numbers of its first and last record, None when the city has them all.

    ValueError: the passphrase is not the station's.
    """
    first = 1 if everything else station.first_not_held()
    rows = station.records(first)
    if not rows:
        return None
    last = rows[-1][0]
    header = {
        "format": FORMAT, "station": station.name, "public_key": _text(station.public_key),
        "sealed_to": station.city.fingerprint, "first": first, "last": last, "utc_ms": station.utc_ms(),
    }  # fmt: skip
    lines = [_line(header)]
    lines += [_line(json.loads(public) | {"sealed": _text(box)}) for _, public, box in rows]
    body = b"".join(lines)
    signature = signing.sign(station.signing_key, passphrase, body)
    return body + _line({"signature": _text(signature)}), first, last


def read(data: bytes) -> Export:
    """Return what a file brings, checked as far as it can be without keys.

    :raises ExportError: it is no export, was cut or altered.
    """
    if len(data) > SIZE_LIMIT_BYTES:
        raise ExportError("it is far too large")
    lines = data.split(b"\n")
    if len(lines) < 4 or lines[-1] != b"":
        raise ExportError("it is cut short, or no export")
    header = _header(_object(lines[0], 1))
    signature = _object(lines[-2], len(lines) - 1)
    body = data[: len(data) - len(lines[-2]) - 1]
    signed = _bytes(signature, "signature")
    written = _line({"signature": _text(signed)})  # nothing beside it: no byte of the file may be another one
    if data[len(body) :] != written or not signing.is_signed(header.public_key, signed, body):
        raise ExportError("its signature does not hold: it was cut, altered, or not made by that station")
    records = [_record(_object(line, at), at) for at, line in enumerate(lines[1:-2], 2)]
    if [public["n"] for public, _ in records] != list(range(header.first, header.last + 1)):
        raise ExportError(f"it does not hold just the records {header.first} to {header.last}")
    return Export(header, tuple(records))


def receipt(fingerprint: str, proofs: list[tuple[int, bytes]]) -> bytes:
    """Return the file by which a station knows that the city has opened these records."""
    values = {"format": RECEIPT_FORMAT, "station": fingerprint, "opened": [[n, proof.hex()] for n, proof in proofs]}
    return _line(values)


def read_receipt(data: bytes, fingerprint: str) -> list[tuple[int, bytes]]:
    """Return number and proof of each record that was opened.

    :raises ExportError: it is no receipt, or another station's.
    """
    values = _object(data.removesuffix(b"\n"), 1)
    if values.get("format") != RECEIPT_FORMAT or not isinstance(values.get("opened"), list):
        raise ExportError("it is no receipt of a registry")
    if values.get("station") != fingerprint:
        raise ExportError("it is another station's receipt")
    try:
        opened = [(int(n), bytes.fromhex(proof)) for n, proof in values["opened"]]
    except (TypeError, ValueError):
        raise ExportError("it is damaged") from None
    return opened


def _record(values: dict[str, Any], at: int) -> tuple[dict[str, Any], bytes]:
    box = _bytes(values, "sealed")
    public = {key: value for key, value in values.items() if key != "sealed"}
    if not _is_count(public.get("n")) or public.get("what") not in (PROVISIONED, LOST):
        raise ExportError(f"line {at} is no record")
    return public, box


def _header(values: dict[str, Any]) -> Header:
    if values.get("format") != FORMAT:
        raise ExportError(f"it does not begin as an export ({FORMAT!r}); see which version of yiping made it")
    texts: list[Any] = [values.get("station"), values.get("sealed_to")]
    counts: list[Any] = [values.get("first"), values.get("last"), values.get("utc_ms")]
    sound = all(isinstance(text, str) and 1 <= len(text) <= _NAME_LIMIT for text in texts)
    if set(values) != _HEADER_KEYS or not sound or not all(_is_count(count) for count in counts):
        raise ExportError("its header is damaged")
    return Header(texts[0], _bytes(values, "public_key"), texts[1], *counts)


def _object(line: bytes, at: int) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise ExportError(f"line {at} is no JSON") from None
    if not isinstance(values, dict):
        raise ExportError(f"line {at} is no JSON object")
    return values


def _bytes(values: dict[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(values[key], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ExportError(f"{key} is missing or damaged") from None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < 1 << 63


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
