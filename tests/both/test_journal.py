"""The journal on a chip in RAM: appending, acknowledging, wrapping, starting again."""

from hashlib import sha256

from protocol import reasons, record, record_scan
from store.journal import Journal, JournalFull, format_chip
from store.recovery import JournalError
from tests.both.nor import SECTOR, RamNor
from tests.both.support import Raises

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


def test_fresh_journal_has_boot_1_and_nothing_else() -> None:
    _, journal = fresh()
    assert (journal.boot, journal.last_seq, journal.first_unacked) == (1, 0, 1)
    assert journal.prev_hash == bytes(8) and journal.open_invite is None and journal.faults == []


def test_event_is_read_back_and_survives_a_start() -> None:
    nor, journal = fresh()
    first, second = append(journal), append(journal)
    assert journal.read(1) == first and journal.read(2) == second and journal.read(3) is None
    again = started(nor)
    assert (again.boot, again.last_seq, again.first_unacked) == (2, 2, 1)
    assert again.read(1) == first and again.read(2) == second
    assert again.prev_hash == sha256(second).digest()[:8]


def test_one_append_is_one_program() -> None:
    nor, journal = fresh()
    rest(journal)
    for _ in range(40):
        nor.log = []
        append(journal)
        assert [op[0] for op in nor.log] == ["program"]


def test_sequence_out_of_order_is_a_mistake_of_the_caller() -> None:
    _, journal = fresh()
    with Raises(ValueError, "seq 2 after 0"):
        journal.append_event(2, event(1, 2))


def test_each_start_has_a_higher_boot_that_is_durable_before_anything_else() -> None:
    nor, journal = fresh()
    for boot in range(2, 60):
        before = nor.programs
        journal = started(nor)
        assert journal.boot == boot and nor.programs > before
        rest(journal)


def test_acknowledged_events_stay_readable_and_acknowledged() -> None:
    nor, journal = fresh()
    events = [append(journal) for _ in range(20)]
    for seq in (1, 2, 4, 3, 7):
        journal.acknowledge(seq)
    assert journal.first_unacked == 5
    again = started(nor)
    assert again.first_unacked == 5
    for seq in (5, 6):
        again.acknowledge(seq)
    assert again.first_unacked == 8
    assert [again.read(seq) for seq in range(1, 21)] == events


def test_acknowledging_twice_or_what_is_not_there_does_nothing() -> None:
    nor, journal = fresh()
    append(journal)
    journal.acknowledge(1)
    before = nor.programs
    for seq in (0, 1, 2, 99):
        journal.acknowledge(seq)
    assert nor.programs == before


def test_log_wraps_for_ever_and_wears_evenly() -> None:
    nor, journal = fresh()
    for n in range(400):
        rate(journal, n)
        acknowledge_all(journal)
        rest(journal)
        if n % 37 == 0:
            journal = started(nor)
    assert journal.last_seq == 400 and journal.faults == []
    assert max(nor.erases) - min(nor.erases) <= 1 and min(nor.erases) >= 3


def test_appends_go_on_while_a_sector_is_erased() -> None:
    nor, journal = fresh()
    suspended = 0
    for n in range(200):
        rate(journal, n)
        suspended += nor.erasing >= 0
        assert journal.read(journal.last_seq) is not None
        journal.acknowledge(journal.last_seq)
        journal.idle(n * 10)
    assert suspended > 10


def test_unacknowledged_events_are_never_overwritten_and_the_journal_says_full() -> None:
    nor, journal = fresh()
    events = {}
    n = 0
    while journal.room():
        rate(journal, n)
        events[journal.last_seq] = journal.read(journal.last_seq)
        rest(journal)
        n += 1
    assert n > 80
    with Raises(JournalFull):
        journal.append_invite(invite(n), 1)
    with Raises(JournalFull):
        append(journal)
    for seq in events:
        assert journal.read(seq) == events[seq]
    again = started(nor)
    assert again.first_unacked == 1 and again.room() == 0
    for seq in events:
        assert again.read(seq) == events[seq]


def test_invite_accepted_last_still_has_room_for_a_whole_rating() -> None:
    _, journal = fresh()
    n = fill(journal, presses=9)
    assert journal.open_invite is None and n >= 10


def test_other_events_leave_the_last_two_sectors_to_ratings() -> None:
    _, journal = fresh()
    while journal.room_for_other():
        append(journal)
        rest(journal)
    with Raises(JournalFull):
        append(journal)
    assert journal.room() > 15
    rate(journal, 1, presses=9)


def test_full_journal_takes_invites_again_once_a_sector_is_acknowledged() -> None:
    nor, journal = fresh()
    n = fill(journal)
    for seq in range(1, 40):
        journal.acknowledge(seq)
    rest(journal)
    assert journal.room() > 15
    rate(journal, n)
    assert started(nor).first_unacked == 40


def test_starts_of_a_full_journal_end_in_boot_0_and_nothing_sealed_until_there_is_room() -> None:
    nor, journal = fresh()
    n = fill(journal)
    last = journal.last_seq
    for _ in range(60):
        journal = started(nor)
        rest(journal)
    assert journal.boot == 0 and journal.room() == 0
    with Raises(JournalFull):
        append(journal)
    assert (journal.last_seq, journal.first_unacked) == (last, 1)
    for seq in range(1, 60):
        journal.acknowledge(seq)
    rest(journal)
    assert journal.boot > 0 and journal.room() > 0
    boot = journal.boot
    rate(journal, n)
    assert started(nor).boot == boot + 1


def test_open_invite_is_found_after_a_start_until_it_has_an_outcome() -> None:
    nor, journal = fresh()
    rate(journal, 1)
    assert started(nor).open_invite is None
    journal = started(nor)
    journal.append_invite(invite(2), 3)
    append(journal)
    journal = started(nor)
    assert journal.open_invite == invite(2) and journal.open_origin == 3
    append(journal, invite(2))
    assert journal.open_invite is None and started(nor).open_invite is None


def test_last_known_invites_survive_starts_and_wraps() -> None:
    nor, journal = fresh(sectors=10, known_limit=20)
    for n in range(150):
        rate(journal, n)
        acknowledge_all(journal)
        rest(journal)
        if n % 11 == 0:
            journal = started(nor, known_limit=20)
        for known in range(max(0, n - 19), n + 1):
            assert invite(known) in journal.known_invites, (n, known)
        assert invite(n - 20) not in journal.known_invites


def test_known_invites_are_carried_over_many_laps_of_other_events() -> None:
    nor, journal = fresh(known_limit=20)
    for n in range(20):
        rate(journal, n)
    for _ in range(600):
        append(journal)
        acknowledge_all(journal)
        rest(journal)
    journal = started(nor, known_limit=20)
    for n in range(20):
        assert invite(n) in journal.known_invites
    rate(journal, 20)
    assert invite(0) not in journal.known_invites and invite(1) in journal.known_invites


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
