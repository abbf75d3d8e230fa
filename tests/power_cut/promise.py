"""What the terminal has promised at a moment of a run, and the judging of a journal against it."""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from protocol import record, record_scan
from protocol.errors import RecordError
from store.journal import Journal
from tests.power_cut.events import prev_of


@functools.lru_cache(maxsize=4096)
def _events_of(sector: bytes) -> tuple[tuple[int, bytes, bool], ...]:
    """Return (seq, event, acknowledged) of every record of a sector; cuts leave most sectors as they were."""
    try:
        _, number = record.parse_header(sector)
    except RecordError:
        return ()
    found: list[record_scan.Record] = []
    record_scan.scan_sector(sector, number, 0, found)
    return tuple((one.seq, one.payload, one.acknowledged) for one in found if one.type == record.EVENT)


def events_on(image: bytearray) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (seq, event, acknowledged) of every event on a chip."""
    for start in range(0, len(image), record.SECTOR_BYTES):
        yield from _events_of(bytes(image[start : start + record.SECTOR_BYTES]))


class Broken(Exception):
    """A promise does not hold; the text says which."""


@dataclass(frozen=True)
class Call:
    """One call of the journal in a recorded run: what it did, and the flash operations from … to of the log."""

    what: str  # boot, event, invite, ack, idle
    start: int
    end: int
    seq: int = 0
    boot: int = 0
    event: bytes = b""
    invite: bytes | None = None


@dataclass
class Promise:
    """All that calls which have returned have made durable."""

    known_limit: int
    boot: int = 0
    last_seq: int = 0
    events: dict[int, bytes] = field(default_factory=dict)
    acked: set[int] = field(default_factory=set)
    invites: list[bytes] = field(default_factory=list)
    open_invite: bytes | None = None

    def keep(self, call: Call) -> None:
        """Take a call that has returned."""
        if call.what == "boot":
            self.boot = call.boot
        elif call.what == "event":
            self.last_seq = call.seq
            self.events[call.seq] = call.event
            if call.invite == self.open_invite:
                self.open_invite = None
        elif call.what == "invite":
            self.invites.append(call.invite)
            self.open_invite = call.invite
        elif call.what == "ack":
            self.acked.add(call.seq)

    def copy(self) -> "Promise":
        """Return a promise that can go its own way."""
        return replace(self, events=dict(self.events), acked=set(self.acked), invites=list(self.invites))

    def judge(self, journal: Journal, image: bytearray, under_way: Call | None) -> None:
        """Raise Broken unless the journal, just started on this image, keeps every promise.

        Of the call under way when the power failed, all or nothing may have happened.
        """
        pending = under_way if under_way is not None and under_way.what in ("event", "invite", "ack") else None
        self._judge_numbers(journal, pending)
        self._judge_events(journal, image, pending)
        self._judge_invites(journal, pending)
        if journal.faults:
            raise Broken(f"sectors {journal.faults} reported unreadable")

    def _judge_numbers(self, journal: Journal, pending: Call | None) -> None:
        if journal.boot <= self.boot:
            raise Broken(f"boot {journal.boot} was used before, up to {self.boot}")
        allowed = {self.last_seq}
        if pending is not None and pending.what == "event":
            allowed.add(pending.seq)
        if journal.last_seq not in allowed:
            raise Broken(f"last seq {journal.last_seq}, not one of {sorted(allowed)}")
        last = self._event(journal.last_seq, pending)
        if journal.prev_hash != (hashlib.sha256(last).digest()[:8] if last else bytes(8)):
            raise Broken("the hash of the last event is wrong")

    def _event(self, seq: int, pending: Call | None) -> bytes | None:
        if pending is not None and pending.what == "event" and pending.seq == seq:
            return pending.event
        return self.events.get(seq)

    def _judge_events(self, journal: Journal, image: bytearray, pending: Call | None) -> None:
        for seq in range(1, journal.last_seq + 1):
            if seq in self.acked:
                continue
            if journal.read(seq) != self._event(seq, pending):
                raise Broken(f"event {seq} was not acknowledged and cannot be read")
        for seq, payload, _ in events_on(image):
            if payload != self._event(seq, pending):
                raise Broken(f"event {seq} in the log was never sealed so")
        unacked = [seq for seq in range(1, journal.last_seq + 1) if seq not in self.acked]
        first = unacked[0] if unacked else journal.last_seq + 1
        allowed = {first}
        if pending is not None and pending.what == "ack" and pending.seq == first:
            allowed.add(unacked[1] if len(unacked) > 1 else journal.last_seq + 1)
        if journal.first_unacked not in allowed:
            raise Broken(f"first event to send is {journal.first_unacked}, not one of {sorted(allowed)}")

    def _judge_invites(self, journal: Journal, pending: Call | None) -> None:
        for invite in self.invites[-self.known_limit :]:
            if invite not in journal.known_invites and not self._pushed_out(invite, pending):
                raise Broken("an invite was forgotten")
        allowed = {self.open_invite}
        if pending is not None and pending.what == "invite":
            allowed.add(pending.invite)
        if pending is not None and pending.what == "event" and pending.invite == self.open_invite:
            allowed.add(None)
        if journal.open_invite not in allowed:
            raise Broken(f"open invite {journal.open_invite}, not one of {allowed}")

    def _pushed_out(self, invite: bytes, pending: Call | None) -> bool:
        """Return whether the invite under way may have taken the place of this one."""
        return pending is not None and pending.what == "invite" and self.invites[-self.known_limit :][0] == invite

    def judge_chain(self, first: int, last: int) -> None:
        """Raise Broken unless each event from `first` + 1 to `last` carries the hash of the one before."""
        for seq in range(first + 1, last + 1):
            if (
                seq - 1 in self.events
                and prev_of(self.events[seq]) != (hashlib.sha256(self.events[seq - 1]).digest()[:8])
            ):
                raise Broken(f"event {seq} does not follow from the one before")
