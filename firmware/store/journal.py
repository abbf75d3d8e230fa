"""The terminal's journal: a ring log of sealed events on its own NOR chip. Stored layout: protocol/record.py.

Promises: what `append_event`, `append_invite` or the start returned from stands on the chip and was read back. A power
cut at any moment loses nothing that stood there, invents nothing and lets no boot number come again. An event that was
not acknowledged is never erased: the journal is full first. Acknowledged ones stay readable until their sector is
needed. Every sector is erased equally often. A sector that cannot be read is skipped, kept and reported.
Not promised: a power cut may undo the last acknowledgement, so an event may be sent again.

Call `idle` often while nothing else is to do: it erases ahead, so that no append waits for an erase.
"""

from hashlib import sha256

from protocol import reasons, record
from store.faults import JournalError
from store.invites import KnownInvites
from store.lookup import Lookup
from store.ring import AHEAD, PAGES, Ring

KNOWN_INVITES = 256
SPAN = 64  # sectors: known invites never lie further behind the head, so a start need not read more
RATING_PAGES = 12  # an invite, 8 changes, its outcome, and 2 for the journal's own records
LAST_PAGES = 2 * PAGES  # the last two sectors: only invites and their outcomes take them
ERASE_MS = 2_000  # datasheet: at most 0.4 s; suspended ones take longer

_TRIES = 4

# Who may take which room: an invite, what belongs to one (and to the start), any other event, the journal's own notes.
_NEW, _RATING, _OTHER, _OWN = 0, 1, 2, 3


class JournalFull(JournalError):
    """There is no room for this record until events are acknowledged."""

    def __init__(self) -> None:
        super().__init__(reasons.WHY_JOURNAL_FULL)


def format_chip(flash: object, journal_id: bytes) -> None:
    """Begin an empty journal: whatever the chip held is given up. JournalError when its first sector is broken."""
    ring = Ring(flash, journal_id)
    ring.start_erase(1)
    while ring.erasing:
        flash.wait()
        if not ring.finish_erase():
            raise JournalError(reasons.WHY_NOR_MISSING)


class Journal:
    """One journal, usable after `mount`. Not to be used by two tasks at once: nothing here waits for another task."""

    def __init__(self, flash: object, journal_id: bytes, known_limit: int = KNOWN_INVITES) -> None:
        self.boot = 0  # of this start; 0 while it could not be made durable
        self.last_seq = 0
        self.first_unacked = 1
        self.prev_hash = bytes(8)
        self.known_invites = KnownInvites(known_limit)
        self.open_invite = None  # an invite without outcome
        self.open_origin = 0
        self.faults = []  # sectors to report: numbers; `fault_reported` takes them off
        self._ring = Ring(flash, journal_id)
        self._lookup = Lookup(self._ring)
        self._span = min(SPAN, self._ring.sectors // 2)
        self._boots = 0
        self._lost = {}
        self._prepared = 0
        self._unacked_sector = self._done_to = 0
        self._carried_head = 0
        self._erase_since = None

    # -- start

    def mount(self) -> None:
        """Recover the state and make this start's boot number durable; JournalError when there is no such journal."""
        from store.recovery import Recovery  # here: main.py drops it when the journal stands

        ring = self._ring
        found = Recovery(ring, self.known_invites, self._span)
        found.run()
        self.last_seq, self.first_unacked, self._boots = found.last_seq, found.first_unacked, found.boot
        if found.last_event:
            self.prev_hash = sha256(found.last_event).digest()[:8]
        if found.invite_open:
            self.open_invite, self.open_origin = found.invite, found.origin
        self._lost, self._prepared = found.lost, found.prepared
        self._settle_unacked()
        self._done_to = ring.oldest - 1
        self.faults = [lost[0] for lost in self._lost.values() if not lost[2]] + found.newly_lost
        for number in found.newly_lost:
            self._note_lost(number, 0)
        self._begin_boot()

    def _begin_boot(self) -> None:
        """Make the boot number durable, if there is room."""
        self._boots += 1
        if self._try(record.BOOT, b"", _RATING):
            self.boot = self._boots
        else:
            self._boots -= 1

    # -- appending

    def append_event(self, seq: int, event: "bytes | bytearray", last: bool = False) -> None:
        """Make the next event durable; JournalFull, or JournalError when the chip takes it nowhere.

        The `last` one of an epoch may have the room that is kept for ratings.
        """
        invite = record.invite_of(event)
        if seq != self.last_seq + 1:
            raise ValueError(f"seq {seq} after {self.last_seq}")
        address = self._append(record.EVENT, seq, event, _OTHER if invite is None and not last else _RATING)
        self.last_seq = seq
        self.prev_hash = sha256(event).digest()[:8]
        self._lookup.remember(seq, address)
        if invite is not None and invite == self.open_invite:
            self.open_invite = None

    def append_invite(self, invite: bytes, origin: int) -> None:
        """Make an invite durable and keep room for its whole rating; JournalFull when there is none."""
        number = self.known_invites.last + 1
        payload = number.to_bytes(4, "little") + invite + bytes((origin,))
        self._append(record.INVITE, self.last_seq, payload, _NEW)
        self.known_invites.add(number, invite, self._ring.head)
        self.open_invite, self.open_origin = invite, origin

    def room(self) -> int:
        """Return how many events fit until an invite is refused; 0 = full."""
        return max(0, self._pages() - RATING_PAGES) if self.boot else 0

    def room_for_other(self) -> bool:
        """Return whether an event without invite would be taken."""
        return self.boot != 0 and self._pages() > LAST_PAGES

    def _pages(self) -> int:
        """Return how many pages can be written before an event that is not acknowledged would have to go."""
        ring = self._ring
        last = self._unacked_sector + ring.sectors - 1
        return ring.head_pages() + PAGES * ring.good_between(ring.head, last)

    def _append(self, type_: int, seq: int, payload: "bytes | bytearray", kind: int) -> int:
        """Program one record where it fits and return its address; a failed one is tried again elsewhere."""
        if not self.boot and type_ != record.BOOT and kind != _OWN:
            raise JournalFull()
        self._make_room(kind)
        data = record.encode(type_, self._boots, seq, payload)
        ring = self._ring
        ring.begin()
        try:
            for _ in range(_TRIES):
                address = ring.find_place(len(data) + 1, self.last_seq + 1)
                if address < 0:
                    raise JournalFull()
                if ring.program(address, data):
                    return address
                ring.skip_page()
        finally:
            ring.end()
        raise JournalError(reasons.WHY_NOR_MISSING)

    def _make_room(self, kind: int) -> None:
        """Let a record in whose kind may have the room, erasing now if `idle` did not; JournalFull otherwise."""
        if kind == _OWN:
            return
        if self._pages() <= (RATING_PAGES if kind == _NEW else LAST_PAGES if kind == _OTHER else 1):
            raise JournalFull()
        ring = self._ring
        wanted = RATING_PAGES if kind == _NEW else 2  # one for the record, one to say what is erased next
        while ring.head_pages() + PAGES * ring.ready() < wanted:
            self._erase_now()

    def _try(self, type_: int, payload: bytes, kind: int) -> bool:
        """Append a record that is no event; false when there is no room for it."""
        try:
            self._append(type_, self.last_seq, payload, kind)
        except JournalFull:
            return False
        return True

    # -- reading and acknowledging

    def read(self, seq: int) -> "bytes | None":
        """Return an event, acknowledged or not; None when it is not there or cannot be read."""
        self._ring.begin()
        try:
            return self._lookup.payload(seq)
        finally:
            self._ring.end()

    def acknowledge(self, seq: int) -> None:
        """Note on the chip that the agent has the event; unknown and acknowledged ones are ignored."""
        if not self.first_unacked <= seq <= self.last_seq:
            return
        ring, lookup = self._ring, self._lookup
        ring.begin()
        try:
            address = lookup.unacknowledged(seq)
            if address:
                ring.flash.program(address, b"\x00")
            while self.first_unacked <= self.last_seq and not lookup.unacknowledged(self.first_unacked):
                self.first_unacked += 1
        finally:
            ring.end()
        self._settle_unacked()

    def _settle_unacked(self) -> None:
        """Set the sector that must be kept: the one with the first event that is not acknowledged."""
        ring = self._ring
        number = ring.head if self.first_unacked > self.last_seq else ring.sector_of(self.first_unacked)
        self._unacked_sector = max(number, ring.oldest)

    # -- work while nothing else is to do

    def idle(self, now_ms: int) -> bool:
        """Do one short piece of the work ahead; true while there is more soon."""
        ring = self._ring
        if ring.erasing:
            self._watch_erase(now_ms)
            return True
        if not self.boot:
            self._begin_boot()
        return self._mark_done() or self._carry() or self._prepare()

    def fault_reported(self, number: int) -> None:
        """Note durably that an event reports this sector."""
        if number in self.faults:
            self.faults.remove(number)
            self._note_lost(number, 1)

    def _watch_erase(self, now_ms: int) -> None:
        """Take the end of the erase under way, or give it up after ERASE_MS."""
        if self._erase_since is None:
            self._erase_since = now_ms
        ring = self._ring
        if ring.flash.busy() and now_ms - self._erase_since < ERASE_MS:
            return
        self._erase_since = None
        self._erase_ended()

    def _erase_ended(self) -> None:
        number = self._ring.erasing
        if not self._ring.finish_erase():
            self.faults.append(number)
            self._note_lost(number, 0)

    def _note_lost(self, number: int, reported: int) -> None:
        self._try(record.LOST, number.to_bytes(4, "little") + bytes((reported,)), _OWN)
        self._lost[self._ring.place(number)] = [number, self._ring.head, reported]

    def _mark_done(self) -> bool:
        """Mark the next sector whose events are all acknowledged, so that a start need not read it."""
        ring = self._ring
        self._done_to = max(self._done_to, ring.oldest - 1)
        while self._done_to + 1 < self._unacked_sector:
            self._done_to += 1
            if ring.place(self._done_to) not in ring.bad:
                ring.mark_done(self._done_to)
                return True
        return False

    def _carry(self) -> bool:
        """Write known invites and lost sectors anew whose record falls behind."""
        head = self._ring.head
        if self._carried_head == head or self._pages() <= RATING_PAGES:
            return False
        limit = head - self._span
        batch = self.known_invites.carried(limit, record.KNOWN_MAX)
        if batch:
            payload = b"".join([number.to_bytes(4, "little") + invite for number, invite in batch])
            if not self._try(record.KNOWN, payload, _RATING):
                return False
            for number, invite in batch:
                self.known_invites.add(number, invite, self._ring.head)
            return True
        for number, home, reported in list(self._lost.values()):
            if home <= limit:
                self._note_lost(number, reported)
                return True
        self._carried_head = head
        return False

    def _next_to_prepare(self) -> int:
        """Return the number of the next sector to erase, 0 when it holds something still needed."""
        ring = self._ring
        number = ring.after(ring.newest)
        old = number - ring.sectors
        if old >= self._unacked_sector or (0 < self.known_invites.oldest_home() <= old):
            return 0
        return number

    def _prepare(self) -> bool:
        """Start to erase a sector ahead, when too few are ready and one may go."""
        if self._ring.ready() >= AHEAD:
            return False
        number = self._next_to_prepare()
        return number != 0 and self._start_erase(number)

    def _start_erase(self, number: int) -> bool:
        """Say durably which sector is about to be erased, then start; false without room to say it."""
        if self._prepared != number:
            if not self._try(record.PREPARE, number.to_bytes(4, "little"), _OWN):
                return False
            self._prepared = number
        self._ring.start_erase(number)
        return True

    def _erase_now(self) -> None:
        """Erase one sector and wait for it; JournalFull when none may go. Only when `idle` was not called in time."""
        ring = self._ring
        if not ring.erasing:
            number = self._next_to_prepare()
            if not number or not self._start_erase(number):
                raise JournalFull()
        while ring.erasing:
            ring.flash.wait()
            self._erase_ended()
