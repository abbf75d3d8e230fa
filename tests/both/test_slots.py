"""The bootstrap's choice of a slot: trials are counted and end, damage is mended from what is signed and whole."""

import os

import slots
from tests.both.flash_room import FILES, PACK, Room, put, put_slot

CONFIRMED = {"slot": "b", "trial": "", "tries": 0, "floor": 7, "back": 0}
FRESH = {"slot": "a", "trial": "", "tries": 0, "floor": 0, "back": 0}
DAMAGED = (
    b"", b"{", b"null", b"[]", b"7", b'"a"', b"{}", b"\xff\x00\xfe", b'{"slot": "a"}',
    b'{"slot": "c", "trial": "", "tries": 0, "floor": 0, "back": 0}',
    b'{"slot": "a", "trial": "a", "tries": 0, "floor": 0, "back": 0}',
    b'{"slot": "a", "trial": "x", "tries": 0, "floor": 0, "back": 0}',
    b'{"slot": "a", "trial": ["b"], "tries": 0, "floor": 0, "back": 0}',
    b'{"slot": "a", "trial": "", "tries": -1, "floor": 0, "back": 0}',
    b'{"slot": "a", "trial": "", "tries": 0, "floor": "0", "back": 0}',
    b'{"slot": "a", "trial": "", "tries": 0, "floor": 0, "back": null}',
)  # fmt: skip


def test_confirmed_slot_runs_and_nothing_is_written():
    with Room():
        slots.write(CONFIRMED)
        before = os.stat(slots.PATH)
        for _ in range(5):
            assert slots.choose() == ("b", False)
        assert slots.read() == CONFIRMED and os.stat(slots.PATH) == before


def test_trial_is_counted_before_it_runs_and_rolled_back_after_three_starts():
    with Room():
        state = dict(CONFIRMED)
        state["trial"] = "a"
        slots.write(state)
        for tries in (1, 2, 3):
            assert slots.choose() == ("a", True) and slots.read()["tries"] == tries
        assert slots.choose() == ("b", False)
        assert slots.read() == {"slot": "b", "trial": "", "tries": 0, "floor": 7, "back": 31}
        assert slots.choose() == ("b", False)


def test_trial_that_ended_in_a_reset_is_rolled_back_at_once_and_its_first_start_never_is():
    for cuts in (0, 1, 2):
        with Room():
            state = dict(CONFIRMED)
            state["trial"] = "a"
            slots.write(state)
            assert slots.choose(True) == ("a", True)  # the reset before it was that of the switch
            for _ in range(cuts):
                assert slots.choose(False) == ("a", True)
            assert slots.choose(True) == ("b", False) and slots.read()["back"] == 31
            assert slots.choose(True) == ("b", False)


def test_trial_that_cannot_be_counted_does_not_run():
    with Room():
        state = dict(CONFIRMED)
        state["trial"] = "a"
        slots.write(state)
        os.mkdir("slots.json.new")  # nothing can be written
        for _ in range(5):
            assert slots.choose() == ("b", False)
        assert slots.read() == state


def test_damaged_state_is_never_taken_for_one():
    with Room():
        assert slots.read() is None
        for data in DAMAGED:
            put(slots.PATH, data)
            assert slots.read() is None, data
            assert slots.choose() == ("a", False)
            assert slots.read() == FRESH  # written anew, so that it is found only once


def test_damaged_state_makes_the_only_whole_slot_the_confirmed_one():
    with Room():
        put_slot("b", 5, floor=3)
        assert slots.choose() == ("b", False)
        assert slots.read() == {"slot": "b", "trial": "", "tries": 0, "floor": 3, "back": 0}


def test_damaged_state_with_two_whole_slots_tries_the_newer_one_beside_the_older():
    with Room():
        put_slot("a", 9, floor=4)
        put_slot("b", 5, floor=5)
        assert slots.choose() == ("a", True)
        assert slots.read() == {"slot": "b", "trial": "a", "tries": 1, "floor": 5, "back": 0}


def test_slot_with_anything_missing_or_altered_is_not_whole():
    with Room():
        put_slot("a", 5)
        put_slot("b", 9)
        pack = "packs/" + os.listdir("packs")[0]
        for path, whole in [("b/" + path, data) for path, data in FILES.items()]:
            for wrong in (None, whole[:-1], whole + b"x", whole[:-1] + b"x"):
                choose_with(path, wrong)
                assert slots.read() == FRESH, (path, wrong)
            put(path, whole)
        for path in ("b/manifest.cbor", "b/manifest.sig"):
            with open(path, "rb") as file:
                whole = file.read()
            for wrong in (None, b"", whole[:-1], whole + b"\x00", whole[:40] + b"\x99" + whole[41:]):
                choose_with(path, wrong)
                assert slots.read() == FRESH, (path, wrong)
            put(path, whole)
        choose_with(pack, PACK[:-1] + b"x")
        assert slots.read() == FRESH
        choose_with(pack, PACK)
        assert slots.read()["trial"] == "b"


def choose_with(path, data):
    """Choose with a damaged state and other contents of one file; None takes it away."""
    put(slots.PATH, b"?")
    if data is None:
        os.remove(path)
    else:
        put(path, data)
    slots.choose()
