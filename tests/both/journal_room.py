"""A journal on a chip in RAM, and what tests do with it again and again."""

from hashlib import sha256

from store.journal import Journal, format_chip
from tests.both.nor import RamNor

JOURNAL_ID = b"journal1"
_CLEAR = b"\xa5\x01\x0a\x04\x47YP-0001\x06\x48"


def event(boot: int, seq: int, invite: "bytes | None" = None) -> bytes:
    """Return bytes with the length and clear part of a sealed event."""
    clear = _CLEAR + boot.to_bytes(4, "big") + seq.to_bytes(4, "big") + b"\x3a\x00\x01\x00\x00\x01"
    if invite is not None:
        clear += b"\x3a\x00\x01\x00\x01\x50" + invite
    clear += b"\x3a\x00\x01\x00\x02\x01"
    return b"\x83\x58" + bytes((len(clear),)) + clear + b"\xa0\x58\x68" + sha256(clear).digest() * 3 + bytes(8)


def invite(n: int) -> bytes:
    """Return the n-th invite id."""
    return sha256(str(n).encode()).digest()[:16]


def started(nor: RamNor, known_limit: int = 8) -> Journal:
    """Return a journal as a start of the terminal finds it."""
    nor.wait()
    journal = Journal(nor, JOURNAL_ID, known_limit)
    journal.mount()
    return journal


def fresh(sectors: int = 8, known_limit: int = 8) -> tuple:
    """Return (chip, journal) after provisioning."""
    nor = RamNor(sectors)
    format_chip(nor, JOURNAL_ID)
    return nor, started(nor, known_limit)


def append(journal: Journal, of: "bytes | None" = None) -> bytes:
    """Append the next event."""
    data = event(journal.boot, journal.last_seq + 1, of)
    journal.append_event(journal.last_seq + 1, data)
    return data


def rate(journal: Journal, n: int, presses: int = 1) -> None:
    """Open an invite and end it."""
    journal.append_invite(invite(n), 1)
    for _ in range(presses):
        append(journal, invite(n))


def rest(journal: Journal) -> int:
    """Let the journal do all its work; return how many steps that took."""
    steps = 0
    while journal.idle(steps * 10):
        steps += 1
        assert steps < 1000
    return steps


def fill(journal: Journal, presses: int = 1) -> int:
    """Rate until no invite fits any more; return how many did."""
    n = 0
    while journal.room():
        rate(journal, n, presses)
        rest(journal)
        n += 1
    return n


def acknowledge_all(journal: Journal) -> None:
    """Acknowledge every event."""
    for seq in range(journal.first_unacked, journal.last_seq + 1):
        journal.acknowledge(seq)
