"""The session machine: what may follow the overall level, and what ends it."""

from app import fields, states
from app.details import CHANGES_MAX
from protocol import rating, reasons
from tests.both.hall import CLERK, Hall, invite_id

VERSION = b"tags"
ROWS = ((108, "一"), (109, "二"), (110, "三"), (111, "四"), (115, "五"))


class Table:
    """A table of five tags for whatever level."""

    version = VERSION

    def __init__(self):
        self.asked = []

    def rows(self, overall, business, service, language):
        self.asked.append((overall, business, service, language))
        return list(ROWS)


def rated(detail="ask", key=5, table=True):
    """Return a hall whose citizen has pressed a key and let the time to change it pass."""
    hall = Hall(policy={"detail": detail}, tags=Table() if table else None)
    hall.open()
    hall.press(key)
    hall.wait(5_000)
    return hall


def go_on(hall, key=6):
    """Let the new page's guard pass, then press the function key."""
    hall.wait(701)
    hall.press(key)


def known(hall):
    """Return what the last event of the first invite tells beside level and dwell."""
    kind, invite, found = hall.sealed[-1]
    assert (kind, invite, found[fields.LEVEL]) == (rating.RATED, invite_id(1), 1)
    return {key: found[key] for key in (fields.BIZ, fields.SVC, fields.TAGS, fields.TAGVER) if key in found}


def test_offer_follows_every_level_alike_and_ends_in_idle():
    seen = []
    for key in (1, 2, 3, 4, 5):
        hall = rated(key=key)
        assert hall.state == states.OFFER and not hall.lit
        before = len(hall.sealed)
        seen.append(hall.shown[-1])
        hall.wait(10_000)
        assert hall.state == states.IDLE and len(hall.sealed) == before
    assert seen == [seen[0]] * 5


def test_policy_off_says_thanks_and_auto_asks_at_once():
    assert rated("off").state == states.THANKS
    hall = rated("auto")
    assert hall.state == states.BUSINESS and hall.lamps == states.ALL_KEYS


def test_both_levels_and_tags_are_sealed_press_by_press_with_all_that_is_known():
    hall = rated()
    go_on(hall)
    assert hall.state == states.BUSINESS
    go_on(hall, 4)
    assert hall.state == states.SERVICE and known(hall) == {fields.BIZ: 2}
    go_on(hall, 5)
    assert hall.state == states.TAGS and known(hall) == {fields.BIZ: 2, fields.SVC: 1}
    assert hall.session._table.asked == [(1, 2, 1, "zh")]
    go_on(hall, 2)
    hall.press(1)
    tags = {fields.BIZ: 2, fields.SVC: 1, fields.TAGS: [108, 109], fields.TAGVER: VERSION}
    assert known(hall) == tags
    hall.press(2)
    tags[fields.TAGS] = [108]
    assert known(hall) == tags
    go_on(hall)
    assert hall.state == states.THANKS and known(hall) == tags
    assert hall.tones == ["press"] * 6
    hall.wait(3_000)
    assert hall.state == states.IDLE


def test_tags_come_in_the_language_that_was_chosen_before_the_invite():
    hall = Hall(policy={"detail": "auto"}, tags=Table())
    hall.press(6)
    hall.open()
    hall.press(5)
    hall.wait(5_000)
    go_on(hall)
    go_on(hall)
    assert hall.state == states.TAGS and hall.session._table.asked == [(1, None, None, "en")]


def test_skipping_asks_the_next_and_seals_nothing():
    hall = rated()
    for state in (states.BUSINESS, states.SERVICE, states.TAGS, states.THANKS):
        go_on(hall)
        assert hall.state == state
    assert hall.session._table.asked == [(1, None, None, "zh")] and len(hall.levels()) == 1


def test_no_press_on_the_first_page_ends_the_optional_part():
    hall = rated("auto")
    hall.wait(15_000)
    assert hall.state == states.THANKS
    hall = rated("auto")
    go_on(hall, 1)
    hall.wait(15_000)
    assert hall.state == states.TAGS
    hall.wait(40_000)
    assert hall.state == states.THANKS and known(hall) == {fields.BIZ: 5}


def test_tags_come_three_a_page_with_only_usable_keys_lit():
    hall = rated()
    for _ in range(3):
        go_on(hall)
    assert hall.lamps == 0b01111
    assert hall.shown[-1][1]["rows"] == (("一", False), ("二", False), ("三", False))
    go_on(hall, 4)
    view = hall.shown[-1][1]
    assert (view["page"], view["pages"], view["rows"]) == (2, 2, (("四", False), ("五", False)))
    assert hall.lamps == 0b01011
    hall.press(3)
    hall.press(5)
    assert len(hall.levels()) == 1
    hall.press(2)
    assert known(hall)[fields.TAGS] == [115] and hall.shown[-1][1]["rows"] == (("四", False), ("五", True))
    hall.press(4)
    assert hall.shown[-1][1]["page"] == 1


def test_each_press_on_the_tags_gives_the_whole_time_again():
    hall = rated()
    for _ in range(3):
        go_on(hall)
    for _ in range(4):
        hall.wait(39_000)
        hall.press(4)
        assert hall.state == states.TAGS
    hall.wait(40_000)
    assert hall.state == states.THANKS


def test_presses_meant_for_the_page_before_are_ignored():
    hall = rated("auto")
    hall.press(1)
    assert hall.state == states.BUSINESS and len(hall.levels()) == 1
    hall.press(6)
    assert hall.state == states.BUSINESS
    go_on(hall, 1)
    hall.press(5)
    assert hall.state == states.SERVICE and len(hall.levels()) == 2
    hall = rated()
    hall.press(3)
    assert hall.state == states.OFFER and len(hall.levels()) == 1


def test_whatever_the_clerk_does_ends_the_part_and_keeps_what_was_pressed():
    for order, state in (
        (("served", "A002"), states.SERVING),
        (("clerk_set", None), states.THANKS),
        (("clerk_set", dict(CLERK, number="008")), states.THANKS),
        (("paused", True), states.PAUSED),
        (("invited", invite_id(2), 0, 10_000, 0, 1, None), states.INVITED),
    ):
        for pages in range(4):
            hall = rated()
            for _ in range(pages):
                go_on(hall)
            before = [event for event in hall.sealed if event[1] == invite_id(1)]
            assert hall.ask(*order) == reasons.OK
            assert hall.state == state, order
            assert [event for event in hall.sealed if event[1] == invite_id(1)] == before


def test_cancel_is_answered_rated_on_every_page():
    hall = rated()
    for _ in range(4):
        assert hall.ask("cancelled", invite_id(1)) == reasons.RATED
        go_on(hall)


def test_without_a_table_there_is_no_page_for_tags():
    hall = rated(table=False)
    for _ in range(3):
        go_on(hall)
    assert hall.state == states.THANKS


def test_at_most_so_many_events_are_sealed_for_one_invite():
    hall = Hall(policy={"detail": "auto"}, tags=Table())
    hall.open()
    for key in (1, 2, 3, 4):
        hall.press(key)
    hall.wait(5_000)
    go_on(hall, 1)
    go_on(hall, 1)
    hall.wait(701)
    for _ in range(6):
        hall.press(1)
    assert len(hall.levels()) == CHANGES_MAX
    assert fields.TAGS not in hall.sealed[-1][2] and hall.lamps == 0b01000
    go_on(hall)
    assert hall.state == states.THANKS


def test_next_invite_starts_without_what_was_said_before():
    hall = rated()
    go_on(hall)
    go_on(hall, 4)
    hall.wait(60_000)
    hall.open(2)
    hall.press(1)
    found = hall.sealed[-1][2]
    assert found[fields.LEVEL] == 5 and fields.BIZ not in found
