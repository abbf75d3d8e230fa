"""Reads the terminal's NOR chip from outside, as one would read out the chip of a broken terminal.

Only sectors that changed since the last look are parsed; what was once seen stays known when its sector is used again.
"""

from pathlib import Path

from protocol import evidence, record, record_scan
from protocol.errors import EvidenceError, RecordError
from protocol.rating import KIND_NAMES
from simulator.demo.result import ChipEvent

BLANK_SECTOR = b"\xff" * record.SECTOR_BYTES


class ChipReader:
    """Know every event that was ever seen on one chip image."""

    def __init__(self, image: Path) -> None:
        self._image = image
        self._sectors: dict[int, bytes] = {}
        self._events: dict[tuple[int, int], ChipEvent] = {}

    def events(self) -> list[ChipEvent]:
        """Look at the image and return all events in order of epoch and sequence; none while there is no image."""
        if self._image.exists():
            with self._image.open("rb") as file:
                address = 0
                while sector := file.read(record.SECTOR_BYTES):
                    self._look_at(address, sector)
                    address += len(sector)
        return [self._events[place] for place in sorted(self._events)]

    def _look_at(self, address: int, sector: bytes) -> None:
        if sector == self._sectors.get(address, BLANK_SECTOR):
            return
        self._sectors[address] = sector
        try:
            _, number = record.parse_header(sector)
        except RecordError:
            return
        found: list[record_scan.Record] = []
        record_scan.scan_sector(sector, number, address, found)
        for entry in found:
            if entry.type == record.EVENT:
                self._note(entry)

    def _note(self, entry: record_scan.Record) -> None:
        try:
            clear = evidence.parse(entry.payload)
        except EvidenceError:
            return  # not sealed by this firmware; the verdict misses it by count
        invite = None if clear.invite is None else clear.invite.hex()
        kind = KIND_NAMES.get(clear.kind, str(clear.kind))
        self._events[clear.epoch, clear.seq] = ChipEvent(clear.seq, kind, invite, entry.acknowledged)
