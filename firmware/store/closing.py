"""End a key epoch: seal its last event, after which this journal never takes another one.

Done at the prompt of a terminal that is to be provisioned anew; loaded only for that, and by the start, which must know
a journal that has ended. May be repeated after a power cut at any moment: the last event is sealed once.
"""

from protocol import codes, reasons
from store import journal

# Keys of the sealed plaintext, see protocol/evidence.py.
_T, _TQ, _UP, _PREV, _WHY, _ORIGIN = 1, 2, 4, 5, 14, 19

_CLEAR_BYTES = 64  # the kind's label ends at byte 50 at most
_LAST = b"\x3a\x00\x01\x00\x00\x18\x1a"  # CBOR in the clear part: -65537, then kind 26


def is_ended(found: journal.Journal) -> bool:
    """Return whether the newest event of a mounted journal is the last of its epoch."""
    event = found.read(found.last_seq) if found.last_seq else None
    return event is not None and bytes(event[:_CLEAR_BYTES]).find(_LAST) >= 0


def end(found: journal.Journal, sealer: object, up_ms: int, utc_ms: "int | None") -> int:
    """Seal the last event of a mounted journal and return its seq; an open invite is ended first.

    Takes the room that is kept for ratings. JournalError when the chip takes nothing, JournalFull without room.
    """
    if is_ended(found):
        return found.last_seq
    times = {_UP: up_ms, _TQ: 0}
    if utc_ms is not None:
        times[_T], times[_TQ] = utc_ms, 1  # by the clock chip alone
    if found.open_invite is not None:
        why = {_WHY: reasons.WHY_POWER_CUT, _ORIGIN: found.open_origin}
        _seal(found, sealer, codes.INTERRUPTED, found.open_invite, times, why)
    _seal(found, sealer, codes.LAST_OF_EPOCH, None, times, {})
    return found.last_seq


def _seal(found: journal.Journal, sealer: object, kind: int, invite: "bytes | None", times: dict, more: dict) -> None:
    fields = {_PREV: found.prev_hash}
    fields.update(times)
    fields.update(more)
    seq = found.last_seq + 1
    found.append_event(seq, sealer.seal(kind, invite, found.boot, seq, fields), True)
