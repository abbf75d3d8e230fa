"""The desk: effects in order, what happens when something cannot be stored, and what waits for a rating's end."""

from app import fields, states
from app.desk import HELD_MAX, MARK_MS
from app.supervisor import Supervisor
from protocol import messages, rating, reasons
from tests.both.desk_room import Failed, Full, Room
from tests.both.hall import invite_id


def test_press_is_durable_before_tone_and_screen():
    room = Room()
    room.login()
    log = room.invite(1)
    assert log[0] == ("invite", invite_id(1), 1) and log[1] == ("replied", 1, reasons.OK)
    room.wait(800)
    log = room.press(2)
    assert log[0] == ("durable", rating.RATED)
    assert ("tone", "press") in log and ("shown", states.CHOSEN) in log
    sealed = room.journal.events[8][4]
    assert sealed[fields.LEVEL] == 4 and sealed[fields.REVEAL] is True and sealed[fields.TQ] == 1
    assert sealed[fields.PREV] == bytes(8) and sealed[fields.UP] == room.recorder.read(8)[1][4][fields.UP]


def test_press_that_cannot_be_stored_shows_nothing_but_the_fault():
    room = Room()
    room.login()
    room.invite(1)
    room.wait(800)
    room.journal.refuse = Failed(reasons.WHY_NOR_MISSING)
    log = room.press(2)
    assert log[0] == ("lit", 0) and ("shown", states.FAULT) in log
    assert ("tone", "press") not in log and ("shown", states.CHOSEN) not in log
    assert room.desk.status()["reason"] == reasons.FAULT
    room.journal.refuse = None
    before = room.journal.last_seq
    assert room.invite(2) == [("replied", 2, reasons.FAULT)]
    room.press(1)
    assert room.journal.last_seq == before


def test_invite_that_cannot_be_stored_is_refused():
    room = Room()
    room.login()
    room.journal.refuse = Failed(reasons.WHY_NOR_MISSING)
    log = room.invite(1)
    assert ("replied", 1, reasons.NOT_STORED) in log and ("shown", states.INVITED) not in log
    assert room.desk.session.state == states.FAULT


def test_invite_without_room_after_all_is_refused_as_full():
    room = Room()
    room.login()
    room.journal.refuse = Full()
    log = room.invite(1)
    assert ("replied", 1, reasons.FULL) in log and ("shown", states.FULL) in log
    assert ("lit", 0x1F) not in log and ("shown", states.INVITED) not in log
    room.journal.refuse = None
    room.wait(70_000)
    assert room.kinds() == []


def test_full_follows_the_journal_both_ways():
    room = Room()
    room.login()
    room.journal.left = 0
    room.desk.link_event(("acknowledged", 5))
    assert room.desk.session.state == states.FULL and room.invite(1) == [("replied", 1, reasons.FULL)]
    room.journal.left = 5
    room.desk.link_event(("acknowledged", 6))
    assert room.desk.session.state == states.IDLE and room.kinds() == []
    room.journal.left = 21
    room.desk.link_event(("acknowledged", 7))
    room.desk.link_event(("acknowledged", 8))
    assert room.kinds() == [rating.FAULT], "it was full: told once, as soon as other events have room"
    assert room.journal.events[8][4][fields.WHY] == reasons.WHY_JOURNAL_FULL


def test_other_events_wait_for_the_end_of_a_rating():
    room = Room()
    room.login()
    room.invite(1)
    room.wait(800)
    room.press(1)
    room.desk.key(8, False, room.ticks.ticks_ms())
    for _ in range(HELD_MAX + 2):
        room.desk.note(rating.MARK, {})
    room.press(2)
    assert room.kinds() == [rating.RATED, rating.RATED]
    room.wait(16_000)
    assert room.kinds() == [rating.RATED, rating.RATED] + [rating.MARK] * HELD_MAX


def test_other_event_without_room_is_dropped():
    room = Room()
    room.journal.refuse = Full()
    assert room.desk.note(rating.MARK, {}) is False
    assert room.desk.status()["reason"] == reasons.OK


def test_pause_without_room_for_its_event_still_pauses():
    room = Room()
    room.login()
    room.journal.refuse = Full()
    assert ("replied", 5, reasons.OK) in room.request(5, messages.PAUSE, paused=True)
    assert room.desk.session.state == states.PAUSED and room.desk.status()["reason"] == reasons.OK


def test_pause_during_a_rating_is_sealed_at_once():
    room = Room()
    room.login()
    room.invite(1)
    room.wait(800)
    room.press(1)
    log = room.request(5, messages.PAUSE, paused=True)
    assert log[0] == ("durable", rating.PAUSED) and log[1] == ("replied", 5, reasons.OK)


def test_time_from_the_link_is_kept_and_a_jump_told():
    room = Room()
    before = room.clock.utc_ms()
    log = room.request(4, messages.TIME, utc_ms=1_800_000_000_000)
    assert ("durable", rating.CLOCK_SET) in log and log[-1] == ("replied", 4, reasons.OK)
    sealed = room.journal.events[8][4]
    assert abs(sealed[fields.T0] - before) < 5 and sealed[fields.T] == 1_800_000_000_000 and sealed[fields.TQ] == 3
    assert room.rtc.sets == [1_800_000_000]
    assert room.request(5, messages.TIME, utc_ms=1_800_000_001_000) == [("replied", 5, reasons.OK)]
    assert room.rtc.sets == [1_800_000_000]


def test_first_time_of_an_unset_clock_is_told_without_a_time_before():
    room = Room(utc_s=None)
    assert room.clock.quality() == 0 and room.clock.utc_ms() is None
    room.desk.link_event(("established", {"utc_ms": 1_800_000_000_000}))
    assert fields.T0 not in room.journal.events[8][4] and room.clock.quality() == 3


def test_clock_quality_fades():
    room = Room()
    room.clock.set(1_800_000_000_000)
    for ms, quality in ((600_000, 3), (1, 2), (85_800_000 - 1, 2), (1, 1)):
        for _ in range(3):
            room.ticks.ms += ms // 3
            room.clock.now_ms()
        room.ticks.ms += ms % 3
        assert room.clock.quality() == quality, ms


def test_clock_without_a_chip_or_with_a_wild_year_lives_on():
    room = Room()
    room.rtc.missing = True
    room.clock.read_chip()
    assert room.clock.chip_missing and room.clock.quality() == 1
    room.clock.set(1_800_000_000_000)
    assert room.clock.quality() == 3
    room.rtc.missing = False
    room.clock.set(9_000_000_000_000)
    assert room.clock.utc_ms() == 9_000_000_000_000


def test_clock_counts_on_over_the_wrap():
    room = Room()
    first = room.clock.now_ms()
    room.ticks.ms += 1_000
    assert room.clock.now_ms() == first + 1_000
    assert room.clock.at(room.ticks.ticks_ms() - 40) == first + 960


def test_mark_comes_every_hour():
    room = Room()
    room.wait(3 * MARK_MS + 10)
    assert room.kinds() == [rating.MARK] * 3


def test_unknown_request_is_unsupported():
    room = Room()
    assert room.request(3, 0x2F) == [("replied", 3, reasons.UNSUPPORTED)]


def test_agent_that_knows_more_is_a_fault_and_seals_nothing():
    room = Room()
    room.desk.link_event(("behind", {}))
    room.desk.link_event(("established", {"utc_ms": 1}))
    assert room.kinds() == [] and room.desk.session.state == states.FAULT


def test_start_tells_boot_interruption_and_a_missing_chip():
    room = Room()
    room.rtc.missing = True
    room.clock.read_chip()
    room.desk.begin(reasons.WHY_WATCHDOG, invite_id(4), 1)
    room.desk.found(True, True)
    assert room.kinds() == [
        rating.BOOT,
        rating.INTERRUPTED,
        rating.FAULT,
        rating.MAINTENANCE,
        rating.CASE_OPENED,
    ]
    assert room.journal.events[8][4][fields.WHY] == reasons.WHY_WATCHDOG
    assert room.journal.events[9][1] == invite_id(4)


def test_terminal_without_a_journal_answers_and_takes_nothing():
    room = Room(journal=False)
    room.desk.fail(reasons.WHY_JOURNAL_BLANK)
    assert (room.recorder.first(), room.recorder.last(), room.recorder.read(1)) == (1, 0, None)
    assert room.desk.status()["free"] == 0 and room.desk.status()["resets"] == 0
    assert room.invite(1) == [("replied", 1, reasons.FAULT)]


def test_age_is_known_of_events_of_this_boot_only():
    room = Room()
    room.journal.events[6] = b"old"
    room.desk.note(rating.MARK, {})
    room.ticks.ms += 250
    assert room.recorder.read(6) == (None, b"old")
    assert room.recorder.read(8)[0] == 250
    assert room.recorder.read(9) is None


def test_supervisor_feeds_only_while_all_live():
    class Task:
        ended = False

        def done(self):
            return self.ended

    class Dog:
        fed = 0

        def feed(self):
            self.fed += 1

    dog, one, two = Dog(), Task(), Task()
    watched = Supervisor(dog)
    watched.watch("one", one)
    watched.watch("two", two)
    assert watched.check() is None and dog.fed == 1
    two.ended = True
    assert watched.check() == "two" and dog.fed == 1
