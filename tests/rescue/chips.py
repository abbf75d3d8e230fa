"""Chips of terminals that have worked, made with the firmware's own journal and sealer, and damaged by seed."""

import random

import attrs

from protocol import codes, evidence
from protocol.sealing import Sealer
from simulator.chips import nor_array
from simulator.chips.nor_array import NorArray
from store.journal import Journal, JournalFull, format_chip
from tests.both.support import aes
from tests.power_cut.nor import ArrayNor

SECRET = bytes(range(32))
JOURNAL_ID = b"journal1"
SECTOR = 4096


@attrs.define
class Worked:
    """A chip, and what was pressed: (seq, level) of each rating, and the bytes of every event by number."""

    image: bytearray
    pressed: dict[int, int]
    events: dict[int, bytes]
    acknowledged: set[int]
    terminal: str = "YP-000001-S"
    epoch: int = 1

    def on_chip(self) -> dict[int, bytes]:
        """Return the events that have not been erased, by number."""
        return {seq: event for seq, event in self.events.items() if bytes(self.image).find(event) >= 0}


def mounted(image: bytearray, journal_id: bytes = JOURNAL_ID) -> Journal:
    """Start the journal on a chip."""
    journal = Journal(ArrayNor(NorArray(image)), journal_id)
    journal.mount()
    return journal


def worked(
    seed: int, ratings: int, sectors: int = 12, lag: int = 6, restart_every: int = 9, epoch: int = 1,
    image: bytearray | None = None, journal_id: bytes = JOURNAL_ID,
) -> Worked:  # fmt: skip
    """Return the chip of a terminal after so many ratings, of which the last `lag` events are not acknowledged."""
    rng = random.Random(f"rescue:{seed}")
    image = bytearray(b"\xff" * (sectors * SECTOR)) if image is None else image
    format_chip(ArrayNor(NorArray(image)), journal_id)
    journal = mounted(image, journal_id)
    sealer = Sealer(aes, evidence.event_key(SECRET, epoch), "YP-000001-S", epoch)
    made = Worked(image, {}, {}, set(), epoch=epoch)
    for n in range(ratings):
        if n % restart_every == restart_every - 1:
            journal = mounted(image, journal_id)
        invite, level = rng.randbytes(16), rng.randrange(1, 6)
        try:
            journal.append_invite(invite, 1)
        except JournalFull:
            break
        for _ in range(rng.randrange(1, 4)):
            seq = journal.last_seq + 1
            fields = {2: 0, 4: n, 5: journal.prev_hash, 6: level}
            event = sealer.seal(codes.RATED, invite, journal.boot, seq, fields)
            journal.append_event(seq, event)
            made.events[seq], made.pressed[seq] = event, level
            if seq > lag:
                journal.acknowledge(seq - lag)
                made.acknowledged.add(seq - lag)
        for step in range(40):
            if not journal.idle(step * 10):
                break
    return made


def damage(image: bytearray, rng: random.Random, kind: str) -> set[int]:
    """Damage a chip in one way; return the addresses whose bytes may have changed."""
    if kind == "bit flips":
        touched = {rng.randrange(len(image)) for _ in range(30)}
        for address in touched:
            image[address] ^= 1 << rng.randrange(8)
    elif kind == "dead sector":
        start = rng.randrange(len(image) // SECTOR) * SECTOR
        touched = set(range(start, start + SECTOR))
        image[start : start + SECTOR] = bytes(SECTOR)
    elif kind == "noise sector":
        start = rng.randrange(len(image) // SECTOR) * SECTOR
        touched = set(range(start, start + SECTOR))
        image[start : start + SECTOR] = rng.randbytes(SECTOR)
    elif kind == "headers":
        touched = set()
        for start in range(0, len(image), SECTOR):
            touched |= set(range(start, start + 22))
            image[start : start + 22] = bytes(22)
    elif kind == "torn erase":
        start = rng.randrange(len(image) // SECTOR) * SECTOR
        touched = set(range(start, start + SECTOR))
        nor_array.tear_erase(image, start, rng.choice(nor_array.TEARS), rng)
    else:
        cut = rng.randrange(len(image) // 2, len(image))
        touched = set(range(cut, len(image)))
        del image[cut:]
    return touched


KINDS = ("bit flips", "dead sector", "noise sector", "headers", "torn erase", "cut short")
