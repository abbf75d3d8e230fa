"""Find the records in an image of a terminal's NOR chip, see record.py. For the host only."""

from protocol import record
from protocol.errors import RecordError


class Record:
    """One record of an image: `number` of its sector, `address` in the image."""

    def __init__(
        self, number: int, address: int, type_: int, boot: int, seq: int, payload: bytes, acknowledged: bool
    ) -> None:
        self.number = number
        self.address = address
        self.type = type_
        self.boot = boot
        self.seq = seq
        self.payload = payload
        self.acknowledged = acknowledged


def scan(image: bytes | bytearray | memoryview, journal_id: bytes | None = None) -> list:
    """Return all records of a chip's image, oldest first; of the journal with most sectors if none is named.

    Sectors without a header of that journal are left out, as are records that do not check.
    """
    view = memoryview(image)
    sectors = []
    for start in range(0, len(image), record.SECTOR_BYTES):
        try:
            found, number = record.parse_header(view[start : start + record.HEADER_BYTES])
        except RecordError:
            continue
        sectors.append((found, number, start))
    if journal_id is None:
        ids = [sector[0] for sector in sectors]
        journal_id = max(set(ids), key=ids.count) if ids else b""
    records = []
    for found, number, start in sorted(sectors, key=lambda sector: sector[1]):
        if found == journal_id:
            scan_sector(view[start : start + record.SECTOR_BYTES], number, start, records)
    return records


def scan_sector(sector: bytes | bytearray | memoryview, number: int, address: int, records: list) -> None:
    """Append the records of one sector, which lies at `address`."""
    view = memoryview(sector)
    for start in range(0, record.SECTOR_BYTES, record.PAGE_BYTES):
        page = view[start : start + record.PAGE_BYTES]
        at = record.HEADER_BYTES if start == 0 else 0
        size = record.size_at(page, at)
        while size > 0:
            what = (
                record.type_at(page, at),
                record.boot_at(page, at),
                record.seq_at(page, at),
                record.payload_at(page, at),
            )
            records.append(Record(number, address + start + at, *what, record.is_acknowledged(page, at)))
            at += size
            size = record.size_at(page, at)
