"""A terminal provisioned with reveal_level tells the level of the last rating when asked; any other never does."""

from app import fields, version
from protocol import reasons
from tests.both.desk_room import Room
from tests.both.hall import invite_id


class Own:
    """Settings of a provisioned terminal."""

    epoch = 1
    journal_id = bytes(8)

    def __init__(self, reveal):
        self.reveal_level = reveal


def rated_room(reveal):
    """Return a room in which invite 1 was just rated with key 4, level 2."""
    room = Room(reveal=reveal)
    room.desk.begin(1, None, 0)
    room.login()
    assert room.rated() is None, "nothing is told before the first rating"
    room.invite(1)
    assert room.rated() is None
    room.wait(1_000)
    room.press(4)
    return room


def test_reveal_tells_level_and_whether_it_may_still_change():
    room = rated_room(True)
    assert room.rated() == {"invite": invite_id(1), "level": 2, "final": False}
    room.press(1)
    assert room.rated() == {"invite": invite_id(1), "level": 5, "final": False}
    room.wait(20_000)
    assert room.rated() == {"invite": invite_id(1), "level": 5, "final": True}


def test_reveal_keeps_the_last_rating_while_the_next_invite_is_open_or_ends_unrated():
    room = rated_room(True)
    room.wait(20_000)
    room.invite(2)
    assert room.rated() == {"invite": invite_id(1), "level": 2, "final": True}
    room.wait(100_000)
    assert room.rated()["invite"] == invite_id(1)


def test_reveal_tells_business_service_and_tags_when_given():
    room = rated_room(True)
    values = {fields.LEVEL: 2, fields.BIZ: 1, fields.SVC: 3, fields.TAGS: [112, 312]}
    room.recorder.seal(1, invite_id(1), values)
    assert room.rated() == {
        "invite": invite_id(1), "level": 2, "biz": 1, "svc": 3, "tags": [112, 312], "final": False,
    }  # fmt: skip


def test_no_reveal_tells_nothing_and_marks_no_event():
    room = rated_room(False)
    room.wait(20_000)
    assert room.rated() is None
    assert room.desk.link.detail == {"state": "idle", "paused": False, "wanted": False}
    assert room.recorder.rated is None
    assert all(fields.REVEAL not in event[4] for event in room.journal.events.values())


def test_reveal_marks_every_rated_event_and_no_other():
    room = rated_room(True)
    room.wait(20_000)
    marked = [event[0] for event in room.journal.events.values() if event[4].get(fields.REVEAL)]
    assert marked == [1]


def test_a_press_that_was_not_stored_is_not_revealed():
    room = Room(reveal=True)
    room.desk.begin(1, None, 0)
    room.login()
    room.invite(1)
    room.wait(1_000)
    room.journal.refuse = room.desk._failed(reasons.WHY_NOR_MISSING)
    room.press(4)
    assert room.rated() is None


def test_caps_say_reveal_only_where_it_was_provisioned():
    assert "reveal" in version.identity(Own(True), "k5", "YP-0001", b"")["caps"]
    for own in (Own(False), None):
        assert version.identity(own, "k5", "YP-0001", b"")["caps"] == ["keys", "bulk", "update"]
