"""A desk with everything around it that only remembers: journal, panel, link, clock chip, ticks."""

from app.clock import Clock
from app.desk import Desk
from app.policy import Policy
from app.recorder import Recorder
from app.session import Session
from protocol import messages, reasons
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

    def room_for_other(self):
        return self.left > 20

    def read(self, seq):
        return self.events.get(seq)

    def acknowledge(self, seq):
        self.first_unacked = seq + 1


class Panel:
    def __init__(self, log):
        self.log = log

    def show(self, state, view, now_ms):
        self.log.append(("shown", state))

    def say(self, prompt, language, loudness, now_ms):
        self.log.append(("said", prompt, loudness))

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
        self.detail = None  # of the last reply

    def reply(self, request, reason, detail=None):
        self.detail = detail
        self.log.append(("replied", request, reason))

    def state(self, state, invite):
        self.log.append(("told", state))


class Room:
    """One desk with everything around it."""

    def __init__(self, journal=True, utc_s=1_700_000_000, reveal=True):
        self.log = []
        self.ticks = Ticks(Ticks.PERIOD - 500)
        self.rtc = Rtc(utc_s)
        self.clock = Clock(self.ticks.ticks_ms, self.ticks.ticks_diff, self.rtc)
        self.journal = Journal(self.log)
        recorder = Recorder(self.journal if journal else None, Sealer(), self.clock, reveal)
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

    def rated(self):
        """Return what QUERY tells of the last rating, None when it tells nothing."""
        self.request(98, messages.QUERY)
        return self.desk.link.detail.get("rated")

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
