"""Random histories of one rater's session, beside a model that knows only when a grade may count."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from host_agent.legacy import fields as f
from host_agent.legacy.session import REPEAT_MS, RaterSession
from protocol import codes, reasons

GRADES = {0: 1, 1: 2, 2: 3, 3: 4, 4: 5}
GUARD_MS = 1_500
INVITES = 40  # few enough that some are repeated
CLERK = {"number": "007", "stars": 3}
DISTURBANCES = (
    ("paused", True),
    ("paused", False),
    ("clerk_set", None),
    ("clerk_set", CLERK),
    ("clerk_set", {"number": "008"}),
    ("line", False),
    ("line", True),
    ("stopped", "full"),
    ("stopped", "fault"),
    ("stopped", None),
    ("served", "A001"),
    ("configured", {"invite_ms": 20_000}),
    ("queried",),
)


class RaterMachine(RuleBasedStateMachine):
    """Let the line, the citizens, the clerk and time do anything."""

    @initialize()
    def begin(self) -> None:
        """Start with a clerk and a line."""
        self.now = 0
        self.recorded: dict[bytes, int] = {}
        self.outcomes: dict[bytes, list[tuple[int, dict]]] = {}
        self.uninvited = 0
        self.acknowledged = self.grades = self.credited = self.repeated = 0
        self.request = 0
        self.replies: dict[int, int] = {}
        self.open: bytes | None = None
        self.begun: int | None = None
        self.begins_due = 0
        self.last_grade: int | None = None
        self.last_counted = False
        self.expected: dict[bytes, int] = {}
        self.session = RaterSession(GRADES, GUARD_MS, lambda invite: invite in self.recorded)
        self._do(("started",))
        self._do(("line", True))
        self._ask("clerk_set", CLERK)

    # --- what happens

    @rule(ms=st.sampled_from((1, 50, 499, 1_499, 1_500, 1_501, 2_999, 3_000, 15_000, 61_000)))
    def pass_time(self, ms: int) -> None:
        """Wait; timers fire on their day."""
        end = self.now + ms
        while (due := self.session.deadline_ms()) is not None and due <= end:
            self.now = max(self.now, due)
            self._do(("ticked",))
        self.now = end

    @rule(number=st.integers(1, INVITES), timeout_ms=st.sampled_from((0, 15_000)), age_ms=st.sampled_from((0, 20_000)))
    def invite(self, number: int, timeout_ms: int, age_ms: int) -> None:
        """Invite."""
        wanted = {
            "invite": bytes((number,)) * 16, "age_ms": age_ms, "ttl_ms": 15_000, "timeout_ms": timeout_ms, "origin": 1,
        }  # fmt: skip
        again = self.open == wanted["invite"]
        known, free = wanted["invite"] in self.recorded, self.open is None
        reason = self._ask("invited", wanted)
        assert not (reason == reasons.OK and not again) or (free and not known and age_ms == 0)
        if reason == reasons.OK and not again:
            self.open, self.begun = wanted["invite"], None

    @rule(number=st.integers(1, INVITES))
    def cancel(self, number: int) -> None:
        """Take an invite back."""
        reason = self._ask("cancelled", bytes((number,)) * 16)
        outcomes = self.outcomes.get(bytes((number,)) * 16, [])
        assert reason != reasons.RATED or outcomes[0][0] == codes.RATED
        assert reason != reasons.OK or outcomes[0][0] == codes.CANCELLED

    @rule()
    def begin_stands_on_the_line(self) -> None:
        """Let the bus place what was ordered."""
        if self.begins_due:
            self.begins_due = 0
            if self.open is not None and self.begun is None:
                self.begun = self.now
            self._do(("begun", self.now))

    @rule()
    def begin_cannot_be_placed(self) -> None:
        """Let the bus give up."""
        if self.begins_due:
            self.begins_due = 0
            self._do(("unsent",))

    @rule(grade=st.integers(0, 6), lag_ms=st.sampled_from((0, 200, 5_000)))
    def grade(self, grade: int, lag_ms: int) -> None:
        """Let the rater send a grade, read at most `lag_ms` after it came."""
        since = max(0, self.now - lag_ms)
        # A timer that is due goes first, as in life.
        self._do(("ticked",))
        self.grades += 1
        follows = self.last_grade is not None and self.now - self.last_grade < REPEAT_MS
        counts = self.open is not None and self.begun is not None and since >= self.begun + GUARD_MS and not follows
        self.last_grade = self.now
        if counts:
            self.credited += 1
            self.expected[self.open] = GRADES.get(grade, 0)
            self.last_counted = True
        else:
            self.last_counted = self.last_counted and follows
            self.repeated += self.last_counted
            self.uninvited += not self.last_counted
            self.begun = None
        before = len(self.outcomes)
        self._do(("grade", grade, since))
        assert (len(self.outcomes) > before) == counts

    @rule(
        number=st.integers(1, INVITES),
        grade=st.integers(0, 5),
        wait_ms=st.sampled_from((0, 1_400, 1_600, 4_000)),
        lag_ms=st.sampled_from((0, 0, 200, 3_000)),
    )
    def visit(self, number: int, grade: int, wait_ms: int, lag_ms: int) -> None:
        """Live through what ought to be: ready, invited, begun, pressed."""
        for event in (("line", True), ("stopped", None)):
            self._do(event)
        for name, value in (("paused", False), ("clerk_set", CLERK)):
            assert self._ask(name, value) == reasons.OK
        self.invite(number, 0, 0)
        self.begin_stands_on_the_line()
        self.pass_time(wait_ms)
        self.grade(grade, lag_ms)

    @rule(event=st.sampled_from(DISTURBANCES))
    def disturb(self, event: tuple) -> None:
        """Do what may come at any time."""
        if event[0] in ("line", "stopped"):
            self._do(event)
        else:
            self._ask(*event)

    # --- what must hold

    @invariant()
    def presses_are_counted(self) -> None:
        """Every grade is acknowledged once; those that did not count are presses without invite or repetitions."""
        if not hasattr(self, "session"):
            return
        assert self.acknowledged == self.grades
        assert self.session.uninvited.total == self.uninvited
        assert self.session.counts["repeated"] == self.repeated

    @invariant()
    def outcomes_are_true(self) -> None:
        """One outcome an invite; a level only where a grade counted, and that of the table."""
        for invite, outcomes in getattr(self, "outcomes", {}).items():
            assert len(outcomes) == 1
            kind, fields = outcomes[0]
            level = self.expected.get(invite)
            assert (kind == codes.RATED) == bool(level)
            assert fields.get(f.LEVEL) == (level or None)
            if level == 0:
                assert kind == codes.INTERRUPTED and fields[f.WHY] == reasons.WHY_UNMAPPED_GRADE

    @invariant()
    def nothing_of_a_grade_is_kept(self) -> None:
        """No attribute of the session holds a level or what was pressed: it would be the same for every grade."""
        if hasattr(self, "session"):
            kept = {name for name, value in vars(self.session).items() if isinstance(value, int | None)}
            assert kept <= KEPT, kept - KEPT

    def _ask(self, name: str, *rest: object) -> int:
        self.request += 1
        self._do((name, self.request, *rest))
        return self.replies[self.request]

    def _do(self, event: tuple) -> None:
        done: list[str] = []
        for effect in self.session.handle(event, self.now):
            name = effect[0]
            if name == "seal" and effect[1] in codes.OUTCOMES:
                assert "reply" not in done and "acknowledge" not in done, "durable before anything answers"
                assert effect[2] in self.recorded
                self.outcomes.setdefault(effect[2], []).append((effect[1], effect[3]))
                assert effect[2] == self.open
                self.open = self.begun = None
            elif name == "record_invite":
                assert "reply" not in done
                self.recorded[effect[1]] = self.now
            elif name == "reply":
                self.replies[effect[1]] = effect[2]
            elif name == "acknowledge":
                self.acknowledged += 1
            elif name == "begin":
                self.begins_due += 1
            elif name == "end":
                self.begins_due = 0
            done.append(name)


KEPT = {
    "_guard_ms", "_paused", "_pause_wanted", "_line", "_unmapped", "_unheard", "_invite_ms", "_origin", "_opened_ms",
    "_until_ms", "_again_ms", "_begun_ms", "_frame_ms", "_taken", "invite", "_clerk", "_ticket", "_stopped",
}  # fmt: skip

RaterMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestRaterMachine = RaterMachine.TestCase
