"""The stored layout of the journal."""

from protocol import record, record_scan
from protocol.errors import RecordError
from tests.both.support import Raises

JOURNAL_ID = b"journal1"


def page_of(*parts: bytes) -> memoryview:
    """Return a page that begins with the parts, each followed by a blank acknowledge byte."""
    data = b"".join([part + b"\xff" for part in parts])
    return memoryview(data + b"\xff" * (record.PAGE_BYTES - len(data)))


def test_header_is_the_documented_bytes() -> None:
    header = record.header(JOURNAL_ID, 0x01020304)
    assert header[:16] == b"YPJ1journal1\x04\x03\x02\x01" and len(header) == record.DONE_AT
    assert record.parse_header(header + b"\xff" * 40) == (JOURNAL_ID, 0x01020304)


def test_header_with_any_bit_wrong_is_refused() -> None:
    header = bytearray(record.header(JOURNAL_ID, 7))
    for bit in range(8 * len(header)):
        header[bit // 8] ^= 1 << bit % 8
        with Raises(RecordError):
            record.parse_header(header)
        header[bit // 8] ^= 1 << bit % 8


def test_record_is_the_documented_bytes() -> None:
    data = record.encode(record.BOOT, 3, 0x11223344, b"ab")
    assert data[:12] == b"\x02\x02\x03\0\0\0\x44\x33\x22\x11ab" and len(data) == record.OVERHEAD_BYTES - 1 + 2


def test_record_reads_back_and_the_next_follows() -> None:
    first, second = record.encode(record.EVENT, 3, 9, b"event"), record.encode(record.BOOT, 4, 9, b"")
    page = page_of(first, second)
    assert record.size_at(page, 0) == len(first) + 1
    assert record.type_at(page, 0) == record.EVENT and record.boot_at(page, 0) == 3 and record.seq_at(page, 0) == 9
    assert record.payload_at(page, 0) == b"event" and not record.is_acknowledged(page, 0)
    at = record.size_at(page, 0)
    assert record.size_at(page, at) == record.OVERHEAD_BYTES and record.type_at(page, at) == record.BOOT
    assert record.size_at(page, at + record.OVERHEAD_BYTES) == 0


def test_any_acknowledge_byte_but_blank_is_an_acknowledgement() -> None:
    data = record.encode(record.EVENT, 1, 1, b"event")
    for byte in (0x00, 0x7F, 0xFE, 0x80):
        page = memoryview(data + bytes((byte,)) + b"\xff" * (record.PAGE_BYTES - len(data) - 1))
        assert record.size_at(page, 0) == len(data) + 1 and record.is_acknowledged(page, 0)


def test_record_with_any_bit_wrong_makes_the_page_void() -> None:
    data = bytearray(page_of(record.encode(record.EVENT, 1, 1, b"event")))
    for bit in range(8 * (record.OVERHEAD_BYTES - 1 + 5)):
        data[bit // 8] ^= 1 << bit % 8
        assert record.size_at(memoryview(data), 0) == -1
        data[bit // 8] ^= 1 << bit % 8


def test_page_whose_first_byte_is_blank_but_no_other_is_void() -> None:
    data = bytearray(page_of(record.encode(record.EVENT, 1, 1, b"event")))
    data[0] = 0xFF
    assert record.size_at(memoryview(data), 0) == -1


def test_record_that_would_cross_the_page_is_void() -> None:
    data = record.encode(record.EVENT, 1, 1, bytes(100))
    at = record.PAGE_BYTES - len(data)
    assert record.size_at(memoryview(b"\0" * at + data), at) == -1


def test_longest_event_fits_beside_a_header_and_a_longer_one_is_refused() -> None:
    data = record.encode(record.EVENT, 1, 1, bytes(record.MAX_PAYLOAD))
    assert record.HEADER_BYTES + len(data) + 1 == record.PAGE_BYTES
    with Raises(RecordError, "219"):
        record.encode(record.EVENT, 1, 1, bytes(record.MAX_PAYLOAD + 1))


def test_most_events_of_a_sector_are_never_fewer_than_fit() -> None:
    shortest = record.OVERHEAD_BYTES + record.MIN_EVENT
    fit = (record.SECTOR_BYTES // record.PAGE_BYTES) * (record.PAGE_BYTES // shortest)
    assert fit <= record.MAX_EVENTS_IN_SECTOR


def test_invite_is_found_in_real_events_only_where_there_is_one() -> None:
    from tests.both.support import vectors

    for chain in vectors("evidence.json")["chains"]:
        for event in chain["events"]:
            found = record.invite_of(bytes.fromhex(event["event"]))
            assert found == (bytes.fromhex(event["invite"]) or None), event["seq"]


def sector(number: int, *parts: bytes) -> bytes:
    """Return a sector with the records in its first page after the header, one in each later page."""
    data = bytearray(b"\xff" * record.SECTOR_BYTES)
    data[: record.DONE_AT] = record.header(JOURNAL_ID, number)
    for page in range(len(parts)):
        start = page * record.PAGE_BYTES or record.HEADER_BYTES
        data[start : start + len(parts[page])] = parts[page]
    return bytes(data)


def test_scan_lists_sectors_in_order_of_their_numbers() -> None:
    image = (
        sector(5, record.encode(record.EVENT, 1, 3, b"c"))
        + b"\x12" * record.SECTOR_BYTES
        + sector(3, record.encode(record.EVENT, 1, 1, b"a"), b"garbage", record.encode(record.EVENT, 1, 2, b"b"))
    )
    found = record_scan.scan(image)
    assert [(one.number, one.seq, one.payload) for one in found] == [(3, 1, b"a"), (3, 2, b"b"), (5, 3, b"c")]
    assert [one.address for one in found] == [8192 + 22, 8192 + 512, 22]
    assert record_scan.scan(image, b"another1") == []


def test_scan_without_any_journal_is_empty() -> None:
    assert record_scan.scan(b"\xff" * record.SECTOR_BYTES) == []
