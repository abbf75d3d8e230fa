"""Random histories of the session machine, beside a model that knows only the rules for a rating."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app import fields, keys, states
from app.details import CHANGES_MAX
from protocol import rating, reasons
from tests.both.hall import CLERK, Hall, invite_id
from tests.both.test_session_details import Table

INVITES = 4  # so few that they are often repeated
DISTURBANCES = (
    ("linked",),
    ("unlinked",),
    ("room_changed", 0),
    ("room_changed", 30),
    ("clerk_set", None),
    ("clerk_set", CLERK),
    ("clerk_set", {**CLERK, "number": "008"}),
    ("served", "A001"),
    ("paused", True),
    ("paused", False),
    ("noticed", "今日系统维护"),
    ("queried", None),
)


class HallMachine(RuleBasedStateMachine):
    """Let citizens, clerks, the agent and time do anything; the journal must always tell a true story."""

    @initialize(
        change_ms=st.sampled_from((0, 3_000, 5_000)),
        elder=st.booleans(),
        detail=st.sampled_from(("ask", "auto", "off")),
    )
    def begin(self, change_ms: int, elder: bool, detail: str) -> None:
        """Start with a clerk."""
        self.hall = Hall(policy={"change_ms": change_ms, "elder": elder, "detail": detail}, tags=Table())
        self.accepted = []  # invites answered OK
        self.uncertain = {}  # request id → invite number, while it waits for a press
        self.held = set()

    def _collect(self) -> None:
        for request, number in list(self.uncertain.items()):
            reason = self.hall.reason(request)
            if reason is not None:
                del self.uncertain[request]
                if reason == reasons.OK and number not in self.accepted:
                    self.accepted.append(number)

    @rule(ms=st.sampled_from((1, 20, 49, 50, 51, 300, 701, 1_600, 5_000, 11_000, 61_000)))
    def pass_time(self, ms: int) -> None:
        """Wait."""
        self.hall.wait(ms)

    @rule(key=st.integers(1, 7))
    def go_down(self, key: int) -> None:
        """Push a key."""
        if key not in self.held:
            self.held.add(key)
            self.hall.down(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def come_up(self, data: st.DataObject) -> None:
        """Let a key go."""
        self.come_up_of(data.draw(st.sampled_from(sorted(self.held))))

    def come_up_of(self, key: int) -> None:
        """Let this key go."""
        self.held.remove(key)
        self.hall.up(key)

    @rule(key=st.integers(1, 5))
    def press(self, key: int) -> None:
        """Press one key by itself, as citizens do."""
        if self.held:
            return
        self.hall.wait(60)
        before, state = len(self.hall.sealed), self.hall.state
        guarded = self.hall.session._guarded(self.hall.now)
        changes = len(self.hall.levels(int.from_bytes(self.hall.session.invite or b"", "big")))
        self.hall.press(key, 60)
        rated = [event for event in self.hall.sealed[before:] if event[0] == rating.RATED]
        if state == states.TAGS:
            assert len(rated) <= (not guarded and changes < CHANGES_MAX and key <= 3)
            return
        counts = (
            (state == states.INVITED and not guarded)
            or (state == states.CHOSEN and changes < CHANGES_MAX)
            or (state in states.SUB and not guarded and changes < CHANGES_MAX)
        )
        assert len(rated) == counts
        if counts:
            field = {states.BUSINESS: fields.BIZ, states.SERVICE: fields.SVC}.get(state, fields.LEVEL)
            assert rated[0][2][field] == 6 - key

    @rule(n=st.integers(1, INVITES), age_ms=st.sampled_from((0, 0, 0, 20_000)))
    def invite(self, n: int, age_ms: int) -> None:
        """Invite with one of a few ids, so that many are repeated."""
        open_before, state = self.hall.session.invite, self.hall.state
        reason = self.hall.invite(n, age_ms)
        self.uncertain[self.hall.last_request()] = n
        if reason == reasons.OK and n in self.accepted:
            assert state == states.INVITED and open_before == invite_id(n)

    @rule(n=st.integers(1, INVITES))
    def cancel(self, n: int) -> None:
        """Cancel one of the ids."""
        had = [event for event in self.hall.sealed if event[1] == invite_id(n)]
        reason = self.hall.ask("cancelled", invite_id(n))
        if any(kind == rating.RATED for kind, _, _ in had):
            assert reason in (reasons.RATED, reasons.INVITE_ENDED, None)

    @rule(what=st.sampled_from(DISTURBANCES))
    def disturb(self, what: tuple) -> None:
        """Let the clerk's side or the terminal do one of its other things."""
        if what[0] in ("linked", "unlinked", "room_changed"):
            self.hall.give(*what)
        else:
            self.hall.ask(*what)

    @rule(n=st.integers(1, INVITES), key=st.integers(1, 5), ms=st.sampled_from((1, 100, 2_500, 5_000, 9_000, 70_000)))
    def make_ready_and_rate(self, n: int, key: int, ms: int) -> None:
        """Clear what is in the way, invite, rate, and wait some part of the way to the end."""
        self._make_ready(n)
        self.press(key)
        self.hall.wait(ms)

    def _make_ready(self, n: int) -> None:
        for key in sorted(self.held):
            self.come_up_of(key)
        self.hall.give("room_changed", 30)
        self.hall.ask("paused", False)
        self.hall.ask("clerk_set", CLERK)
        self.invite(n, 0)
        self.hall.wait(800)

    @rule(
        n=st.integers(1, INVITES),
        key=st.integers(1, 5),
        what=st.sampled_from(("cancelled", "invited", *DISTURBANCES)),
    )
    def press_and_be_disturbed(self, n: int, key: int, what: str | tuple) -> None:
        """Let the clerk's side act between the edge of a first press and its decision."""
        self._make_ready(n)
        invite = self.hall.session.invite
        if self.hall.state != states.INVITED:
            return
        self.hall.down(key)
        self.hall.wait(20)
        if what == "cancelled":
            self.hall.ask("cancelled", invite)
        elif what == "invited":
            self.invite(1, 0)
        else:
            self.disturb(what)
        self.hall.wait(40)
        self.hall.up(key)
        assert (rating.RATED, invite) in [event[:2] for event in self.hall.sealed]

    @invariant()
    def an_invite_has_one_outcome(self) -> None:
        """Hold invariant 2: one outcome, several rated events at most eight, and only for invites that were opened."""
        self._collect()
        told = {}
        for kind, invite, _ in self.hall.sealed:
            if invite is not None:
                told.setdefault(invite, []).append(kind)
        for invite, kinds in told.items():
            assert invite in self.hall.known
            assert len(set(kinds)) == 1, kinds
            assert len(kinds) == 1 or kinds[0] == rating.RATED
            assert len(kinds) <= CHANGES_MAX

    @invariant()
    def an_open_invite_has_no_outcome_yet(self) -> None:
        """Hold that INVITED means unrated, and CHOSEN and what follows it rated; nothing else is open."""
        session = self.hall.session
        kinds = [kind for kind, invite, _ in self.hall.sealed if invite is not None and invite == session.invite]
        if session.state == states.INVITED:
            assert kinds == []
        elif session.choosing():
            assert kinds and set(kinds) == {rating.RATED}
        if session.state in states.OPEN:
            assert self.hall.lamps == states.ALL_KEYS
        elif session.state not in states.OPTIONAL:
            assert not self.hall.lit

    @invariant()
    def every_accepted_invite_is_open_or_has_its_outcome(self) -> None:
        """Hold that nothing the agent was promised disappears."""
        for number in self.accepted:
            ended = any(invite == invite_id(number) for _, invite, _ in self.hall.sealed)
            assert ended or self.hall.session.invite == invite_id(number)

    @invariant()
    def what_was_said_is_kept(self) -> None:
        """Hold that of one invite a level once sealed is changed by a later press only, never lost."""
        said = {}
        for _, invite, found in self.hall.sealed:
            for key in (fields.BIZ, fields.SVC):
                assert key in found or (invite, key) not in said
                if key in found:
                    said[invite, key] = found[key]
            assert len(found.get(fields.TAGS, ())) <= 8

    @invariant()
    def the_level_is_gone_from_the_screen_in_time(self) -> None:
        """Hold that a shown level is at most two seconds old and never shown outside CHOSEN."""
        state, view = self.hall.shown[-1]
        assert state == self.hall.state
        assert "level" not in view or state == states.CHOSEN

    @invariant()
    def presses_and_tones_agree(self) -> None:
        """Hold that one tone is one durable press or refusal to rate."""
        sealed = [kind for kind in self.hall.kinds() if kind in (rating.RATED, rating.DECLINED)]
        assert self.hall.tones.count("press") == len(sealed)

    @invariant()
    def the_machine_never_stays_due(self) -> None:
        """Hold that a deadline lies ahead once it was served."""
        self.hall.give("ticked")
        due = self.hall.session.deadline_ms()
        assert due is None or due > self.hall.now

    @invariant()
    def the_function_key_is_no_level(self) -> None:
        """Hold that no level came from anything but keys 1 to 5."""
        assert keys.FUNCTION not in {fields.get(6) for _, _, fields in self.hall.sealed}


HallMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestHall = HallMachine.TestCase
