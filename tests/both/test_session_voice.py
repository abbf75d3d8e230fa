"""What the terminal says, when, and how loud; the same for every level."""

from app import keys
from app.policy import Policy
from protocol import rating, reasons
from tests.both.hall import Hall

HOUR_MS = 3_600_000


def test_invite_is_said_at_once_and_again_at_half_time():
    hall = Hall()
    hall.invite()
    assert hall.said == [("invite", "zh")]
    hall.wait(29_999)
    assert len(hall.said) == 1
    hall.wait(1)
    assert hall.said == [("invite", "zh")] * 2
    hall.wait(29_999)
    assert len(hall.said) == 2 and hall.kinds() == []
    hall.wait(1)
    assert hall.kinds() == [rating.TIMED_OUT] and len(hall.said) == 2


def test_every_level_is_answered_alike():
    said = []
    for key in (1, 2, 3, 4, 5):
        for detail in ("ask", "off"):
            hall = Hall(policy={"detail": detail})
            hall.open()
            hall.press(key)
            hall.wait(60_000)
            said.append(hall.said)
    assert said == [[("invite", "zh"), ("thanks", "zh")]] * 10


def test_who_declines_or_lets_the_time_pass_is_not_thanked_for_a_rating():
    hall = Hall()
    hall.open()
    hall.press(keys.FUNCTION)
    assert hall.said == [("invite", "zh")]


def test_labels_are_read_aloud_to_who_holds_the_function_key_and_nothing_is_rated():
    hall = Hall()
    hall.open()
    hall.down(keys.FUNCTION)
    hall.wait(1_499)
    assert hall.said == [("invite", "zh")]
    hall.wait(200)
    assert hall.said == [("invite", "zh"), ("labels", "zh")]
    hall.up(keys.FUNCTION)
    assert hall.kinds() == [] and hall.state == "invited"


def test_greeting_is_off_unless_the_hall_wants_it():
    hall = Hall()
    hall.ask("served", "A001")
    assert hall.said == []
    hall = Hall(policy={"greeting": True})
    hall.ask("served", "A001")
    assert hall.said == [("greeting", "zh")]


def test_prompts_are_in_the_language_that_was_chosen_until_the_service_ends():
    hall = Hall()
    hall.press(keys.FUNCTION)
    assert hall.language == "en"
    hall.open()
    hall.press(1)
    assert hall.sealed[-1][2][15] == "en"
    hall.wait(60_000)
    assert hall.said == [("invite", "en"), ("thanks", "en")] and hall.language == "zh"


def test_languages_go_round_and_back_to_the_first_when_nobody_comes():
    hall = Hall()
    for language in ("en", "ko", "zh", "en"):
        hall.press(keys.FUNCTION)
        assert hall.language == language
    hall.wait(59_000)
    assert hall.language == "en"
    hall.wait(2_000)
    assert hall.language == "zh" and hall.session.deadline_ms() is None


def test_next_ticket_is_for_somebody_who_may_not_read_english():
    hall = Hall()
    hall.press(keys.FUNCTION)
    hall.ask("served", "A002")
    assert hall.language == "zh"


def test_loudness_follows_the_time_of_day():
    policy = Policy()
    assert policy.loudness(None) == policy.loudness(0) == 60
    quiet = {"quiet_from_min": 22 * 60, "quiet_to_min": 7 * 60, "quiet_volume": 20, "utc_offset_min": 480}
    assert policy.change(quiet) == reasons.OK
    heard = [policy.loudness(hour * HOUR_MS) for hour in range(24)]
    assert heard == [60 if 7 <= (hour + 8) % 24 < 22 else 20 for hour in range(24)]
    assert policy.loudness(None) == 20
    assert policy.change({"quiet_from_min": 12 * 60, "quiet_to_min": 13 * 60, "volume": 10}) == reasons.OK
    assert {policy.loudness(hour * HOUR_MS) for hour in range(24)} == {10}


def test_loudness_out_of_range_is_refused():
    policy = Policy()
    for wanted in ({"volume": 101}, {"volume": -1}, {"quiet_to_min": 1_441}, {"utc_offset_min": 900}, {"volume": True}):
        assert policy.change(wanted) == reasons.OUT_OF_RANGE
