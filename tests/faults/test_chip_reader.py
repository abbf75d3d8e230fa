"""Reading the chip from outside: events with their acknowledgement, also after their sector was used again."""

from pathlib import Path

from protocol import evidence, rating, record
from simulator.demo.chip_reader import ChipReader
from simulator.demo.result import ChipEvent
from tests.both.support import aes

JOURNAL = bytes(8)
INVITE = bytes(range(16))
SECTORS = 4


def _sector(number: int, *entries: bytes) -> bytes:
    sector = bytearray(b"\xff" * record.SECTOR_BYTES)
    head = record.header(JOURNAL, number)
    sector[: len(head)] = head
    for index, entry in enumerate(entries, 1):
        at = index * record.PAGE_BYTES
        sector[at : at + len(entry)] = entry
    return bytes(sector)


def _event(seq: int, acknowledged: bool) -> bytes:
    sealer = evidence.Sealer(aes, bytes(16), "T", 1)
    sealed = sealer.seal(rating.RATED, INVITE, 1, seq, {6: 5})
    return record.encode(record.EVENT, 1, seq, sealed) + (b"\x00" if acknowledged else b"\xff")


def _write(image: Path, *sectors: bytes) -> None:
    blank = b"\xff" * record.SECTOR_BYTES
    image.write_bytes(b"".join(sectors).ljust(SECTORS * record.SECTOR_BYTES, blank[:1]))


def test_chip_reader_without_image_knows_nothing(tmp_path: Path) -> None:
    assert ChipReader(tmp_path / "nor.bin").events() == []


def test_chip_reader_tells_acknowledged_from_waiting(tmp_path: Path) -> None:
    image = tmp_path / "nor.bin"
    torn = _event(3, acknowledged=False)[:-9]
    _write(image, _sector(1, _event(1, acknowledged=True), _event(2, acknowledged=False), torn))
    expected = [ChipEvent(1, "rated", INVITE.hex(), True), ChipEvent(2, "rated", INVITE.hex(), False)]
    assert ChipReader(image).events() == expected


def test_chip_reader_remembers_events_of_a_sector_used_again(tmp_path: Path) -> None:
    image = tmp_path / "nor.bin"
    reader = ChipReader(image)
    _write(image, _sector(1, _event(1, acknowledged=False)))
    reader.events()
    _write(image, _sector(1, _event(1, acknowledged=True)), _sector(2, _event(2, acknowledged=True)))
    reader.events()
    _write(image, _sector(SECTORS + 1), _sector(2, _event(2, acknowledged=True)))
    assert [(event.seq, event.acknowledged) for event in reader.events()] == [(1, True), (2, True)]
