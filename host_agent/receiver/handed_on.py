"""Write one opened event as the plain JSON object that the municipal system gets (fields: docs/receiver.md).

Nothing is computed from nothing: what the event does not say is null, and a kind or field unknown here is passed on
under its number.
"""

import attrs

from host_agent.provision.registry import Entry
from host_agent.receiver.checks import CONFLICT, Origin
from protocol import evidence, rating

# plaintext key → name in the record, for what is handed on unchanged
_PLAIN = {
    1: "utc_ms",
    2: "time_quality",
    6: "level",
    7: "business_level",
    8: "service_level",
    11: "dwell_ms",
    12: "count",
    13: "input",
    14: "why",
    15: "lang",
    17: "firmware",
    18: "time_before_ms",
    19: "origin",
}
_HANDLED = (4, 5, 9, 10, 20, 21, *_PLAIN)


@attrs.frozen
class Standing:
    """How the receiver judges an event at present; it may change when other events arrive, and the revision with it."""

    chain: str
    status: str
    copy: int  # 1, or the number of this version where others bear the same identity
    bound: bool | None
    revision: int


@attrs.frozen
class Carried:
    """What the agent said of an event, and when it came."""

    stored_utc_ms: int | None
    received_utc_ms: int
    delay_ms: int | None


def record(
    clear: evidence.Clear,
    fields: dict,
    entry: Entry,
    origin: Origin | None,
    standing: Standing,
    carried: Carried,
    service: dict | None,
) -> dict:
    """Return the record; its id is unique for each version of an event. `service` is what its invite was about."""
    out: dict = {
        "id": record_id(clear, standing.copy),
        "revision": standing.revision,
        "terminal": clear.terminal,
        "epoch": clear.epoch,
        "seq": clear.seq,
        "boot": clear.boot,
        "kind": rating.KIND_NAMES.get(clear.kind, f"kind-{clear.kind}"),
        "kind_code": clear.kind,
        "invite": None if clear.invite is None else clear.invite.hex(),
        "invite_bound": standing.bound,
        "centre": entry.centre,
        "window": entry.window,
        "clerk": origin.clerk if origin else None,
        "service_ref": origin.service_ref if origin else None,
        "invited_utc_ms": origin.utc_ms if origin else None,
        "service": service,
    }
    for key, name in _PLAIN.items():
        out[name] = fields.get(key)
    out["up_ms"] = fields.get(4)
    out["tags"] = fields.get(9, [])
    out["tag_table"] = fields[10].hex() if 10 in fields else None
    out["reveal_level"] = bool(fields.get(20))
    out["unsealed"] = bool(fields.get(21)) or entry.unsealed
    out |= {
        "stored_utc_ms": carried.stored_utc_ms,
        "received_utc_ms": carried.received_utc_ms,
        "delay_ms": carried.delay_ms,
        "chain": standing.chain,
        "status": standing.status,
    }
    other = {str(key): _plain(value) for key, value in fields.items() if key not in _HANDLED}
    if other:
        out["other"] = other
    return out


def record_id(clear: evidence.Clear, copy: int) -> str:
    """Return `{terminal}-{epoch}-{seq}`, with `.{copy}` after it for the second and later versions of a conflict."""
    identity = f"{clear.terminal}-{clear.epoch}-{clear.seq}"
    return identity if copy == 1 else f"{identity}.{copy}"


def status_of(versions: int) -> str:
    """Return the status of an event that shares its identity with others, or does not."""
    return CONFLICT if versions > 1 else "stored"


def _plain(value: object) -> object:
    """Return what JSON can hold: bytes as hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
