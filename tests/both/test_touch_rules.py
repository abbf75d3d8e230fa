"""What a touch panel's reports mean: taps, and what is none."""

from app.touch import GHOST_MS, PALM_AREA, STUCK_MS, TouchRules


class Finger:
    """Give a contact's reports each 10 ms; columns of 96 px are the keys, below y 80 there is none."""

    def __init__(self):
        self.rules = TouchRules()
        self.now = 1_000
        self.found = []

    def at(self, x, y=200, points=1, area=2, ms=10):
        key = x // 96 + 1 if y >= 80 else 0
        self.found += self.rules.report(points, x, y, area, key, self.now)
        self.now += ms

    def lift(self):
        self.found += self.rules.report(0, 0, 0, 0, 0, self.now)
        return self.found


def test_tap_counts_when_the_finger_is_lifted_in_its_column():
    for key in (1, 2, 3, 4, 5):
        finger = Finger()
        for _ in range(5):
            finger.at(key * 96 - 40)
            assert finger.found == [] and finger.rules.touching()
        assert finger.lift() == [("tapped", key, 1_050)] and not finger.rules.touching()


def test_finger_may_move_inside_the_column_and_slide_off_it():
    finger = Finger()
    for x in (100, 130, 160, 189):
        finger.at(x)
    assert finger.lift() == [("tapped", 2, 1_040)]
    finger = Finger()
    for x in (100, 130, 160, 200):
        finger.at(x)
    assert finger.lift() == [("felt", 1_000)]


def test_finger_that_slides_back_counts():
    finger = Finger()
    for x in (180, 200, 180):
        finger.at(x)
    assert finger.lift() == [("tapped", 2, 1_030)]


def test_palm_two_fingers_and_jumps_are_no_tap():
    for reports in (
        ({"area": PALM_AREA}, {}),
        ({}, {"points": 2}),
        ({"points": 2}, {}),
    ):
        finger = Finger()
        for report in reports:
            finger.at(100, **report)
        assert finger.lift() == [("felt", 1_000)], reports
    finger = Finger()
    for x in (100, 400, 100):
        finger.at(x)
    assert finger.lift() == [("felt", 1_000)]


def test_ghost_of_one_report_is_nothing_at_all():
    finger = Finger()
    finger.at(100, ms=GHOST_MS - 1)
    assert finger.lift() == []


def test_tap_beside_every_key_is_only_felt():
    finger = Finger()
    finger.at(100, y=10, ms=100)
    assert finger.lift() == [("felt", 1_000)]


def test_something_that_lies_on_the_glass_is_stuck_once_and_free_again():
    finger = Finger()
    finger.at(100)
    assert finger.rules.deadline_ms() == 1_000 + STUCK_MS
    assert finger.rules.due(999 + STUCK_MS) == []
    assert finger.rules.due(1_000 + STUCK_MS) == [("lain_on", 2)]
    assert finger.rules.due(2_000 + STUCK_MS) == [] and finger.rules.deadline_ms() is None
    finger.now = 20_000
    assert finger.lift() == [("taken_off", 2)]
    finger.now += 20_000
    finger.at(100, ms=50)
    assert finger.lift()[-1] == ("tapped", 2, finger.now)


def test_lift_without_a_contact_is_nothing():
    assert Finger().lift() == []
