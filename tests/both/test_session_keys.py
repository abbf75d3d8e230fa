"""The session machine: what is a press, and what is not."""

from app import fields, keys, states
from protocol import rating, reasons
from tests.both.hall import Hall


def test_function_declines_when_let_go():
    hall = Hall()
    hall.open()
    hall.down(keys.FUNCTION)
    hall.wait(300)
    assert hall.sealed == []
    hall.up(keys.FUNCTION)
    assert hall.kinds() == [rating.DECLINED] and hall.shown[-1] == (states.THANKS, {"declined": True, "qr": None})


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


def test_guard_ignores_keys_aimed_at_the_page_before():
    hall = Hall()
    hall.invite()
    hall.wait(699)
    hall.press(1)
    assert hall.sealed == [] and hall.state == states.INVITED
    hall.press(1)
    assert hall.levels() == [5]


def test_two_keys_that_are_told_late_are_still_no_press():
    hall = Hall()
    hall.open()
    edge = hall.now
    hall.now += 3 * keys.CHORD_MS  # the task that tells the edges had no time
    hall.give("key_down", 2, edge)
    hall.give("key_down", 1, edge + keys.CHORD_MS - 1)
    hall.wait(0)
    assert hall.sealed == [] and hall.state == states.INVITED


def test_two_presses_that_are_told_late_count_in_their_order():
    hall = Hall()
    hall.open()
    edge = hall.now
    hall.now += 3 * keys.CHORD_MS
    hall.give("key_down", 2, edge)
    hall.give("key_down", 1, edge + keys.CHORD_MS)
    hall.wait(0)
    assert hall.levels() == [4, 5]


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
    assert hall.shown[-1] == (states.INVITED, {"until_ms": hall.now - 120 + 60_000, "stuck": False})
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
