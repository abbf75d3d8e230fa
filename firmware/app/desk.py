"""Carry out what the session decides, in its order; bring it keys, requests and time.

A press is sealed and durable when `recorder.seal` returns; only then come lamps, tones, screens and answers. What
cannot be stored stops the terminal: nothing after it in the same list of effects happens.
"""

from app import fields as f
from app import keys
from app.version import FIRMWARE
from protocol import codes, messages, reasons
from protocol import self_test_parts as parts

MARK_MS = 3_600_000
CHECK_AGAIN_MS = 60_000  # while somebody needs the terminal
HELD_MAX = 8  # events that wait for the end of a rating; the oldest goes first
KEY_NUMBERS = keys.CLERK
_AT_ONCE = (codes.PAUSED, codes.RESUMED)  # they end a rating themselves

_EVENT_OF = {
    messages.INVITE: ("invited", ("invite", "age_ms", "ttl_ms", "timeout_ms", "origin", "qr")),
    messages.CANCEL: ("cancelled", ("invite",)),
    messages.CLERK: ("clerk_set", ("clerk",)),
    messages.SERVE: ("served", ("ticket",)),
    messages.PAUSE: ("paused", ("paused",)),
    messages.NOTICE: ("noticed", ("text",)),
    messages.CONFIG: ("configured", ("policy",)),
}


class Desk:
    """Stand between the session and everything it acts on; `full` and `failed` are the journal's errors."""

    def __init__(
        self, session: object, recorder: object, clock: object, panel: object, full: type, failed: type
    ) -> None:
        self.session = session
        self.link = None
        self.wake = None  # called when deadlines or output may have changed
        self.heap_free = None  # tells the bytes left, for the status
        self.touch = None  # the rules of a glass, where there is one
        self.check = None  # begins a self-test, see link/checks.py
        self.check_at = None  # when the next one is due, ms since start
        self.switch = None  # answers an UPDATE, see link/bulk.py
        self.tested = None  # of the last self-test: its number since the start, and the mask of parts that failed
        self._recorder = recorder
        self.clock = clock
        self._panel = panel
        self._full = full
        self._failed = failed
        self._held = []
        self._mark_at = MARK_MS
        self._room = None
        self._full_unreported = False

    # -- what comes in

    def begin(self, why: int, open_invite: bytes | None, open_origin: int) -> None:
        """Seal that the terminal started, and that an invite was interrupted; show the first screen."""
        self.note(codes.BOOT, {f.WHY: why, f.FW: FIRMWARE})
        if open_invite is not None:
            fields = {f.WHY: reasons.WHY_POWER_CUT, f.ORIGIN: open_origin}
            self._carry_out([("seal", codes.INTERRUPTED, open_invite, fields)])
        if self.clock.chip_missing:
            self.note(codes.FAULT, {f.WHY: reasons.WHY_RTC_MISSING})
        self.handle(("started",))

    def found(self, console: bool, case_open: bool) -> None:
        """Seal what the start found out of order: a console let in by the jumper, an open case."""
        if console:
            self.note(codes.MAINTENANCE, {})
        if case_open:
            self.note(codes.CASE_OPENED, {})

    def key(self, number: int, down: bool, ticks: int) -> None:
        """Take an edge of a contact; the one after the keys is the case's switch."""
        if number > KEY_NUMBERS:
            if not down:
                self.note(codes.CASE_OPENED, {})
                self._done()
            return
        self.handle(("key_down" if down else "key_up", number, self.clock.at(ticks)))

    def glass(self, points: int, x: int, y: int, area: int, ticks: int) -> None:
        """Take a report of the touch panel, in pixels of the picture."""
        key = self._panel.key_at(x, y) if points else 0
        for event in self.touch.report(points, x, y, area, key, self.clock.at(ticks)):
            self.handle(event)

    def link_event(self, event: tuple) -> None:
        """Take an event of the link."""
        name = event[0]
        if name == "request":
            self._request(event[1], event[2], event[3])
        elif name == "established":
            if event[1]["utc_ms"] is not None:
                self._set_time(event[1]["utc_ms"])
            self._panel.linked(True, self.clock.now_ms())
            self.handle(("linked",))
        elif name == "behind":
            self._recorder.halt()
            self.handle(("faulted", reasons.WHY_SEQ_BEHIND))
        elif name == "lost":
            self._panel.linked(False, self.clock.now_ms())
            self.handle(("unlinked",))
        else:
            self._done()

    def _request(self, type_: int, request: int, values: dict) -> None:
        if type_ == messages.TIME:
            self._set_time(values["utc_ms"])
            self.link.reply(request, reasons.OK)
            self._done()
        elif type_ in _EVENT_OF:
            name, wanted = _EVENT_OF[type_]
            self.handle((name, request) + tuple([values[key] for key in wanted]))
        elif type_ == messages.SELF_TEST:
            self.check(parts.WHY_ASKED, request)  # pyright: ignore[reportOptionalCall], set before the first request
        elif type_ == messages.UPDATE:
            self.switch(request, values["manifest"])  # pyright: ignore[reportOptionalCall], as above
        elif type_ == messages.QUERY:
            self.handle(("queried", request, self._recorder.rated))
        else:
            self.link.reply(request, reasons.UNSUPPORTED)
            self._done()

    def is_engaged(self) -> bool:
        """Return whether a citizen is in front of the screen: an invite is open, or its end is still shown."""
        return self.session.invite is not None

    def tick(self) -> int | None:
        """Do what is due; return when there is more to do, ms since start."""
        now_ms = self.clock.now_ms()
        due = self.session.deadline_ms()
        if due is not None and due <= now_ms:
            self.handle(("ticked",))
        if self.touch is not None:
            for event in self.touch.due(now_ms):
                self.handle(event)
        if now_ms >= self._mark_at:
            self._mark_at = now_ms + MARK_MS
            self.clock.read_chip()
            self.note(codes.MARK, {})
        if self.check_at is not None and now_ms >= self.check_at:
            self.check_at = now_ms + CHECK_AGAIN_MS
            self.check(parts.WHY_DAILY)  # pyright: ignore[reportOptionalCall], set with the time
        self._panel.tick(now_ms)
        first = self._mark_at
        glass = None if self.touch is None else self.touch.deadline_ms()
        for due in (self.check_at, self.session.deadline_ms(), self._panel.due_ms(), glass):
            if due is not None and due < first:
                first = due
        return first

    def handle(self, event: tuple) -> None:
        """Give the session an event and carry out what it decides."""
        self._carry_out(self.session.handle(event, self.clock.now_ms()))
        self._done()

    # -- what goes out

    def note(self, kind: int, fields: dict, waits: bool = True) -> bool:
        """Seal an event that belongs to no invite; it waits while a rating may still change. False when dropped."""
        if waits and self.session.choosing():
            if len(self._held) >= HELD_MAX:
                self._held.pop(0)
            self._held.append((kind, fields))
            return True
        try:
            self._recorder.seal(kind, None, fields)
        except self._full:
            return False
        except self._failed as error:
            self.fail(error.why)
            return False
        return True

    def fail(self, why: int) -> None:
        """Stop taking ratings: the journal cannot be trusted any more."""
        self._recorder.halt()
        self._carry_out(self.session.handle(("faulted", why), self.clock.now_ms()))

    def status(self) -> dict:
        """Return what a heartbeat tells of the terminal."""
        recorder, clock = self._recorder, self.clock
        return {
            "state": self.session.state,
            "queue": recorder.last() - recorder.first() + 1,
            "free": recorder.room(),
            "last_seq": recorder.last(),
            "utc_ms": clock.utc_ms(),
            "tq": clock.quality(),
            "up_ms": clock.now_ms(),
            "uninvited": self.session.uninvited.total,
            "heap_free": self.heap_free() if self.heap_free else None,
            "resets": recorder.boot(),
            "self_test": self.tested,
            "reason": reasons.FAULT if recorder.halted else reasons.OK,
        }

    def _set_time(self, utc_ms: int) -> None:
        jumped, before = self.clock.set(utc_ms)
        if jumped:
            self.note(codes.CLOCK_SET, {} if before is None else {f.T0: before})

    def _done(self) -> None:
        self._settle()
        if self.wake is not None:
            self.wake()

    def _settle(self) -> None:
        """Seal what waited for the end of a rating; follow the room left, and report a full journal once it can."""
        while self._held and not self.session.choosing():
            kind, fields = self._held.pop(0)
            self.note(kind, fields)
        room = self._recorder.room()
        if not self._recorder.halted and (room > 0) != self._room:
            self._room = room > 0
            self._full_unreported = self._full_unreported or room <= 0
            self._carry_out(self.session.handle(("room_changed", room), self.clock.now_ms()))
        if self._full_unreported and self._recorder.room_for_other():
            self._full_unreported = not self.note(codes.FAULT, {f.WHY: reasons.WHY_JOURNAL_FULL})

    def _carry_out(self, effects: list) -> None:
        """Carry out effects in order; stop at the first that cannot be stored."""
        for i in range(len(effects)):
            try:
                self._do(effects[i])
            except self._failed as error:
                full = isinstance(error, self._full) and effects[i][0] == "record_invite"
                self._not_stored(effects, i, reasons.FULL if full else reasons.NOT_STORED)
                if full:
                    self._carry_out(self.session.handle(("unrecorded",), self.clock.now_ms()))
                else:
                    self.fail(error.why)
                return

    def _not_stored(self, effects: list, start: int, reason: int) -> None:
        """Answer the requests whose reply stood behind what was not stored."""
        for effect in effects[start:]:
            if effect[0] == "reply":
                self.link.reply(effect[1], reason)

    def _do(self, effect: tuple) -> None:
        name = effect[0]
        if name == "seal":
            if effect[1] in codes.OUTCOMES:
                self._recorder.seal(effect[1], effect[2], effect[3])
            else:
                self.note(effect[1], effect[3], effect[1] not in _AT_ONCE)
        elif name == "record_invite":
            self._recorder.record_invite(effect[1], effect[2])
        elif name == "reply":
            self.link.reply(effect[1], effect[2], effect[3])
        elif name == "state":
            self.link.state(effect[1], effect[2])
        elif name == "show":
            self._panel.show(effect[1], effect[2], self.clock.now_ms())
        elif name == "lamps":
            self._panel.light(effect[1])
        elif name == "say":
            loudness = self.session.policy.loudness(self.clock.utc_ms())
            self._panel.say(effect[1], effect[2], loudness, self.clock.now_ms())
        elif name == "language":
            self._panel.speak(effect[1], self.clock.now_ms())
        else:
            self._panel.tone(effect[1], self.clock.now_ms())
