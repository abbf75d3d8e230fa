"""The end of an epoch: sealed once, with what is open ended first, and room for it even in a full journal."""

from protocol import codes, reasons, sealing
from store import closing
from store.faults import JournalError
from store.journal import JournalFull
from tests.both.journal_room import acknowledge_all, append, fill, fresh, invite, rate, rest, started
from tests.both.support import Raises, aes

KEY = bytes(16)


def sealer() -> sealing.Sealer:
    return sealing.Sealer(aes, KEY, "YP-0001", 1)


def test_last_event_is_sealed_once_however_often_it_is_asked_for() -> None:
    nor, journal = fresh()
    rate(journal, 1)
    assert not closing.is_ended(journal)
    assert closing.end(journal, sealer(), 5, 1_790_000_000_000) == 2
    assert closing.is_ended(journal) and closing.end(journal, sealer(), 9, None) == 2
    again = started(nor)
    assert closing.is_ended(again) and closing.end(again, sealer(), 1, None) == 2
    assert again.last_seq == 2


def test_empty_journal_ends_with_its_first_event() -> None:
    _, journal = fresh()
    assert not closing.is_ended(journal)
    assert closing.end(journal, sealer(), 5, None) == 1
    assert closing.is_ended(journal)


def test_open_invite_is_interrupted_before_the_end() -> None:
    nor, journal = fresh()
    journal.append_invite(invite(1), 2)
    again = started(nor)
    assert closing.end(again, sealer(), 5, None) == 2
    assert again.open_invite is None and started(nor).open_invite is None
    assert again.read(1).find(invite(1)) > 0
    assert again.read(1)[:64].find(b"\x3a\x00\x01\x00\x00" + bytes([codes.INTERRUPTED])) > 0


def test_full_journal_still_has_room_for_the_end() -> None:
    nor, journal = fresh()
    fill(journal)
    with Raises(JournalFull):
        append(journal)
    last = journal.last_seq
    assert closing.end(journal, sealer(), 5, None) == last + 1
    assert closing.is_ended(started(nor))


def test_acknowledged_journal_ends_too() -> None:
    nor, journal = fresh()
    fill(journal)
    acknowledge_all(journal)
    rest(journal)
    again = started(nor)
    closing.end(again, sealer(), 5, None)
    assert closing.is_ended(started(nor)) and again.first_unacked == again.last_seq


def test_chip_that_takes_nothing_is_told() -> None:
    nor, journal = fresh()
    nor.program = lambda address, data: False
    with Raises(JournalError):
        closing.end(journal, sealer(), 5, None)
    assert reasons.WHY_EPOCH_ENDED == 33
