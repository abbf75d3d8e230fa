"""Decides what becomes of one old rater's grades. Sans-IO: events and the time in, effects and a deadline out.

    NO_CLERK ⇄ IDLE → SERVING ─ invite ─▶ INVITED ─ grade ───────────▶ (rated) back
                                             ├─ timeout, cancel ─────▶ (timed_out, cancelled) back
                                             └─ unmapped, line lost ─▶ (interrupted) back
    PAUSED, FULL and FAULT stand in for NO_CLERK, IDLE and SERVING

Promises: a grade counts only for the open invite, only if its evaluation was begun on the line at least `guard_ms`
before the grade can have come, and only if the rater was silent for REPEAT_MS before it; else it is a press without
invite, and an evaluation so disturbed is begun anew. A grade without a level in the written table is no rating. An
outcome and an invite are durable before anything answers them ("seal" and "record_invite" stand first). The first grade
is final. No level and no grade is kept: they pass through as effects.

Events: ("started",) · ("ticked",) · ("line", is_up) · ("begun", at_ms) · ("unsent",) · ("grade", grade, since_ms) ·
    ("unrecorded",) · ("stopped", state or None) and, each with its request id first, ("invited", id, fields) ·
    ("cancelled", id, invite) · ("clerk_set", id, clerk) · ("served", id, ticket) · ("paused", id, flag) ·
    ("configured", id, values) · ("queried", id)
Effects: ("seal", kind, invite, fields) · ("record_invite", invite, origin) · ("reply", id, reason, detail) ·
    ("begin",) · ("end",) · ("acknowledge", grade) · ("stars", number) · ("state", state, invite, condition)
"""

from collections.abc import Callable
from typing import Any

from host_agent.legacy import fields as f
from protocol import codes, reasons
from protocol.uninvited import Uninvited

NO_CLERK, IDLE, SERVING, INVITED = "no_clerk", "idle", "serving", "invited"
PAUSED, FULL, FAULT = "paused", "full", "fault"
UNMAPPED_GRADE = "unmapped_grade"
RATER_SILENT = "rater_silent"

INVITE_MS = (60_000, 1_000, 360_000)  # default, lowest, highest: those of any terminal
# A rater repeats a grade until it hears the acknowledgement; after a pause this long what comes is another press.
REPEAT_MS = 3_000
# Citizens often do not rate; so many invites without a single frame point to the cable, the address or the form.
SILENT_INVITES = 20

Effect = tuple[Any, ...]


class RaterSession:
    """Be the state machine of one rater; `known(invite)` says whether an invite was recorded before."""

    def __init__(self, grades: dict[int, int], guard_ms: int, known: Callable[[bytes], bool]) -> None:
        """Start without clerk and with the line down; `grades` maps the rater's grades to levels."""
        self._grades = grades
        self._guard_ms = guard_ms
        self._known = known
        self.state = NO_CLERK
        self.invite: bytes | None = None
        self.counts = dict.fromkeys(("late", "repeated", "unmapped"), 0)
        self.uninvited = Uninvited()
        self._out: list[Effect] = []
        self._clerk: dict[str, Any] | None = None
        self._ticket: str | None = None
        self._paused = self._pause_wanted = self._line = False
        self._stopped: str | None = None
        self._unmapped = False
        self._unheard = 0
        self._invite_ms = INVITE_MS[0]
        self._origin = self._opened_ms = self._until_ms = 0
        self._again_ms: int | None = None  # when the evaluation is begun once more
        self._begun_ms: int | None = None
        self._frame_ms: int | None = None  # when the last grade came, whatever became of it
        self._taken = False  # it ended an invite, or repeated one that did
        self._last: tuple[bytes | None, int] = (None, 0)

    @property
    def condition(self) -> str | None:
        """Return what somebody should look after at this rater."""
        if self._unmapped:
            return UNMAPPED_GRADE
        return RATER_SILENT if self._unheard >= SILENT_INVITES else None

    def handle(self, event: tuple[Any, ...], now_ms: int) -> list[Effect]:
        """Take one event; return the effects to carry out, in order."""
        self._out = []
        self._expire(now_ms)
        if event[0] != "ticked":
            getattr(self, "_on_" + event[0])(now_ms, *event[1:])
        out, self._out = self._out, []
        return out

    def deadline_ms(self) -> int | None:
        """Return when ("ticked",) has something to do, None if never."""
        if self.state != INVITED:
            return None
        return self._until_ms if self._again_ms is None else min(self._until_ms, self._again_ms)

    # --- time

    def _expire(self, now_ms: int) -> None:
        if self.state != INVITED:
            return
        if now_ms >= self._until_ms:
            self._unheard += 1
            self._end(codes.TIMED_OUT, {})
        elif self._again_ms is not None and now_ms >= self._again_ms:
            self._again_ms = None
            self._out.append(("begin",))

    # --- the line

    def _on_started(self, now_ms: int) -> None:
        self._rest()

    def _on_line(self, now_ms: int, is_up: bool) -> None:
        """Interrupt the open invite when the line is lost: what is pressed meanwhile nobody hears."""
        self._line = is_up
        if not is_up and self.state == INVITED:
            self._end(codes.INTERRUPTED, {f.WHY: reasons.WHY_RATER_LOST})
        elif is_up:
            self._show_stars()

    def _on_begun(self, now_ms: int, at_ms: int) -> None:
        """Open the evaluation; a prompt at half time changes nothing."""
        if self.state == INVITED and self._begun_ms is None:
            self._begun_ms = at_ms
            half_ms = (self._opened_ms + self._until_ms) // 2
            if half_ms > now_ms:
                self._again_ms = half_ms

    def _on_unsent(self, now_ms: int) -> None:
        if self.state == INVITED:
            self._again_ms = now_ms + REPEAT_MS

    def _on_grade(self, now_ms: int, grade: int, since_ms: int) -> None:
        """Credit a grade to the open invite, or to nobody."""
        if self._unheard:
            self._unheard = 0
            self._tell()
        follows = self._frame_ms is not None and now_ms - self._frame_ms < REPEAT_MS
        self._frame_ms = now_ms
        early = self._begun_ms is None or since_ms < self._begun_ms + self._guard_ms
        if self.state == INVITED and not early and not follows:
            self._taken = True
            self._rate(grade, now_ms)
        else:
            self._taken = self._taken and follows
            if self._taken:
                self.counts["repeated"] += 1
            else:
                self._press_uninvited(now_ms)
            if self.state == INVITED:
                self.counts["late"] += 1
                self._begun_ms, self._again_ms = None, now_ms + REPEAT_MS
        self._out.append(("acknowledge", grade))

    def _rate(self, grade: int, now_ms: int) -> None:
        if grade in self._grades:
            rated = {f.LEVEL: self._grades[grade], f.DWELL: now_ms - self._opened_ms}
            self._end(codes.RATED, rated)
        else:
            self.counts["unmapped"] += 1
            self._unmapped = True
            self._end(codes.INTERRUPTED, {f.WHY: reasons.WHY_UNMAPPED_GRADE})

    def _press_uninvited(self, now_ms: int) -> None:
        count = self.uninvited.pressed(now_ms)
        if count:
            self._out.append(("seal", codes.UNINVITED, None, {f.N: count}))

    # --- what the agent asks for

    def _on_invited(self, now_ms: int, request: int, wanted: dict[str, Any]) -> None:
        """Open an invite once; say why not otherwise."""
        invite = wanted["invite"]
        if self.state == INVITED and invite == self.invite:
            self._reply(request, reasons.OK)
            return
        reason = reasons.INVITE_ENDED if self._known(invite) else self._refusal()
        if reason == reasons.OK:
            reason = self._refusal_of(wanted)
        if reason != reasons.OK:
            self._reply(request, reason)
            return
        self.invite, self._origin = invite, wanted["origin"]
        self._opened_ms, self._until_ms = now_ms, now_ms + (wanted["timeout_ms"] or self._invite_ms)
        self._begun_ms = self._again_ms = None
        self._out.append(("record_invite", invite, self._origin))
        self._reply(request, reasons.OK)
        self._enter(INVITED)
        self._out.append(("begin",))

    def _refusal(self) -> int:
        if self._stopped is not None:
            return reasons.FULL if self._stopped == FULL else reasons.FAULT
        if not self._line:
            return reasons.FAULT
        return reasons.PAUSED if self._paused or self._pause_wanted else reasons.OK

    def _refusal_of(self, wanted: dict[str, Any]) -> int:
        if wanted["age_ms"] > wanted["ttl_ms"]:
            return reasons.INVITE_EXPIRED
        if self.state == INVITED:
            return reasons.INVITE_OPEN
        if self._clerk is None:
            return reasons.NO_CLERK
        timeout_ms = wanted["timeout_ms"]
        allowed = wanted["origin"] in (codes.ORIGIN_COUNTER, codes.ORIGIN_CLERK_PAGE)
        if not allowed or (timeout_ms and not INVITE_MS[1] <= timeout_ms <= INVITE_MS[2]):
            return reasons.OUT_OF_RANGE
        return reasons.OK

    def _on_unrecorded(self, now_ms: int) -> None:
        """Take back an invite that could not be made durable: nobody has been told of it."""
        if self.state == INVITED:
            self.state = NO_CLERK
            self._rest()

    def _on_cancelled(self, now_ms: int, request: int, invite: bytes) -> None:
        if self.state == INVITED and invite == self.invite:
            self._end(codes.CANCELLED, {}, request)
            return
        last, outcome = self._last
        if invite == last and outcome in (codes.RATED, codes.CANCELLED):
            self._reply(request, reasons.RATED if outcome == codes.RATED else reasons.OK)
        else:
            self._reply(request, reasons.INVITE_ENDED if self._known(invite) else reasons.NO_INVITE)

    def _on_clerk_set(self, now_ms: int, request: int, clerk: dict[str, Any] | None) -> None:
        changed, self._clerk = clerk != self._clerk, clerk
        self._reply(request, reasons.OK)
        if changed:
            self._ticket = None
            self._show_stars()
            if self.state != INVITED:
                self._rest()

    def _on_served(self, now_ms: int, request: int, ticket: str) -> None:
        reason = self._refusal()
        if reason == reasons.OK and self.state == INVITED:
            reason = reasons.INVITE_OPEN
        elif reason == reasons.OK and self._clerk is None:
            reason = reasons.NO_CLERK
        self._reply(request, reason)
        if reason == reasons.OK:
            self._ticket = ticket
            self._rest()

    def _on_paused(self, now_ms: int, request: int, wanted: bool) -> None:
        """Pause or resume; an open invite is not taken from the citizen."""
        self._pause_wanted = wanted
        self._reply(request, reasons.OK)
        if self.state != INVITED:
            self._rest()

    def _on_configured(self, now_ms: int, request: int, values: dict[str, Any]) -> None:
        """Take the one value that means something here; the others are for screens."""
        invite_ms = values.get("invite_ms", self._invite_ms)
        if type(invite_ms) is not int or not INVITE_MS[1] <= invite_ms <= INVITE_MS[2]:
            self._reply(request, reasons.OUT_OF_RANGE)
            return
        self._invite_ms = invite_ms
        self._reply(request, reasons.OK)

    def _on_queried(self, now_ms: int, request: int) -> None:
        detail = {"state": self.state, "paused": self._paused, "wanted": self._pause_wanted}
        self._reply(request, reasons.OK, detail)

    def _on_stopped(self, now_ms: int, state: str | None) -> None:
        """Take ratings no more (FULL or FAULT), or again (None)."""
        if state != self._stopped:
            self._stopped = state
            if self.state != INVITED:
                self._rest()

    # --- changes

    def _end(self, kind: int, fields: dict[int, Any], request: int | None = None) -> None:
        """Seal the one outcome of the open invite."""
        fields |= {f.INPUT: codes.INPUT_KEY, f.ORIGIN: self._origin}
        self._out.append(("seal", kind, self.invite, fields))
        self._last = (self.invite, kind)
        if request is not None:
            self._reply(request, reasons.OK)
        self._out.append(("end",))
        self._begun_ms = self._again_ms = None
        self._ticket = None
        self.state = NO_CLERK
        self._rest()

    def _reply(self, request: int, reason: int, detail: dict[str, Any] | None = None) -> None:
        self._out.append(("reply", request, reason, detail))

    def _rest(self) -> None:
        """Go to the state that holds when nothing is going on."""
        if self._pause_wanted != self._paused and self._stopped is None:
            self._paused = self._pause_wanted
            self._out.append(("seal", codes.PAUSED if self._paused else codes.RESUMED, None, {}))
        self.invite = None
        if self._stopped is not None:
            self._enter(self._stopped)
        elif self._paused:
            self._enter(PAUSED)
        elif self._clerk is None:
            self._enter(NO_CLERK)
        else:
            self._enter(SERVING if self._ticket is not None else IDLE)

    def _enter(self, state: str) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        self._out.append(("state", self.state, self.invite, self.condition))

    def _show_stars(self) -> None:
        if self._line and self._clerk is not None and "stars" in self._clerk:
            self._out.append(("stars", self._clerk["stars"]))
