"""Seal events and make them durable; hand them out to the link.

An event is sealed with the sequence after the last durable one. A record that was torn by a power cut leaves its
sequence free for the next boot, whose number keeps the nonce from coming twice.
"""

from array import array

from app import fields as f
from protocol import codes

_AGES = 128  # events of this boot whose time is remembered, twice the link's window


class Recorder:
    """Sealer and journal of one terminal; without a journal nothing can be sealed."""

    def __init__(self, journal: object | None, sealer: object | None, clock: object, reveal: bool) -> None:
        self._journal = journal
        self._sealer = sealer
        self._clock = clock
        self.rated = {} if reveal else None  # of a terminal that reveals: the last rating, for QUERY
        self._sealed_ms = array("I", bytes(4 * _AGES))
        self._first_of_boot = 1 if journal is None else journal.last_seq + 1
        self.halted = journal is None

    def halt(self) -> None:
        """Seal nothing more: the journal or its numbers cannot be trusted."""
        self.halted = True

    def seal(self, kind: int, invite: bytes | None, fields: dict) -> None:
        """Make one event durable; raises the journal's errors. Nothing at all when halted."""
        if self.halted:
            return
        journal = self._journal
        seq = journal.last_seq + 1
        fields[f.TQ] = self._clock.quality()
        fields[f.UP] = self._clock.now_ms()
        fields[f.PREV] = journal.prev_hash
        utc_ms = self._clock.utc_ms()
        if utc_ms is not None:
            fields[f.T] = utc_ms
        if kind == codes.RATED and self.rated is not None:
            fields[f.REVEAL] = True
        journal.append_event(seq, self._sealer.seal(kind, invite, journal.boot, seq, fields))
        if kind == codes.RATED and self.rated is not None:
            _note_rated(self.rated, invite, fields)
        self._sealed_ms[seq % _AGES] = fields[f.UP] & 0xFFFFFFFF

    def record_invite(self, invite: bytes, origin: int) -> None:
        """Make an invite durable; raises the journal's errors."""
        self._journal.append_invite(invite, origin)

    def room(self) -> int:
        """Return how many events fit before an invite is refused."""
        return 0 if self.halted else self._journal.room()

    def room_for_other(self) -> bool:
        """Return whether an event without invite would be taken."""
        return not self.halted and self._journal.room_for_other()

    def boot(self) -> int:
        """Return the number of this start, 0 when there is none."""
        return 0 if self._journal is None else self._journal.boot

    # -- what the link takes

    def first(self) -> int:
        """Return the first sequence that is not acknowledged."""
        return 1 if self._journal is None else self._journal.first_unacked

    def last(self) -> int:
        """Return the last sequence."""
        return 0 if self._journal is None else self._journal.last_seq

    def read(self, seq: int) -> tuple | None:
        """Return (age in ms or None, event), or None when it is not there."""
        event = None if self._journal is None else self._journal.read(seq)
        if event is None:
            return None
        age_ms = None
        if seq >= self._first_of_boot and self.last() - seq < _AGES:
            age_ms = self._clock.now_ms() - self._sealed_ms[seq % _AGES] & 0xFFFFFFFF
        return age_ms, event

    def acknowledge(self, seq: int) -> None:
        """Note durably that the agent has an event."""
        self._journal.acknowledge(seq)


def _note_rated(rated: dict, invite: bytes | None, fields: dict) -> None:
    """Keep what QUERY tells of a rating, in place: a request that waits has the newest."""
    rated.clear()
    rated["invite"] = invite
    for name, key in (("level", f.LEVEL), ("biz", f.BIZ), ("svc", f.SVC), ("tags", f.TAGS)):
        if key in fields:
            rated[name] = fields[key]
