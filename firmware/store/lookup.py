"""Find an event on the chip by its sequence: the newest ones by a remembered address, others by their sector."""

from array import array

from protocol import record

_RECENT = 128  # events whose address is remembered: twice the link's window


class Lookup:
    """1 KiB of RAM; reading a sector remembers all its events, so a backlog is read sector by sector."""

    def __init__(self, ring: object) -> None:
        self._ring = ring
        self._seqs = array("I", [0] * _RECENT)
        self._addresses = array("I", [0] * _RECENT)

    def remember(self, seq: int, address: int) -> None:
        """Note where an event was written or found."""
        self._seqs[seq % _RECENT] = seq
        self._addresses[seq % _RECENT] = address

    def find(self, seq: int) -> int:
        """Return the address of an event's record, -1 when there is none."""
        slot = seq % _RECENT
        if self._seqs[slot] == seq:
            return self._addresses[slot]
        ring = self._ring
        number = ring.sector_of(seq)
        if number:
            for address in ring.records(number):
                at = address % record.PAGE_BYTES
                if record.type_at(ring.page, at) == record.EVENT:
                    self.remember(record.seq_at(ring.page, at), address)
        return self._addresses[slot] if self._seqs[slot] == seq else -1

    def payload(self, seq: int) -> "bytes | None":
        """Return an event after checking its record again; None when it is not there or does not check."""
        address = self.find(seq)
        if address < 0:
            return None
        at = address % record.PAGE_BYTES
        page = self._ring.load(address - at)
        if record.size_at(page, at) <= 0 or record.type_at(page, at) != record.EVENT or record.seq_at(page, at) != seq:
            return None
        return record.payload_at(page, at)

    def unacknowledged(self, seq: int) -> int:
        """Return the address of an event's acknowledge byte if it is still blank; 0 otherwise or without the event."""
        address = self.find(seq)
        if address < 0:
            return 0
        at = address % record.PAGE_BYTES
        page = self._ring.load(address - at)
        return 0 if record.is_acknowledged(page, at) else address + page[at] + record.OVERHEAD_BYTES - 1
