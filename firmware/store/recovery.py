"""Find out from the chip what the journal held when the power failed. Reads only; nothing is repaired here.

Reads every sector's first page, the head, and as many older sectors as hold the last known invites.
"""

from array import array

from protocol import reasons, record
from protocol.errors import RecordError
from store.faults import JournalError
from store.ring import AHEAD, PAGES, Ring

_UNKNOWN, _ENDED, _OPEN = 0, 1, 2


class Recovery:
    """What `run` found; it leaves the ring ready to append."""

    def __init__(self, ring: Ring, known: object, span: int) -> None:
        self.ring = ring
        self.known = known
        self.span = span  # sectors behind the head that hold every known invite
        self.boot = 0  # highest boot in any record
        self.last_seq = 0
        self.first_unacked = 1
        self.last_event = b""  # bytes of the newest event
        self.prepared = 0  # newest sector number that was about to be made by an erase
        self.lost = {}  # place → [number, sector that says so, reported]
        self.newly_lost = []  # numbers that no record names yet
        self.invite = b""  # the newest invite …
        self.origin = 0
        self.invite_open = False  # … and whether it has no outcome
        self._numbers = array("I", [0] * ring.sectors)
        self._done = bytearray(ring.sectors)
        self._invite_state = _UNKNOWN
        self._invite_seen = b""  # invite of the newest event that has one

    def run(self) -> None:
        """Read the chip; JournalError when it holds no journal or another one."""
        ring = self.ring
        self._read_headers()
        ring.newest = max(self._numbers)
        ring.head = self._find_head()
        self._read_back()
        self.invite_open = self._invite_state == _OPEN
        for place in self.lost:
            ring.bad.add(place)
        self._find_lost()
        ring.oldest = self._find_oldest()
        self._index()
        self._find_unacked()
        self._find_write()

    # -- sectors

    def _read_headers(self) -> None:
        """Note the number of every sector with a header of this journal."""
        ring = self.ring
        foreign = False
        for place in range(ring.sectors):
            found, number = self._header(place)
            if found == ring.journal_id and ring.place(number) == place:
                self._numbers[place] = number
                self._done[place] = ring.page[record.DONE_AT] != record.BLANK
            elif found:
                foreign = True
        if not max(self._numbers):
            raise JournalError(reasons.WHY_JOURNAL_MISMATCH if foreign else reasons.WHY_JOURNAL_BLANK)

    def _header(self, place: int) -> tuple:
        """Return (journal id, number), or (b"", 0); a header that does not check is read once more."""
        for _ in range(2):
            page = self.ring.load(place * record.SECTOR_BYTES)
            try:
                return record.parse_header(page)
            except RecordError:
                if record.is_blank(page, 0):
                    break
        return b"", 0

    def _valid(self, number: int) -> bool:
        return self._numbers[self.ring.place(number)] == number

    def _lowest(self) -> int:
        """Return the lowest number whose sector was not given up to an erase."""
        return max(1, max(self.ring.newest, self.prepared) - self.ring.sectors + 1)

    def _find_head(self) -> int:
        """Return the newest sector with anything in it; of an unused journal the first one."""
        lowest = head = self.ring.newest
        while head >= self._lowest():
            if self._valid(head):
                if self.ring.used_pages(head):
                    return head
                lowest = head
            head -= 1
        return lowest

    def _find_lost(self) -> None:
        """Find the sectors that hold or may hold records and cannot be read.

        Those after the head may have held newer records than any that can be read: boot and seq go on beyond them.
        """
        ring = self.ring
        newer = 0
        for number in range(self._lowest(), ring.newest + 1):
            if not self._valid(number) and ring.place(number) not in self.lost:
                self.newly_lost.append(number)
                newer += number > ring.head
        following = ring.after(ring.newest)
        if ring.head == ring.newest and ring.load(ring.address(ring.head))[record.LEFT_AT] != record.BLANK:
            self.newly_lost.append(following)
            ring.newest = following
            newer += 1
        for number in self.newly_lost:
            ring.bad.add(ring.place(number))
        self.boot += newer * record.MAX_BOOTS_IN_SECTOR
        self.last_seq += newer * record.MAX_EVENTS_IN_SECTOR

    def _find_oldest(self) -> int:
        number = self._lowest()
        while not self._valid(number):
            number += 1
        return number

    # -- records, from the head backwards

    def _read_back(self) -> None:
        """Read sectors until all that their records tell is known."""
        number = self.ring.head
        last = max(self._lowest(), number - self.span - AHEAD - 1)
        read = 0
        while number >= last:
            if self._valid(number):
                self._read_sector(number)
                read += 1
            number -= 1
            if read > AHEAD + 1 and self.last_event and self.known.count() == self.known.limit:
                return

    def _read_sector(self, number: int) -> None:
        """Take what one sector tells; its last boot, seq, event and invite count only where newer ones are silent."""
        ring = self.ring
        page = ring.page
        newest = self.boot == 0
        event = seen = invite = b""
        for address in ring.records(number):
            at = address % record.PAGE_BYTES
            type_ = record.type_at(page, at)
            if newest:
                self.boot, self.last_seq = record.boot_at(page, at), record.seq_at(page, at)
            if type_ == record.EVENT:
                if not self.last_event or self._invite_state == _UNKNOWN:
                    event = record.payload_at(page, at)
                    seen = record.invite_of(event) or seen
                continue
            payload = record.payload_at(page, at)
            if type_ == record.INVITE:
                invite, seen = payload, b""
                self.known.add(int.from_bytes(payload[:4], "little"), payload[4:20], number)
            elif type_ == record.KNOWN:
                self._read_known(payload, number)
            elif type_ == record.PREPARE:
                self.prepared = max(self.prepared, int.from_bytes(payload, "little"))
            elif type_ == record.LOST:
                self._read_lost(payload, number)
        self.last_event = self.last_event or event
        self._judge_invite(invite, seen)

    def _judge_invite(self, invite: bytes, seen: bytes) -> None:
        """Take a sector's last invite, and the invite of its last event after that."""
        if self._invite_state != _UNKNOWN:
            return
        self._invite_seen = self._invite_seen or seen
        if invite:
            self.invite, self.origin = invite[4:20], invite[20]
            self._invite_state = _ENDED if self._invite_seen == self.invite else _OPEN

    def _read_known(self, payload: bytes, home: int) -> None:
        for at in range(0, len(payload), record.KNOWN_BYTES):
            number = int.from_bytes(payload[at : at + 4], "little")
            self.known.add(number, payload[at + 4 : at + record.KNOWN_BYTES], home)

    def _read_lost(self, payload: bytes, home: int) -> None:
        number, reported = int.from_bytes(payload[:4], "little"), payload[4]
        place = self.ring.place(number)
        if place in self.lost:
            _, newer_home, already = self.lost[place]
            home, reported = max(home, newer_home), max(reported, already)
        self.lost[place] = [number, home, reported]

    # -- index, first event to send, place to go on

    def _index(self) -> None:
        """Set the seq at which each sector begins."""
        ring = self.ring
        following = self.last_seq + 1
        for number in range(ring.head, ring.oldest - 1, -1):
            if self._valid(number):
                following = self._first_seq(number, following)
            ring.first[ring.place(number)] = following

    def _first_seq(self, number: int, following: int) -> int:
        for address in self.ring.records(number):
            page, at = self.ring.page, address % record.PAGE_BYTES
            return record.seq_at(page, at) + (record.type_at(page, at) != record.EVENT)
        return following

    def _find_unacked(self) -> None:
        """Find the first event that is not acknowledged, reading only sectors that are not marked as done."""
        ring = self.ring
        for number in range(ring.oldest, ring.head + 1):
            if not self._valid(number) or self._done[ring.place(number)]:
                continue
            for address in ring.records(number):
                at = address % record.PAGE_BYTES
                if record.type_at(ring.page, at) == record.EVENT and not record.is_acknowledged(ring.page, at):
                    self.first_unacked = record.seq_at(ring.page, at)
                    return
        self.first_unacked = self.last_seq + 1

    def _find_write(self) -> None:
        """Go on two pages after the last one in use: the page between may hold a program that left no trace yet."""
        ring = self.ring
        used = ring.used_pages(ring.head)
        ring.write = ring.address(ring.head) + min(used + 1, PAGES) * record.PAGE_BYTES
        if used == PAGES and ring.advance(self.last_seq + 1):
            ring.skip_page()
