"""Takes a station's export into the city's registry: all of it or nothing, any number of times.

Promise: what an import says it stored can be opened by the city's key, was signed by a station that the city trusts,
and follows without a hole on what the same station brought before.
"""

import re
from typing import TYPE_CHECKING, Any

import attrs

from host_agent.provision import export, sealed
from host_agent.provision.export import Export, ExportError
from host_agent.provision.registry import Entry, Registry, RegistryError, entry_from
from host_agent.provision.station import LOST

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class ImportRefused(Exception):
    """Say why nothing was imported, and what to do."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure


@attrs.frozen
class Imported:
    """What an import did: how many entries had each outcome, how many terminals are lost, and the receipt to give."""

    station: str
    outcomes: dict[str, int]
    lost: int
    receipt: bytes = attrs.field(repr=False)


def take(registry: Registry, key: "RSAPrivateKey", found: Export, trusted: str | None, now_utc_ms: int) -> Imported:
    """Store what an export brings; `trusted` is the fingerprint that the city was told, needed once for a station.

    :raises ImportRefused: nothing was stored.
    """
    through = _require_trust(registry, found, trusted)
    if found.header.first > through + 1:
        missing = f"records {through + 1} to {found.header.first - 1} of station {found.header.station} are missing"
        raise ImportRefused(missing, "import the export before it, or have one made with --all")
    entries, lost, proofs = [], [], []
    for public, box in found.records:
        opened = _open(key, public, box)
        proofs.append((public["n"], opened.proof))
        if public["what"] == LOST:
            lost.append(_loss(public))
        else:
            entries.append(_entry(public, opened.secret, now_utc_ms))
    try:
        header = found.header
        done = registry.merge(found.fingerprint, header.station, header.last, entries, lost)
    except RegistryError as error:
        cure = "provision that terminal anew with a higher epoch, and see why two stations gave the same id"
        raise ImportRefused(str(error), cure) from None
    outcomes = {outcome: done.count(outcome) for outcome in ("added", "unchanged", "moved")}
    return Imported(header.station, outcomes, len(lost), export.receipt(found.fingerprint, proofs))


def _require_trust(registry: Registry, found: Export, trusted: str | None) -> int:
    """Return up to which record the station's are known already."""
    if trusted is not None and not _FINGERPRINT.fullmatch(trusted):
        raise ImportRefused(
            "this is no fingerprint of a station", "give all 64 digits that `yiping station init` showed"
        )
    if trusted is not None and trusted != found.fingerprint:
        what = f"the export was signed by another station, {found.fingerprint}"
        raise ImportRefused(what, "ask the station's owner for its fingerprint, and see where the file comes from")
    through = registry.through(found.fingerprint)
    if through is None and trusted is None:
        what = f"station {found.header.station!r} ({found.fingerprint}) is not known here"
        cure = "ask its owner for the fingerprint by another way, and give it with --trust"
        raise ImportRefused(what, cure)
    return through or 0


def _open(key: "RSAPrivateKey", public: dict[str, Any], box: bytes) -> sealed.Opened:
    try:
        return sealed.unseal(key, public, box)
    except sealed.SealedError as error:
        cure = "use the private key whose public half the station has; its fingerprint is in the export's first line"
        raise ImportRefused(f"record {public['n']} does not open: {error}", cure) from None


def _entry(public: dict[str, Any], secret: bytes | None, now_utc_ms: int) -> Entry:
    try:
        return entry_from(public | {"secret": secret.hex() if secret else None}, now_utc_ms)
    except RegistryError as error:
        raise ImportRefused(f"record {public['n']} is no terminal: {error}", _WRONG_STATION) from None


def _loss(public: dict[str, Any]) -> tuple[str, int, int]:
    terminal, epoch, utc_ms = public.get("terminal"), public.get("epoch"), public.get("utc_ms")
    if not isinstance(terminal, str) or type(epoch) is not int or type(utc_ms) is not int or not 0 < utc_ms < 1 << 63:
        raise ImportRefused(f"record {public['n']} names no lost terminal", _WRONG_STATION)
    return terminal, epoch, utc_ms


_WRONG_STATION = "the station's program is at fault: bring it up to date and export again with --all"

__all__ = ["ExportError", "ImportRefused", "Imported", "take"]
