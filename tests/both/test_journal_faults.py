"""The journal on a chip that fails: erases, programs that do not hold, sectors that cannot be read, a foreign chip."""

from protocol import reasons, record, record_scan
from store.journal import Journal, format_chip
from store.recovery import JournalError
from tests.both.journal_room import JOURNAL_ID, acknowledge_all, append, fill, fresh, rate, rest, started
from tests.both.nor import SECTOR, RamNor
from tests.both.support import Raises


def test_sectors_are_erased_ahead_so_that_no_append_waits() -> None:
    nor, journal = fresh()
    for n in range(300):
        nor.log = []
        rate(journal, n)
        assert all(op[0] == "program" for op in nor.log)
        acknowledge_all(journal)
        rest(journal)


def test_without_idle_the_journal_erases_when_it_must() -> None:
    nor, journal = fresh()
    for n in range(300):
        rate(journal, n)
        acknowledge_all(journal)
    assert journal.last_seq == 300 and started(nor).last_seq == 300


def test_failed_program_is_repeated_with_the_same_bytes_elsewhere() -> None:
    nor, journal = fresh()
    append(journal)
    nor.deaf = 2
    nor.log = []
    data = append(journal)
    tried = [op for op in nor.log if op[0] == "program"]
    assert len(tried) == 3 and len({op[2] for op in tried}) == 1 and len({op[1] // 256 for op in tried}) == 3
    assert journal.read(2) == data and started(nor).read(2) == data


def test_chip_that_takes_nothing_is_an_error() -> None:
    nor, journal = fresh()
    nor.deaf = 1000
    with Raises(JournalError, str(reasons.WHY_NOR_MISSING)):
        append(journal)


def test_sector_that_does_not_erase_is_skipped_and_reported_once() -> None:
    nor, journal = fresh()
    nor.stuck.add(4)
    nor.image[4 * SECTOR : 5 * SECTOR] = bytes(SECTOR)
    for n in range(150):
        rate(journal, n)
        acknowledge_all(journal)
        rest(journal)
    assert journal.faults == [5]
    journal = started(nor)
    assert journal.faults == [5]
    journal.fault_reported(5)
    for n in range(150, 400):
        rate(journal, n)
        acknowledge_all(journal)
        rest(journal)
        if n % 50 == 0:
            journal = started(nor)
    assert journal.faults == [] and journal.last_seq == 400
    assert nor.image[4 * SECTOR : 5 * SECTOR] == bytes(SECTOR)


def test_unreadable_old_sector_is_kept_and_reported_and_its_events_are_skipped() -> None:
    nor, journal = fresh()
    for n in range(60):
        rate(journal, n)
        rest(journal)
    nor.image[SECTOR : 2 * SECTOR] = b"\x55" * SECTOR
    journal = started(nor)
    assert journal.faults == [2] and (journal.last_seq, journal.first_unacked) == (60, 1)
    missing = [seq for seq in range(1, 61) if journal.read(seq) is None]
    assert 10 < len(missing) < 18 and missing == list(range(missing[0], missing[-1] + 1))
    acknowledge_all(journal)
    assert journal.first_unacked == 61
    journal.fault_reported(2)
    journal = started(nor)
    assert journal.faults == []
    for n in range(60, 200):
        rate(journal, n)
        acknowledge_all(journal)
        rest(journal)
    assert started(nor).faults == [] and nor.image[SECTOR : 2 * SECTOR] == b"\x55" * SECTOR


def test_unreadable_newest_sector_moves_seq_and_boot_beyond_what_it_held() -> None:
    nor, journal = fresh()
    for n in range(40):
        rate(journal, n)
        rest(journal)
    place = max([one.address for one in record_scan.scan(nor.image) if one.type == record.EVENT]) // SECTOR
    boot, last = journal.boot, journal.last_seq
    nor.image[place * SECTOR : (place + 1) * SECTOR] = b"\x33" * SECTOR
    journal = started(nor)
    assert journal.last_seq >= last and journal.boot > boot and journal.faults == [place + 1]
    seq, boot = journal.last_seq, journal.boot
    again = started(nor)
    assert again.last_seq == seq and again.boot == boot + 1 and again.faults == [place + 1]
    append(again)
    assert again.last_seq == seq + 1


def test_unreadable_newest_sector_of_a_full_log_is_not_taken_for_an_erase_that_was_cut() -> None:
    nor, journal = fresh()
    fill(journal)
    boot, last = journal.boot, journal.last_seq
    nor.image[7 * SECTOR : 8 * SECTOR] = b"\x33" * SECTOR
    journal = started(nor)
    assert journal.last_seq >= last and journal._boots > boot and journal.faults == [8]
    assert nor.image[7 * SECTOR : 8 * SECTOR] == b"\x33" * SECTOR


def test_blank_chip_and_another_journal_are_refused_by_name() -> None:
    nor = RamNor(4)
    with Raises(JournalError, str(reasons.WHY_JOURNAL_BLANK)):
        started(nor)
    format_chip(nor, b"another1")
    with Raises(JournalError, str(reasons.WHY_JOURNAL_MISMATCH)):
        started(nor)
    assert nor.erases == [1, 0, 0, 0]


def test_format_of_a_used_chip_gives_up_the_old_journal() -> None:
    nor, journal = fresh()
    for n in range(50):
        rate(journal, n)
        rest(journal)
    format_chip(nor, b"another1")
    journal = Journal(nor, b"another1")
    journal.mount()
    assert (journal.last_seq, journal.boot, journal.faults) == (0, 1, [])
    for n in range(150):
        rate(journal, n)
        acknowledge_all(journal)
        rest(journal)
    assert journal.last_seq == 150 and journal.faults == []


def test_format_on_a_chip_whose_first_sector_is_broken_is_an_error() -> None:
    nor = RamNor(4)
    nor.stuck.add(0)
    with Raises(JournalError, str(reasons.WHY_NOR_MISSING)):
        format_chip(nor, JOURNAL_ID)
