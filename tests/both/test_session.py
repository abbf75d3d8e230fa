"""The session machine: outcomes, keys, and what the clerk's side can and cannot do."""

from app import fields, keys, states
from app.policy import TIMES
from app.session import CHANGES_MAX, HIDE_MS
from protocol import evidence, rating, reasons
from tests.both.hall import CLERK, Hall, invite_id


def test_fields_have_the_names_of_the_evidence_table():
    for name in (
        "T",
        "TQ",
        "UP",
        "PREV",
        "LEVEL",
        "DWELL",
        "N",
        "INPUT",
        "WHY",
        "LANG",
        "FW",
        "T0",
        "ORIGIN",
        "REVEAL",
    ):
        assert evidence.FIELD_NAMES[getattr(fields, name)] == name.lower()


def test_press_of_each_key_seals_its_level():
    for key, level in ((1, 5), (2, 4), (3, 3), (4, 2), (5, 1)):
        hall = Hall()
        hall.open()
        hall.press(key)
        assert hall.levels() == [level]
        assert hall.shown[-1] == (states.CHOSEN, {"until_ms": hall.now - 120 + 5_000, "level": level})
        kind, invite, sealed = hall.sealed[0]
        assert (kind, invite) == (rating.RATED, invite_id(1))
        assert sealed == {
            fields.LEVEL: level,
            fields.DWELL: 701,
            fields.INPUT: rating.INPUT_KEY,
            fields.LANG: "zh",
            fields.ORIGIN: rating.ORIGIN_COUNTER,
        }


def test_press_is_sealed_before_anything_shows_it():
    hall = Hall()
    hall.open()
    hall.down(2)
    assert hall.effects == []
    hall.now += keys.CHORD_MS
    names = [effect[0] for effect in hall.give("ticked")]
    assert names[0] == "seal" and "show" in names and "tone" in names


def test_rating_goes_through_chosen_and_thanks_to_idle():
    hall = Hall()
    hall.open()
    assert hall.lit
    hall.press(1)
    assert hall.lit
    hall.wait(5_000)
    assert hall.state == states.THANKS and not hall.lit
    hall.wait(3_000)
    assert hall.state == states.IDLE
    assert [state for state, _ in hall.told] == ["no_clerk", "idle", "invited", "chosen", "thanks", "idle"]


def test_change_replaces_the_level_and_keeps_the_first_dwell():
    hall = Hall()
    hall.open()
    hall.press(1)
    hall.wait(2_000)
    hall.press(5)
    hall.wait(4_500)
    assert hall.state == states.CHOSEN
    assert hall.levels() == [5, 1]
    assert [f[fields.DWELL] for _, _, f in hall.sealed] == [701, 701]
    hall.wait(1_000)
    assert hall.state == states.THANKS


def test_every_press_is_an_event_also_of_the_same_level():
    hall = Hall()
    hall.open()
    for _ in range(3):
        hall.press(3)
    assert hall.levels() == [3, 3, 3]
    assert hall.tones.count("press") == 3


def test_keys_lock_after_eight_durable_changes():
    hall = Hall()
    hall.open()
    for n in range(CHANGES_MAX + 4):
        hall.press(1 + n % 5)
    assert len(hall.levels()) == CHANGES_MAX
    assert hall.tones.count("press") == CHANGES_MAX
    assert hall.state == states.CHOSEN


def test_level_is_hidden_after_two_seconds_without_a_press():
    hall = Hall()
    hall.open()
    hall.press(4)
    hall.wait(HIDE_MS - 121)
    assert hall.shown[-1][1]["level"] == 2
    hall.wait(1)
    assert hall.shown[-1][1]["level"] == 0 and hall.state == states.CHOSEN
    hall.press(1)
    assert hall.shown[-1][1]["level"] == 5


def test_first_press_is_final_without_change_time():
    hall = Hall(policy={"change_ms": 0})
    hall.open()
    hall.press(2)
    assert hall.levels() == [4] and hall.state == states.THANKS
    hall.press(1)
    assert hall.levels() == [4]


def test_timeout_is_an_outcome_without_a_level():
    hall = Hall()
    hall.open(qr="21:AA==")
    hall.wait(60_000 - 702)
    assert hall.state == states.INVITED
    hall.wait(1)
    assert hall.state == states.UNRATED and hall.shown[-1][1] == {"qr": "21:AA=="}
    assert hall.kinds() == [rating.TIMED_OUT] and fields.LEVEL not in hall.sealed[0][2]
    hall.wait(30_000)
    assert hall.state == states.IDLE


def test_press_just_before_the_timeout_counts():
    hall = Hall()
    hall.open()
    hall.wait(60_000 - 702)
    hall.down(2)
    hall.wait(10)
    assert hall.state == states.INVITED and hall.sealed == []
    hall.wait(40)
    assert hall.levels() == [4] and hall.kinds() == [rating.RATED]


def test_function_declines_when_let_go():
    hall = Hall()
    hall.open()
    hall.down(keys.FUNCTION)
    hall.wait(300)
    assert hall.sealed == []
    hall.up(keys.FUNCTION)
    assert hall.kinds() == [rating.DECLINED] and hall.shown[-1] == (states.THANKS, {"declined": True})


def test_function_tapped_shortly_declines():
    hall = Hall()
    hall.open()
    hall.press(keys.FUNCTION, 20)
    hall.wait(30)
    assert hall.kinds() == [rating.DECLINED]


def test_function_held_rates_and_declines_nothing():
    hall = Hall()
    hall.open()
    hall.press(keys.FUNCTION, keys.HOLD_MS)
    assert hall.sealed == [] and hall.state == states.INVITED


def test_function_after_the_press_does_nothing():
    hall = Hall()
    hall.open()
    hall.press(1)
    hall.press(keys.FUNCTION)
    assert hall.kinds() == [rating.RATED]


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
    assert hall.invite(1, timeout_ms=TIMES["invite_ms"][2] + 1) == reasons.OUT_OF_RANGE
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


def test_guard_ignores_keys_aimed_at_the_page_before():
    hall = Hall()
    hall.invite()
    hall.wait(699)
    hall.press(1)
    assert hall.sealed == [] and hall.state == states.INVITED
    hall.press(1)
    assert hall.levels() == [5]


def test_key_down_since_before_the_invite_counts_after_release():
    hall = Hall()
    hall.down(1)
    hall.wait(200)
    hall.open()
    assert hall.state == states.INVITED and hall.sealed == []
    hall.up(1)
    hall.wait(100)
    assert hall.sealed == []
    hall.press(1)
    assert hall.levels() == [5]


def test_function_down_since_before_the_invite_declines_nothing():
    hall = Hall()
    hall.down(keys.FUNCTION)
    hall.wait(60)
    hall.open()
    hall.up(keys.FUNCTION)
    hall.wait(100)
    assert hall.sealed == []


def test_edge_just_before_the_invite_is_uninvited():
    hall = Hall()
    hall.down(5)
    hall.wait(10)
    assert hall.invite() is None
    hall.wait(40)
    assert hall.reason(hall.last_request()) == reasons.OK
    assert hall.state == states.INVITED and hall.session.uninvited.total == 1
    assert hall.sealed == []


def test_two_keys_within_50_ms_are_no_press():
    hall = Hall()
    hall.open()
    hall.down(1)
    hall.wait(49)
    hall.down(2)
    hall.wait(200)
    assert hall.sealed == []
    hall.up(1)
    hall.up(2)
    hall.press(2)
    assert hall.levels() == [4]


def test_two_keys_50_ms_apart_are_two_presses():
    hall = Hall()
    hall.open()
    hall.down(1)
    hall.wait(50)
    hall.down(2)
    hall.wait(50)
    assert hall.levels() == [5, 4]


def test_a_hand_on_all_keys_is_no_press():
    hall = Hall()
    hall.open()
    for key in (1, 2, 3, 4, 5):
        hall.down(key)
        hall.wait(30)
    hall.wait(1_000)
    assert hall.sealed == []


def test_long_press_counts_once_at_its_edge():
    hall = Hall()
    hall.open()
    hall.press(3, 4_000)
    assert hall.levels() == [3]


def test_touch_extends_the_invite_once():
    hall = Hall()
    hall.invite()
    hall.wait(500)
    hall.press(1)
    assert hall.shown[-1] == (states.INVITED, {"until_ms": hall.now - 120 + 60_000})
    hall.wait(300)
    hall.down(1)
    hall.down(2)
    hall.wait(100)
    hall.up(1)
    hall.up(2)
    hall.wait(60_000 - 421)
    assert hall.state == states.INVITED or hall.kinds() == [rating.TIMED_OUT]
    hall.wait(2_000)
    assert hall.kinds() == [rating.TIMED_OUT]


def test_stuck_key_is_reported_once_and_counts_again_after_release():
    hall = Hall()
    hall.open()
    hall.down(4)
    hall.wait(keys.STUCK_MS)
    assert hall.sealed[-1][0] == rating.FAULT
    assert hall.sealed[-1][2] == {fields.WHY: reasons.WHY_KEY_STUCK, fields.N: 4}
    hall.wait(100_000)
    assert hall.kinds().count(rating.FAULT) == 1
    hall.up(4)
    hall.open(2)
    hall.press(4)
    assert hall.levels(2) == [2]


def test_key_found_down_at_start_makes_no_press():
    hall = Hall()
    hall.session.held(2, hall.now)
    hall.open()
    hall.wait(keys.STUCK_MS)
    assert hall.kinds() == [rating.FAULT]
    hall.up(2)
    hall.press(2)
    assert hall.levels() == [4]


def test_press_without_invite_is_counted_and_leads_to_the_code():
    hall = Hall(policy={"qr": "21:AA=="})
    hall.press(1)
    assert hall.state == states.NOT_INVITED and hall.shown[-1][1]["qr"] == "21:AA=="
    assert hall.sealed == [] and hall.session.uninvited.total == 1
    hall.wait(10_000)
    assert hall.state == states.IDLE


def test_burst_of_uninvited_presses_raises_one_event():
    hall = Hall()
    for _ in range(20):
        hall.press(1)
        hall.wait(500)
    assert hall.kinds() == [rating.UNINVITED] and hall.sealed[0][2] == {fields.N: 5}
    hall.wait(60_000)
    for _ in range(5):
        hall.press(1)
        hall.wait(500)
    assert [f[fields.N] for _, _, f in hall.sealed] == [5, 20]


def test_late_change_just_after_the_end_is_not_uninvited():
    hall = Hall()
    hall.open()
    hall.press(1)
    hall.wait(5_000)
    hall.press(2)
    assert hall.session.uninvited.total == 0 and hall.state == states.THANKS


def test_clerk_key_invites_without_a_link():
    hall = Hall(logged_in=False)
    hall.press(keys.CLERK)
    assert hall.state == states.INVITED
    hall.wait(701)
    hall.press(2)
    assert hall.sealed[0][2][fields.ORIGIN] == rating.ORIGIN_CLERK_KEY and hall.sealed[0][2][fields.LEVEL] == 4
    assert len(hall.sealed[0][1]) == 16


def test_clerk_key_follows_the_policy():
    for policy, linked, opened in (
        ("offline", True, False),
        ("offline", False, True),
        ("always", True, True),
        ("never", False, False),
    ):
        hall = Hall(policy={"local_invite": policy})
        hall.give("linked" if linked else "unlinked")
        hall.press(keys.CLERK)
        assert (hall.state == states.INVITED) == opened
        assert ("refused" in hall.tones) != opened


def test_clerk_key_does_not_end_an_open_invite():
    hall = Hall(policy={"local_invite": "always"})
    hall.open(1)
    hall.press(keys.CLERK)
    hall.press(1)
    assert hall.levels(1) == [5]


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
    hall.ask("queried")
    assert hall.replies[-1][1:] == (reasons.OK, {"state": "idle", "paused": False, "wanted": False})
