"""The session machine: a rating from the invite to its end."""

from app import fields, keys, states
from app.details import CHANGES_MAX
from app.session import HIDE_MS
from protocol import evidence, rating
from tests.both.hall import Hall, invite_id


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
