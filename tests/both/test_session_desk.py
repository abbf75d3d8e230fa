"""The desk: effects in order, what happens when something cannot be stored, and what waits for a rating's end."""

from app import fields, states
from app.clock import Clock
from app.desk import HELD_MAX, MARK_MS, Desk
from app.policy import Policy
from app.recorder import Recorder
from app.session import Session
from app.supervisor import Supervisor
from protocol import messages, rating, reasons
from tests.both.hall import CLERK, invite_id


class Failed(Exception):
    def __init__(self, why):
        super().__init__(str(why))
        self.why = why


class Full(Failed):
    def __init__(self):
        super().__init__(reasons.WHY_JOURNAL_FULL)


class Ticks:
    """Ticks that wrap at 2**30, as on the chip."""

    PERIOD = 1 << 30

    def __init__(self, start=0):
        self.ms = start

    def ticks_ms(self):
        return self.ms % self.PERIOD

    def ticks_diff(self, a, b):
        half = self.PERIOD // 2
        return (a - b + half) % self.PERIOD - half


class Rtc:
    def __init__(self, utc_s=1_700_000_000):
        self.now_s = utc_s
        self.sets = []
        self.missing = False

    def utc_s(self):
        if self.missing:
            raise OSError(5)
        return self.now_s

    def set_utc_s(self, utc_s):
        if self.missing:
            raise OSError(5)
        if utc_s > 7_000_000_000:
            raise ValueError("year")
        self.sets.append(utc_s)


class Sealer:
    def seal(self, kind, invite, boot, seq, values):
        return (kind, invite, boot, seq, dict(values))


class Journal:
    """Remembers; `refuse` is raised instead of the next append."""

    def __init__(self, log):
        self.log = log
        self.boot = 3
        self.last_seq = 7
        self.first_unacked = 5
        self.prev_hash = bytes(8)
        self.known_invites = set()
        self.left = 30
        self.refuse = None
        self.events = {}

    def _append(self):
        if self.refuse is not None:
            raise self.refuse

    def append_event(self, seq, event):
        self._append()
        assert seq == self.last_seq + 1
        self.last_seq = seq
        self.events[seq] = event
        self.log.append(("durable", event[0]))

    def append_invite(self, invite, origin):
        self._append()
        self.known_invites.add(invite)
        self.log.append(("invite", invite, origin))

    def room(self):
        return self.left

    def read(self, seq):
        return self.events.get(seq)

    def acknowledge(self, seq):
        self.first_unacked = seq + 1


class Panel:
    def __init__(self, log):
        self.log = log

    def show(self, state, view, now_ms):
        self.log.append(("shown", state))

    def light(self, lit):
        self.log.append(("lit", lit))

    def tone(self, name, now_ms):
        self.log.append(("tone", name))

    def linked(self, linked, now_ms):
        self.log.append(("linked", linked))

    def tick(self, now_ms):
        pass

    def due_ms(self):
        return None


class Link:
    def __init__(self, log):
        self.log = log

    def reply(self, request, reason, detail=None):
        self.log.append(("replied", request, reason))

    def state(self, state, invite):
        self.log.append(("told", state))


class Room:
    """One desk with everything around it."""

    def __init__(self, journal=True, utc_s=1_700_000_000):
        self.log = []
        self.ticks = Ticks(Ticks.PERIOD - 500)
        self.rtc = Rtc(utc_s)
        self.clock = Clock(self.ticks.ticks_ms, self.ticks.ticks_diff, self.rtc)
        self.journal = Journal(self.log)
        recorder = Recorder(self.journal if journal else None, Sealer(), self.clock, True)
        session = Session(Policy(), self.journal.known_invites, 0)
        self.desk = Desk(session, recorder, self.clock, Panel(self.log), Full, Failed)
        self.desk.link = Link(self.log)
        self.recorder = recorder

    def request(self, id_, type_, **values):
        self.log.clear()
        self.desk.link_event(("request", type_, id_, values))
        return list(self.log)

    def invite(self, n):
        values = {"invite": invite_id(n), "age_ms": 0, "ttl_ms": 9_000, "timeout_ms": 0, "origin": 1, "qr": None}
        return self.request(n, messages.INVITE, **values)

    def login(self):
        return self.request(99, messages.CLERK, clerk=CLERK)

    def wait(self, ms):
        """Tick at every deadline on the way."""
        end = self.clock.now_ms() + ms
        while True:
            due = self.desk.tick()
            step = min(due, end) - self.clock.now_ms()
            if step <= 0:
                return
            self.ticks.ms += step

    def press(self, key):
        self.log.clear()
        self.desk.key(key, True, self.ticks.ticks_ms())
        self.wait(60)
        self.desk.key(key, False, self.ticks.ticks_ms())
        return list(self.log)

    def kinds(self):
        return [event[0] for _, event in sorted(self.journal.events.items())]


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
    assert log[0] == ("lit", False) and ("shown", states.FAULT) in log
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
    assert ("lit", True) not in log and ("shown", states.INVITED) not in log
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
    assert room.desk.session.state == states.IDLE


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
    room.wait(6_000)
    assert room.kinds() == [rating.RATED, rating.RATED] + [rating.MARK] * HELD_MAX


def test_other_event_without_room_is_dropped():
    room = Room()
    room.journal.refuse = Full()
    assert room.desk.note(rating.MARK, {}) is False
    assert room.desk.status()["reason"] == reasons.OK


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
