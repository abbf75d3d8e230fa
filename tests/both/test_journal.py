"""The journal on a chip in RAM: appending, acknowledging, wrapping, starting again."""

from hashlib import sha256

from store.journal import JournalFull
from tests.both.journal_room import acknowledge_all, append, event, fill, fresh, invite, rate, rest, started
from tests.both.support import Raises


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
