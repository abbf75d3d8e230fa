"""The journal's sectors in ring order: where the next record goes, which sectors are erased ahead, which are bad.

Sector n (n = 1, 2, … for ever) lies at (n - 1) mod sectors; a bad sector's number is skipped with it, so wear is even.
    oldest … head    hold records, `head` is being filled from `write` on
    head … newest    are ready: erased, with a header
    erasing          is under erase, to become ready
The flash has: size, read_into(address, buffer), program(address, data) -> bool, erase_start(address), busy(),
suspend() -> bool, resume(), wait() -> bool.
"""

from array import array

from protocol import record

AHEAD = 3  # sectors kept ready: room for a whole rating and the two last ones that other events never take
PAGES = record.SECTOR_BYTES // record.PAGE_BYTES
_ERASE_TRIES = 2


class Ring:
    """Sectors of one chip. The index costs 4 bytes of RAM a sector."""

    def __init__(self, flash: object, journal_id: bytes) -> None:
        self.flash = flash
        self.journal_id = journal_id
        self.sectors = flash.size // record.SECTOR_BYTES
        self.first = array("I", [0] * self.sectors)  # seq at which a sector begins: no earlier one holds it
        self.page = memoryview(bytearray(record.PAGE_BYTES))
        self._check = memoryview(bytearray(record.PAGE_BYTES))
        self.bad = set()  # places that are skipped
        self.oldest = self.head = self.newest = 1
        self.write = 0
        self.erasing = 0
        self._tries = 0
        self._users = 0
        self._suspended = False

    # -- geometry

    def place(self, number: int) -> int:
        """Return where on the chip a sector lies."""
        return (number - 1) % self.sectors

    def address(self, number: int) -> int:
        """Return the address of a sector's first byte."""
        return self.place(number) * record.SECTOR_BYTES

    def after(self, number: int) -> int:
        """Return the next number whose sector is not bad."""
        number += 1
        while self.place(number) in self.bad:
            number += 1
        return number

    def good_between(self, low: int, high: int) -> int:
        """Return how many of the sectors low + 1 … high are not bad; at most one lap."""
        count = high - low
        for place in self.bad:
            if (place - low) % self.sectors < high - low:
                count -= 1
        return count

    def head_pages(self) -> int:
        """Return how many whole pages are free in the head sector."""
        end = self.address(self.head) + record.SECTOR_BYTES
        return (end - self.write) // record.PAGE_BYTES

    def ready(self) -> int:
        """Return how many erased sectors wait."""
        return self.good_between(self.head, self.newest)

    # -- access while an erase may be under way

    def begin(self) -> None:
        """Make the chip answer: suspend the erase under way. Calls nest; each needs its `end`."""
        if self._users == 0 and self.erasing:
            self._suspended = self.flash.suspend()
        self._users += 1

    def end(self) -> None:
        """Let the suspended erase go on."""
        self._users -= 1
        if self._users == 0 and self._suspended:
            self._suspended = False
            self.flash.resume()

    def load(self, address: int) -> memoryview:
        """Read the page at `address` into the one page buffer and return it."""
        self.flash.read_into(address, self.page)
        return self.page

    def program(self, address: int, data: "bytes | bytearray") -> bool:
        """Program and read back; false when the bytes do not stand there."""
        done = self.flash.program(address, data)
        check = self._check[: len(data)]
        self.flash.read_into(address, check)
        return done and check == data

    # -- the head

    def find_place(self, size: int, next_seq: int) -> int:
        """Return the address for `size` bytes, moving the head on where they do not fit; -1 when nothing is ready."""
        if self.write % record.PAGE_BYTES + size > record.PAGE_BYTES:
            self.skip_page()
        if self.write >= self.address(self.head) + record.SECTOR_BYTES and not self.advance(next_seq):
            return -1
        address = self.write
        self.write += size
        return address

    def skip_page(self) -> None:
        """Leave the rest of the present page unused."""
        self.write = (self.write // record.PAGE_BYTES + 1) * record.PAGE_BYTES

    def advance(self, next_seq: int) -> bool:
        """Move the head to the next ready sector; false when there is none."""
        left = self.ready()
        if left == 0:
            return False
        if left == 1:  # no ready sector after it will tell at a start that the next one was in use
            self._mark(self.head, record.LEFT_AT)
        number = self.head + 1
        while self.place(number) in self.bad:
            self.first[self.place(number)] = next_seq
            number += 1
        self.head = number
        self.first[self.place(number)] = next_seq
        self.write = self.address(number) + record.HEADER_BYTES
        return True

    def mark_done(self, number: int) -> None:
        """Note on the chip that all events of a sector are acknowledged."""
        self._mark(number, record.DONE_AT)

    def _mark(self, number: int, at: int) -> None:
        """Program one byte of a sector's header, once."""
        address = self.address(number) + at
        check = self._check[:1]
        self.flash.read_into(address, check)
        if check[0] == record.BLANK:
            self.flash.program(address, b"\x00")

    # -- erasing ahead

    def start_erase(self, number: int) -> None:
        """Start to erase the sector that becomes `number`; what it held is gone."""
        self.oldest = max(self.oldest, number - self.sectors + 1)
        self.erasing = number
        self._tries = 1
        self.flash.erase_start(self.address(number))

    def finish_erase(self) -> bool:
        """Take the end of the erase: check it, write the header. False when the sector does not erase: it is bad now.

        A first failure starts the erase once more: `erasing` then stays set.
        """
        number = self.erasing
        if self._is_blank(number) and self.program(self.address(number), record.header(self.journal_id, number)):
            self.newest = number
            self.erasing = 0
            return True
        if self._tries < _ERASE_TRIES:
            self._tries += 1
            self.flash.erase_start(self.address(number))
            return True
        self.bad.add(self.place(number))
        self.newest = number
        self.erasing = 0
        return False

    def _is_blank(self, number: int) -> bool:
        return self.used_pages(number) == 0 and record.is_blank(self.page, 0)

    # -- finding records

    def records(self, number: int) -> object:
        """Yield the address of each record of a sector; its page is in `page` until the next one is asked for."""
        start = self.address(number)
        at = record.HEADER_BYTES
        for address in range(start, start + record.SECTOR_BYTES, record.PAGE_BYTES):
            page = self.load(address)
            size = record.size_at(page, at)
            while size > 0:
                yield address + at
                at += size
                size = record.size_at(page, at)
            at = 0

    def used_pages(self, number: int) -> int:
        """Return how many pages of a sector, from its first, may hold anything beside the header."""
        start = self.address(number)
        for page in range(PAGES - 1, -1, -1):
            if not record.is_blank(self.load(start + page * record.PAGE_BYTES), 0 if page else record.HEADER_BYTES):
                return page + 1
        return 0

    def sector_of(self, seq: int) -> int:
        """Return the number of the last sector that begins at or before `seq`; 0 when none does."""
        low, high = self.oldest, self.head
        if seq < self.first[self.place(low)]:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            if self.first[self.place(middle)] <= seq:
                low = middle
            else:
                high = middle - 1
        return low
