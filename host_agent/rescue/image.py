"""Finds every sealed event in the image of a queue chip, whole or damaged; the layout is that of protocol/record.py.

Promise: an event that a terminal ever showed as taken, and whose bytes still stand on the chip, is found. Records that
do not check are searched for events byte by byte. What may never have counted is told apart:
    sound      its record checks, or its number is missing among numbers that do: nothing else ever bore it
    doubtful   its record does not check and nothing newer is there: a power cut may have torn it before it was shown
    dropped    its number was used again for another event, which is the one that counts
Nothing is opened: without the city's registry nobody sees what an event says.
"""

from collections.abc import Iterable, Iterator

import attrs

from protocol import evidence, record, record_scan
from protocol.errors import EvidenceError, RecordError

SOUND, DOUBTFUL = "sound", "doubtful"
# Of an event in a record that does not check: array of three, byte string with its length in one byte.
_EVENT_START = b"\x83\x58"
_AFTER_PROTECTED = 1 + 2 + evidence.PLAINTEXT + 8  # {}, the head of the ciphertext, ciphertext with its tag
_LEAST_RUN_BYTES = 16  # shorter rests of a page are the trace of a torn program


@attrs.frozen
class Event:
    """One event as it lies on the chip."""

    terminal: str
    epoch: int
    seq: int
    boot: int
    kind: int
    evidence: bytes = attrs.field(repr=False)
    acknowledged: bool
    state: str
    sector: int

    @property
    def place(self) -> tuple[str, int, int]:
        """Return the event's identity."""
        return self.terminal, self.epoch, self.seq


@attrs.frozen
class Damage:
    """What cannot be read: the whole of a sector, or of one of its pages the part from byte `at` on."""

    sector: int
    page: int | None
    at: int
    what: str


@attrs.frozen
class Chip:
    """All that an image holds."""

    sectors: int
    blank: int
    journals: dict[str, int]  # id of a journal → its sectors
    events: tuple[Event, ...]
    dropped: tuple[Event, ...]
    damage: tuple[Damage, ...]

    def sound(self) -> list[Event]:
        """Return the events that count without doubt, in their order."""
        return [event for event in self.events if event.state == SOUND]


def waiting(events: Iterable[Event]) -> int:
    """Return how many events that count without doubt no agent had."""
    return sum(event.state == SOUND and not event.acknowledged for event in events)


def read(image: bytes) -> Chip:
    """Return what the image of a chip holds; of any bytes, however damaged."""
    checked: list[Event] = []
    carved: list[Event] = []
    damage: list[Damage] = []
    journals: dict[str, int] = {}
    blank = 0
    count = -(-len(image) // record.SECTOR_BYTES)
    for number in range(count):
        sector = image[number * record.SECTOR_BYTES : (number + 1) * record.SECTOR_BYTES]
        if len(sector) < record.SECTOR_BYTES:
            damage.append(Damage(number, None, len(sector), "the image ends within the sector"))
            sector = sector.ljust(record.SECTOR_BYTES, b"\xff")
        if not sector.strip(b"\xff"):
            blank += 1
            continue
        try:
            journal, _ = record.parse_header(sector)
            journals[journal.hex()] = journals.get(journal.hex(), 0) + 1
        except RecordError:
            damage.append(Damage(number, None, 0, "the sector's header does not check"))
        _read_sector(sector, number, checked, carved, damage)
    events, dropped = _judge(checked, carved)
    return Chip(count, blank, journals, tuple(events), tuple(dropped), tuple(damage))


def holes(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Return the ranges that are missing between the lowest and the highest of these numbers."""
    ordered = sorted(set(seqs))
    return [(low + 1, high - 1) for low, high in zip(ordered, ordered[1:], strict=False) if high > low + 1]


def _read_sector(sector: bytes, number: int, checked: list[Event], carved: list[Event], damage: list[Damage]) -> None:
    found: list[record_scan.Record] = []
    record_scan.scan_sector(sector, 0, 0, found)
    ends = [record.HEADER_BYTES] + [0] * (record.SECTOR_BYTES // record.PAGE_BYTES - 1)
    for one in found:
        page = one.address // record.PAGE_BYTES
        ends[page] = one.address % record.PAGE_BYTES + len(one.payload) + record.OVERHEAD_BYTES
        if one.type == record.EVENT:
            event = _event(one.payload, number, one.acknowledged)
            if event is not None:
                checked.append(event)
            else:
                damage.append(Damage(number, page, one.address % record.PAGE_BYTES, "a record holds no sealed event"))
    for page, end in enumerate(ends):
        start = page * record.PAGE_BYTES
        rest = sector[start + end : start + record.PAGE_BYTES]
        if not rest.strip(b"\xff"):
            continue
        events = list(_carve(rest, number))
        carved += events
        if not events:
            short = len(rest.rstrip(b"\xff")) < _LEAST_RUN_BYTES
            damage.append(
                Damage(number, page, end, "a program left only a trace" if short else "no record checks here")
            )


def _carve(rest: bytes, number: int) -> Iterator[Event]:
    """Yield the events in the part of a page where no record checks any more."""
    at = rest.find(_EVENT_START)
    while at >= 0:
        size = 3 + (rest[at + 2] if at + 2 < len(rest) else 0) + _AFTER_PROTECTED
        acknowledged = rest[at + size + 4 : at + size + 5] not in (b"", b"\xff")
        event = _event(rest[at : at + size], number, acknowledged, DOUBTFUL)
        if event is not None:
            yield event
        at = rest.find(_EVENT_START, at + (size if event is not None else 1))


def _event(data: bytes, sector: int, acknowledged: bool, state: str = SOUND) -> Event | None:
    try:
        clear = evidence.parse(data)
    except EvidenceError:
        return None
    return Event(clear.terminal, clear.epoch, clear.seq, clear.boot, clear.kind, data, acknowledged, state, sector)


def _judge(checked: list[Event], carved: list[Event]) -> tuple[list[Event], list[Event]]:
    """Return the events that count or may count, each number once, and those whose number was used again.

    A number is used again only at a later start, so the higher boot is the one that counts.
    """
    kept: dict[tuple[str, int, int], Event] = {}
    dropped: list[Event] = []
    highest: dict[tuple[str, int], int] = {}
    for event in checked:
        highest[event.place[:2]] = max(event.seq, highest.get(event.place[:2], 0))
    for event in sorted(checked, key=_rank) + sorted(carved, key=_rank):
        known = kept.get(event.place)
        if known is None:
            below = event.seq < highest.get(event.place[:2], 0)
            kept[event.place] = attrs.evolve(event, state=SOUND) if below else event
        elif known.evidence != event.evidence:
            dropped.append(event)
        elif event.acknowledged and not known.acknowledged:
            kept[event.place] = attrs.evolve(known, acknowledged=True)
    return [kept[place] for place in sorted(kept)], dropped


def _rank(event: Event) -> int:
    return -event.boot
