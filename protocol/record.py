"""What the journal stores on the NOR chip: sectors with a header, pages with records. Bytes in, records out.

Sector, 4096 bytes, used in ring order: the n-th of a journal (n counts from 1, for ever) lies at (n - 1) mod sectors.
    0  "YPJ1" · 4 journal id · 12 number n u32 · 16 CRC-32 of bytes 0 to 15 · 20 done (FF; programmed when all events
    of the sector were acknowledged) · 21 left (FF; programmed before the log goes on in the last erased sector).
    Programmed after the erase: without it the sector does not count as erased.
Record, from byte 22 of a sector's first page or byte 0 of another page; never crosses a page:
    0  length of the payload u8 · 1 type u8 · 2 boot u32 · 6 seq u32 · 10 payload · CRC-32 of all before · acknowledge
    byte (FF; anything else = acknowledged). A record of one event has the event's boot and seq, any other record the
    boot it was written in and the seq sealed last. A page ends with its first byte FF followed by nothing but FF;
    what does not check makes the rest of its page void.
Integers are little-endian. No byte is programmed twice.
"""

from binascii import crc32

from protocol.errors import RecordError

SECTOR_BYTES = 4096
PAGE_BYTES = 256
MAGIC = b"YPJ1"
HEADER_BYTES = 22
DONE_AT = 20
LEFT_AT = 21
BLANK = 0xFF
_BLANK_PAGE = memoryview(b"\xff" * PAGE_BYTES)

HEAD_BYTES = 10
OVERHEAD_BYTES = HEAD_BYTES + 5
MAX_PAYLOAD = PAGE_BYTES - HEADER_BYTES - OVERHEAD_BYTES

EVENT = 1  # payload: the sealed event
BOOT = 2  # nothing; durable before anything is sealed in this boot
INVITE = 3  # number u32 · invite id 16 · origin u8
KNOWN = 4  # (number u32 · invite id 16) …: invites carried forward from older sectors
PREPARE = 5  # number u32: the sector that is about to be erased to become this one; its old events are acknowledged
LOST = 6  # number u32 · reported u8: this sector is unreadable or does not erase; it is left as it is

INVITE_BYTES = 16
KNOWN_BYTES = 4 + INVITE_BYTES
KNOWN_MAX = MAX_PAYLOAD // KNOWN_BYTES

_INVITE_LABEL = b"\x3a\x00\x01\x00\x01\x50"  # CBOR: -65538, then a byte string of 16
_CLEAR_BYTES = 64  # the label ends at byte 52 at most

# An event without invite of a terminal with an id of one letter, see evidence.py.
MIN_EVENT = 138
# The most that one sector can hold, for the numbers to resume at when sectors cannot be read.
MAX_EVENTS_IN_SECTOR = SECTOR_BYTES // (OVERHEAD_BYTES + MIN_EVENT)
MAX_BOOTS_IN_SECTOR = SECTOR_BYTES // OVERHEAD_BYTES


def header(journal_id: bytes, number: int) -> bytes:
    """Return the bytes programmed at the start of the n-th sector; the done byte stays blank."""
    head = MAGIC + journal_id + number.to_bytes(4, "little")
    return head + crc32(head).to_bytes(4, "little")


def parse_header(data: bytes | bytearray | memoryview) -> tuple:
    """Return (journal id, number) from the first bytes of a sector; RecordError if it is no header."""
    if bytes(data[0:4]) != MAGIC or crc32(data[0:16]) != int.from_bytes(data[16:20], "little"):
        raise RecordError("no sector header")
    return bytes(data[4:12]), int.from_bytes(data[12:16], "little")


def encode(type_: int, boot: int, seq: int, payload: bytes) -> bytes:
    """Return a record without its acknowledge byte; RecordError if the payload is too long."""
    if len(payload) > MAX_PAYLOAD:
        raise RecordError(f"payload of {len(payload)} bytes, at most {MAX_PAYLOAD} fit")
    head = bytes((len(payload), type_)) + boot.to_bytes(4, "little") + seq.to_bytes(4, "little") + payload
    return head + crc32(head).to_bytes(4, "little")


def invite_of(event: bytes | bytearray | memoryview) -> "bytes | None":
    """Return the invite of a sealed event, found by its label in the clear part; for events of our own sealing."""
    at = bytes(event[:_CLEAR_BYTES]).find(_INVITE_LABEL)
    if at < 0:
        return None
    at += len(_INVITE_LABEL)
    return bytes(event[at : at + INVITE_BYTES])


def size_at(page: memoryview, at: int) -> int:
    """Return the size of the checked record at `at`, 0 if the page is blank from there on, -1 if the rest is void."""
    length = page[at] if at < PAGE_BYTES else BLANK
    if length == BLANK:
        return 0 if is_blank(page, at) else -1
    end = at + HEAD_BYTES + length
    if end + 5 > PAGE_BYTES or crc32(page[at:end]) != int.from_bytes(page[end : end + 4], "little"):
        return -1
    return length + OVERHEAD_BYTES


def is_blank(page: memoryview, at: int) -> bool:
    """Return whether nothing was programmed from `at` to the end of the page."""
    return page[at:] == _BLANK_PAGE[at:]


# What a record at `at` says, once `size_at` has checked it.


def type_at(page: memoryview, at: int) -> int:
    """Return the record's type."""
    return page[at + 1]


def boot_at(page: memoryview, at: int) -> int:
    """Return the record's boot."""
    return int.from_bytes(page[at + 2 : at + 6], "little")


def seq_at(page: memoryview, at: int) -> int:
    """Return the record's seq."""
    return int.from_bytes(page[at + 6 : at + 10], "little")


def payload_at(page: memoryview, at: int) -> bytes:
    """Return the record's payload."""
    return bytes(page[at + HEAD_BYTES : at + HEAD_BYTES + page[at]])


def is_acknowledged(page: memoryview, at: int) -> bool:
    """Return whether the record's acknowledge byte was programmed."""
    return page[at + page[at] + OVERHEAD_BYTES - 1] != BLANK
