"""The session machine: what the clerk's side can do, and what it cannot."""

from app import states
from app.policy import INVITE_MOST_MS
from protocol import rating, reasons
from tests.both.hall import CLERK, Hall, invite_id


def test_cancel_before_the_press_is_an_outcome():
    hall = Hall()
    hall.open()
    assert hall.ask("cancelled", invite_id(1)) == reasons.OK
    assert hall.effects[0][:3] == ("seal", rating.CANCELLED, invite_id(1))
    assert hall.state == states.IDLE
    assert hall.ask("cancelled", invite_id(1)) == reasons.OK
    assert len(hall.sealed) == 1


def test_cancel_after_the_press_answers_rated():
    hall = Hall()
    hall.open()
    hall.press(5)
    assert hall.ask("cancelled", invite_id(1)) == reasons.RATED
    hall.wait(20_000)
    assert hall.ask("cancelled", invite_id(1)) == reasons.RATED
    assert hall.levels() == [1]


def test_cancel_that_follows_an_edge_comes_too_late():
    hall = Hall()
    hall.open()
    hall.down(5)
    hall.wait(20)
    assert hall.ask("cancelled", invite_id(1)) is None
    hall.wait(30)
    assert hall.levels() == [1] and hall.reason(hall.last_request()) == reasons.RATED


def test_cancel_of_another_invite_is_refused():
    hall = Hall()
    hall.open(1)
    assert hall.ask("cancelled", invite_id(2)) == reasons.NO_INVITE
    assert hall.state == states.INVITED


def test_requests_during_chosen_keep_what_was_pressed():
    for name, value, state in (
        ("served", "A002", states.SERVING),
        ("paused", True, states.PAUSED),
        ("clerk_set", None, states.THANKS),
    ):
        hall = Hall()
        hall.open()
        hall.press(1)
        assert hall.ask(name, value) == reasons.OK
        assert hall.state == state and hall.levels() == [5]
        assert rating.CANCELLED not in hall.kinds()


def test_next_invite_during_chosen_keeps_what_was_pressed():
    hall = Hall()
    hall.open(1)
    hall.press(1)
    hall.open(2)
    hall.press(5)
    assert hall.levels(1) == [5] and hall.levels(2) == [1]


def test_invite_is_recorded_before_its_answer():
    hall = Hall()
    hall.invite()
    names = [effect[0] for effect in hall.effects]
    assert names.index("record_invite") < names.index("reply") < names.index("show")


def test_invite_sent_again_while_open_changes_nothing():
    hall = Hall()
    hall.open(1)
    assert hall.invite(1) == reasons.OK
    assert [effect[0] for effect in hall.effects] == ["reply"]


def test_invite_with_an_outcome_is_never_opened_again():
    hall = Hall()
    hall.open(1)
    hall.press(1)
    assert hall.invite(1) == reasons.INVITE_ENDED
    hall.wait(60_000)
    assert hall.invite(1) == reasons.INVITE_ENDED
    assert hall.ask("cancelled", invite_id(9)) == reasons.NO_INVITE


def test_invite_known_from_before_a_restart_is_not_opened():
    hall = Hall()
    hall.known.add(invite_id(7))
    assert hall.invite(7) == reasons.INVITE_ENDED


def test_invite_is_refused_by_name():
    hall = Hall()
    assert hall.invite(1, age_ms=10_001) == reasons.INVITE_EXPIRED
    assert hall.invite(1, timeout_ms=INVITE_MOST_MS + 1) == reasons.OUT_OF_RANGE
    assert hall.invite(1, origin=rating.ORIGIN_CLERK_KEY) == reasons.OUT_OF_RANGE
    hall.open(1)
    assert hall.invite(2) == reasons.INVITE_OPEN
    assert hall.ask("served", "A1") == reasons.INVITE_OPEN
    assert Hall(logged_in=False).invite() == reasons.NO_CLERK
    assert Hall(logged_in=False).ask("served", "A1") == reasons.NO_CLERK
    assert hall.sealed == []


def test_invite_without_a_clerk_is_taken_by_policy():
    hall = Hall(logged_in=False, policy={"no_clerk": "unassigned"})
    hall.open()
    hall.press(2)
    assert hall.levels() == [4]
    hall.wait(60_000)
    assert hall.state == states.NO_CLERK


def test_pause_and_resume_are_events():
    hall = Hall()
    assert hall.ask("paused", True) == reasons.OK
    assert hall.state == states.PAUSED and hall.invite() == reasons.PAUSED
    assert hall.ask("paused", True) == reasons.OK
    assert hall.ask("served", "A1") == reasons.PAUSED
    assert hall.ask("paused", False) == reasons.OK
    assert hall.state == states.IDLE
    assert hall.kinds() == [rating.PAUSED, rating.RESUMED]


def test_pause_during_an_open_invite_waits_for_its_end():
    hall = Hall()
    hall.open(1)
    assert hall.ask("paused", True) == reasons.OK
    assert hall.state == states.INVITED and hall.invite(2) == reasons.PAUSED
    hall.press(1)
    hall.wait(8_000)
    assert hall.state == states.PAUSED
    assert hall.kinds() == [rating.RATED, rating.PAUSED]


def test_logout_during_an_open_invite_leaves_it_to_the_citizen():
    hall = Hall()
    hall.open()
    assert hall.ask("clerk_set", None) == reasons.OK
    hall.press(1)
    hall.wait(8_000)
    assert hall.levels() == [5] and hall.state == states.NO_CLERK


def test_clerk_sent_again_after_a_new_link_changes_nothing():
    hall = Hall()
    hall.ask("served", "A7")
    told = len(hall.told)
    assert hall.ask("clerk_set", dict(CLERK)) == reasons.OK
    assert hall.state == states.SERVING and len(hall.told) == told


def test_full_journal_refuses_and_shows_it():
    hall = Hall()
    hall.give("room_changed", 0)
    assert hall.state == states.FULL and hall.invite() == reasons.FULL
    hall.give("room_changed", 20)
    assert hall.state == states.IDLE and hall.invite() == reasons.OK


def test_full_during_an_invite_shows_after_its_end():
    hall = Hall()
    hall.open()
    hall.give("room_changed", 0)
    hall.press(1)
    hall.wait(8_000)
    assert hall.levels() == [5] and hall.state == states.FULL


def test_fault_takes_nothing_until_the_next_start():
    hall = Hall()
    hall.open()
    hall.give("faulted", reasons.WHY_NOR_MISSING)
    assert hall.state == states.FAULT and not hall.lit
    hall.press(1)
    hall.ask("paused", True)
    hall.ask("clerk_set", CLERK)
    hall.give("room_changed", 9)
    assert hall.invite(2) == reasons.FAULT and hall.sealed == [] and hall.state == states.FAULT


def test_policy_takes_all_or_nothing():
    hall = Hall()
    assert hall.ask("configured", {"change_ms": 3_000, "invite_ms": 5}) == reasons.OUT_OF_RANGE
    assert hall.session.policy.ms("change_ms") == 5_000
    assert hall.ask("configured", {"change_ms": 3_000, "from_the_future": 1}) == reasons.OK
    assert hall.session.policy.ms("change_ms") == 3_000 and hall.session.policy.skipped == 1
    for wanted in ({"change_ms": True}, {"elder": 1}, {"local_invite": "sometimes"}, {"qr": "x" * 300}):
        assert hall.ask("configured", wanted) == reasons.OUT_OF_RANGE


def test_windows_own_code_is_shown_wherever_no_invite_can_be_rated():
    hall = Hall(own_code="21:AA==")
    for give, back, state in (
        (("room_changed", 0), ("room_changed", 9), states.FULL),
        (("paused", 901, True), ("paused", 902, False), states.PAUSED),
    ):
        hall.give(*give)
        assert hall.shown[-1] == (state, {"qr": "21:AA==", "why": 0})
        hall.give(*back)
    hall.open()
    hall.wait(60_000)
    assert hall.shown[-1] == (states.UNRATED, {"qr": "21:AA=="})
    hall.give("faulted", reasons.WHY_NOR_MISSING)
    assert hall.shown[-1] == (states.FAULT, {"qr": "21:AA==", "why": reasons.WHY_NOR_MISSING})


def test_code_from_the_agent_stands_in_for_the_provisioned_one_until_it_is_taken_back():
    hall = Hall(own_code="21:AA==")
    assert hall.ask("configured", {"qr": "25:BB=="}) == reasons.OK and hall.session.policy["qr"] == "25:BB=="
    assert hall.ask("configured", {"qr": None}) == reasons.OK and hall.session.policy["qr"] == "21:AA=="


def test_elder_profile_doubles_the_times():
    hall = Hall(policy={"elder": True})
    assert hall.session.policy.ms("invite_ms") == 120_000
    assert hall.session.policy.ms("guard_ms") == 700


def test_no_told_state_holds_a_level():
    hall = Hall()
    hall.open()
    hall.press(5)
    hall.press(1)
    hall.wait(20_000)
    for state, invite in hall.told:
        assert isinstance(state, str) and (invite is None or invite == invite_id(1))


def test_query_answers_the_state():
    hall = Hall()
    hall.ask("queried", None)
    assert hall.replies[-1][1:] == (reasons.OK, {"state": "idle", "paused": False, "wanted": False})
