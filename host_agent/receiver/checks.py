"""Judge one event against the registry's entry and what is stored around it: pure, no clock, no database.

Promise: an event that opens is kept, whatever else is odd about it; oddities become alarms for people, each with a
code of `ALARMS`. The rules are those of the evidence design: identity is (terminal, epoch, seq) for ever, the same
bytes again are a duplicate, other bytes under one identity a conflict, `prev` is judged when both neighbours are there.
"""

import attrs

from host_agent.provision.registry import Entry
from protocol import cbor, evidence, rating
from protocol.errors import CborError

PENDING, OK, BROKEN = "pending", "ok", "broken"

STORED = "stored"
DUPLICATE = "duplicate"
CONFLICT = "conflict"
REFUSED = "refused"

UNKNOWN_TERMINAL = "unknown_terminal"
UNKNOWN_EPOCH = "unknown_epoch"
NOT_OPENED = "not_opened"
MALFORMED = "malformed"
WAITING_CODES = (UNKNOWN_TERMINAL, UNKNOWN_EPOCH)  # the registry may gain them: kept and tried again

ALARMS = {
    CONFLICT: "two different events bear the same number: the key was copied, or the terminal's memory was restored",
    "chain_broken": "an event does not continue the one before it",
    NOT_OPENED: "an event does not open as the terminal seals: it was altered on the way, or invented",
    MALFORMED: "a message is no event",
    UNKNOWN_TERMINAL: "events of a terminal that the registry does not know",
    UNKNOWN_EPOCH: "events of a key epoch that the registry does not know",
    "invite_unbound": "the case sent with an event is not the one its invite was made for",
    "invite_bare": "an invite made at the PC came without the case it was made for",
    "invite_elsewhere": "an invite made for another window was used at this terminal",
    "invite_shared": "one invite has outcomes from two terminals",
    "two_outcomes": "one invite has two different outcomes",
    "invite_reopened": "a rating was changed after its invite had ended",
    "invite_time": "a rating is far from the time of its invite",
    "service_conflict": "two different service records bear the same number: the agent's disk was copied or put back",
    "service_unbound": "a service record is not what its invite was made for",
    "misaddressed": "an event came under the name of another terminal or centre",
    "id_mismatch": "an event came under an id that is not its own",
    "boot_order": "a later event has an earlier boot number: the key was copied, or the terminal's memory was restored",
    "after_last": "an event follows the last one of its epoch",
    "after_lost": "a terminal that was told to be lost goes on: it was found, or somebody else has it",
    "reveal": "the terminal's setting that tells levels to the PC differs from the registry's",
    "unsealed": "what a terminal says of its hardware, sealed or not, differs from the registry's board",
    "clock_ahead": "the terminal's time is ahead of the city's",
    "odd_tags": "the tags of a rating are none that its terminal offered for its levels; it is kept and handed on",
    "unknown_tag_table": "tags of a table that this receiver does not have: put it into receiver.tag_tables",
    "odd_content": "an event opens but holds what no rule allows; it is kept and not handed on",
}

INVITE_SPAN_MS = 3_600_000  # an invite lives minutes; clocks of the PC and the terminal may differ
CLOCK_AHEAD_MS = 600_000
_LEVEL, _T, _ORIGIN, _REVEAL, _UNSEALED, _PREV = 6, 1, 19, 20, 21, 5
_ZEROS = bytes(8)


@attrs.frozen
class Alarm:
    """One thing a person should know: a code of ALARMS and what exactly was seen."""

    code: str
    detail: str = ""


@attrs.frozen
class Place:
    """One stored event beside, or at, the place of the event judged."""

    row: int
    seq: int
    boot: int
    evidence: bytes = attrs.field(repr=False)
    prev: bytes | None = None
    chain: str = PENDING


@attrs.frozen
class Surroundings:
    """What is stored around one event."""

    same: tuple[Place, ...] = ()
    before: tuple[Place, ...] = ()
    after: tuple[Place, ...] = ()
    ended_seq: int | None = None  # of the event that closed the epoch
    outcomes: tuple[tuple[str, int], ...] = ()  # (terminal, kind) of stored outcomes of the same invite
    reopened: bool = False  # another invite lies between this event and an earlier one of the same invite
    newest_seq: int = 0  # the highest that is stored of this epoch


@attrs.frozen
class Origin:
    """What an invite was about, as its preimage tells."""

    centre: str
    window: str
    clerk: str | None
    service_ref: str | None
    utc_ms: int


@attrs.frozen
class Verdict:
    """What to do with an event that opened."""

    status: str
    chain: str
    alarms: tuple[Alarm, ...]
    bound: bool | None
    origin: Origin | None
    followers: tuple[tuple[int, str], ...] = ()  # (row, chain) of stored events whose chain is known only now
    hand_on: bool = True


def bind(invite: bytes | None, preimage: bytes | None) -> tuple[bool | None, Origin | None]:
    """Recompute the invite id: (True, what it was about), (False, None), or (None, None) when nothing can be said."""
    if invite is None or preimage is None:
        return None, None
    if evidence.invite_id(preimage) != invite:
        return False, None
    origin = _origin(preimage)
    return (False, None) if origin is None else (True, origin)


def judge(
    clear: evidence.Clear,
    fields: dict,
    event: bytes,
    entry: Entry,
    around: Surroundings,
    preimage: bytes | None,
    now_ms: int,
) -> Verdict:
    """Judge an event that opened and is not stored yet with these bytes."""
    alarms: list[Alarm] = []
    status = STORED
    if around.same:
        status = CONFLICT
        alarms.append(Alarm(CONFLICT, f"{len(around.same) + 1} versions"))
    chain = chain_of(clear.seq, fields.get(_PREV), around.before)
    if chain == BROKEN:
        alarms.append(Alarm("chain_broken"))
    followers, broken = _followers(event, around)
    alarms += [Alarm("chain_broken", f"seq {place.seq}") for place in broken]
    bound, origin = bind(clear.invite, preimage)
    alarms += _about_invite(clear, fields, entry, around, bound, preimage, origin)
    alarms += _about_terminal(clear, fields, entry, around, now_ms)
    odd = (clear.kind == rating.RATED) != (_LEVEL in fields)
    if odd:
        alarms.append(Alarm("odd_content", "a level belongs to a rated event, and to no other"))
    return Verdict(status, chain, tuple(alarms), bound, origin, followers, hand_on=not odd)


def chain_of(seq: int, prev: bytes | None, before: tuple[Place, ...]) -> str:
    """Say whether an event with this `prev` continues one of the stored versions of its predecessor."""
    if seq == 1:
        return OK if prev == _ZEROS else BROKEN
    if not before:
        return PENDING
    return OK if any(prev == evidence.prev_hash(place.evidence) for place in before) else BROKEN


def _followers(event: bytes, around: Surroundings) -> tuple[tuple[tuple[int, str], ...], list[Place]]:
    """Judge the stored successors anew now that a predecessor is there; return changes and what broke."""
    mine = evidence.prev_hash(event)
    changed: list[tuple[int, str]] = []
    broken: list[Place] = []
    for place in around.after:
        if place.chain == OK:
            continue
        state = OK if place.prev == mine else BROKEN
        if state != place.chain:
            changed.append((place.row, state))
            if state == BROKEN:
                broken.append(place)
    return tuple(changed), broken


def _about_invite(
    clear: evidence.Clear,
    fields: dict,
    entry: Entry,
    around: Surroundings,
    bound: bool | None,
    preimage: bytes | None,
    origin: Origin | None,
) -> list[Alarm]:
    if clear.invite is None:
        return []
    alarms = []
    if bound is False:
        alarms.append(Alarm("invite_unbound"))
    if preimage is None and fields.get(_ORIGIN) in (rating.ORIGIN_COUNTER, rating.ORIGIN_CLERK_PAGE):
        alarms.append(Alarm("invite_bare"))
    if origin is not None and (origin.centre, origin.window) != (entry.centre, entry.window):
        alarms.append(Alarm("invite_elsewhere", f"invite of {origin.centre}/{origin.window}"))
    if origin is not None and _T in fields and abs(fields[_T] - origin.utc_ms) > INVITE_SPAN_MS:
        alarms.append(Alarm("invite_time", f"{(fields[_T] - origin.utc_ms) // 60_000} min after its invite"))
    if clear.kind not in rating.OUTCOMES:
        return alarms
    if any(terminal != clear.terminal for terminal, _ in around.outcomes):
        alarms.append(Alarm("invite_shared", ", ".join(sorted({terminal for terminal, _ in around.outcomes}))))
    elif any(kind != clear.kind for _, kind in around.outcomes):
        alarms.append(Alarm("two_outcomes"))
    if around.reopened:
        alarms.append(Alarm("invite_reopened"))
    return alarms


def _about_terminal(
    clear: evidence.Clear, fields: dict, entry: Entry, around: Surroundings, now_ms: int
) -> list[Alarm]:
    alarms = []
    if any(place.boot > clear.boot for place in around.before) or any(
        place.boot < clear.boot for place in around.after
    ):
        alarms.append(Alarm("boot_order", f"boot {clear.boot}"))
    if around.ended_seq is not None and clear.seq > around.ended_seq:
        alarms.append(Alarm("after_last", f"the last one was {around.ended_seq}"))
    if clear.kind == rating.LAST_OF_EPOCH and around.newest_seq > clear.seq:
        alarms.append(Alarm("after_last", f"{around.newest_seq} was here before the last one came"))
    if entry.lost_utc_ms and fields.get(_T, 0) > entry.lost_utc_ms + CLOCK_AHEAD_MS:
        alarms.append(Alarm("after_lost"))
    if clear.kind == rating.RATED and bool(fields.get(_REVEAL)) != entry.reveal_level:
        alarms.append(Alarm("reveal", "told" if fields.get(_REVEAL) else "not told"))
    if bool(fields.get(_UNSEALED)) != entry.unsealed:
        alarms.append(Alarm("unsealed", f"board {entry.board}"))
    if fields.get(_T, 0) > now_ms + CLOCK_AHEAD_MS:
        alarms.append(Alarm("clock_ahead"))
    return alarms


def _origin(preimage: bytes) -> Origin | None:
    """Return what a preimage says, or None when it is not written as one."""
    try:
        parts = cbor.decode(preimage)
    except CborError:
        return None
    if not isinstance(parts, list) or len(parts) != 6:
        return None
    random, centre, window, clerk, service_ref, utc_ms = parts
    texts = isinstance(centre, str) and isinstance(window, str)
    options = isinstance(clerk, str | None) and isinstance(service_ref, str | None)
    if not (texts and options and isinstance(random, bytes) and len(random) == 16 and type(utc_ms) is int):
        return None
    return Origin(centre, window, clerk, service_ref, utc_ms)
