"""The comparison finds every kind of lie: each planted bug below must be told by its name."""

import pytest

from tests.soak.compare import Verdict, compare
from tests.soak.visits import Visit

A, B = "aa" * 16, "bb" * 16
T = "YP-0001"


def visit(invite: str, *keys: int, shown: bool = True, heard: int | None = None) -> Visit:
    """Return a visit at which these keys were pressed."""
    made = Visit(T, invite)
    for key in keys:
        made.press(key, 0.0).shown = shown
    made.heard = (len(keys) if shown else 0) if heard is None else heard
    return made


def record(seq: int, invite: str, level: int | None, kind: str = "rated", origin: int = 1) -> dict:
    """Return a record as the city has it."""
    return {
        "terminal": T, "epoch": 1, "seq": seq, "kind": kind, "invite": invite, "level": level, "origin": origin,
    }  # fmt: skip


@pytest.fixture
def visits() -> list[Visit]:
    """Return a rating, one with a change of mind, a refusal, one that nobody answered, and two at the clerk's key."""
    return [visit(A, 1), visit(B, 2, 5), visit("cc" * 16, 6), visit("dd" * 16), visit("", 3), visit("", 4, 1)]


@pytest.fixture
def city() -> list[dict]:
    """Return what the city has of them, in any order, with events that are no outcome between."""
    return [
        record(2, A, 5),
        record(1, "None", None, "boot", origin=None),
        record(4, B, 1),
        record(3, B, 4),
        record(5, "cc" * 16, None, "declined"),
        record(6, "dd" * 16, None, "timed_out"),
        record(7, "01" * 16, 3, origin=3),
        record(8, "02" * 16, 2, origin=3),
        record(9, "02" * 16, 5, origin=3),
    ]


def counts(verdict: Verdict) -> dict[str, int]:
    """Return the counts that are not 0."""
    names = (
        "lost", "doubled", "altered", "invented", "without_outcome", "two_outcomes", "missing_numbers",
    )  # fmt: skip
    return {name: getattr(verdict, name) for name in names if getattr(verdict, name)}


def test_compare_all_as_shown_is_ok(visits, city) -> None:
    verdict = compare(visits, city)
    assert verdict.ok and verdict.details == []
    assert (verdict.visits, verdict.presses, verdict.pressed, verdict.received) == (6, 7, 7, 7)


@pytest.mark.parametrize("seq", [2, 3, 4, 5, 7, 8, 9])
def test_compare_event_dropped_from_the_citys_copy_is_lost(visits, city, seq) -> None:
    verdict = compare(visits, [row for row in city if row["seq"] != seq])
    found = counts(verdict)
    assert (found.pop("lost"), verdict.received) == (1, 6) and not verdict.ok and verdict.details
    assert set(found) <= {"missing_numbers", "without_outcome"}  # seq 9 is the newest: nothing tells of it but the loss


def test_compare_event_dropped_that_nobody_pressed_is_a_missing_number(visits, city) -> None:
    assert counts(compare(visits, [row for row in city if row["seq"] != 1])) == {"missing_numbers": 1}


def test_compare_record_twice_is_doubled(visits, city) -> None:
    assert counts(compare(visits, [*city, dict(city[0])])) == {"doubled": 1}


def test_compare_press_sealed_twice_is_doubled(visits, city) -> None:
    assert counts(compare(visits, [*city, record(10, B, 1)])) == {"doubled": 1}


def test_compare_level_changed_is_altered(visits, city) -> None:
    city[2]["level"] = 3
    verdict = compare(visits, city)
    assert counts(verdict) == {"altered": 1} and verdict.received == 6


def test_compare_level_of_an_own_invite_changed_is_altered(visits, city) -> None:
    city[6]["level"] = 1
    assert counts(compare(visits, city)) == {"altered": 1}


def test_compare_changes_in_the_wrong_order_are_not_ok(visits, city) -> None:
    city[2]["level"], city[3]["level"] = 4, 1
    assert counts(compare(visits, city)) == {"altered": 1}


def test_compare_rating_that_nobody_pressed_is_invented(visits, city) -> None:
    city[5] |= {"kind": "rated", "level": 5}
    assert counts(compare(visits, city)) == {"invented": 1}


@pytest.mark.parametrize("origin", [1, 3])
def test_compare_rating_of_an_invite_nobody_made_is_invented(visits, city, origin) -> None:
    assert counts(compare(visits, [*city, record(10, "ee" * 16, 1, origin=origin)])) == {"invented": 1}


def test_compare_rating_credited_to_another_invite_is_not_ok(visits, city) -> None:
    city[0]["invite"] = "dd" * 16
    found = counts(compare(visits, city))
    assert found == {"lost": 1, "invented": 1, "without_outcome": 1, "two_outcomes": 1}


def test_compare_ledger_that_lies_is_found(visits, city) -> None:
    visits[0].presses[0].key = 2
    assert counts(compare(visits, city)) == {"altered": 1}
    visits[0].presses.clear()
    assert counts(compare([visits[0]], [city[0], city[1]])) == {"altered": 1}  # a tone was heard all the same


def test_compare_invite_that_never_ended_is_told(visits, city) -> None:
    city[5]["kind"] = "mark"
    assert counts(compare(visits, city)) == {"without_outcome": 1}
    visits[3].opened = False
    assert compare(visits, city).ok


def test_compare_own_invite_that_never_ended_is_told(visits, city) -> None:
    assert counts(compare([*visits, visit("")], city)) == {"without_outcome": 1}


@pytest.mark.parametrize("arrives", [True, False])
def test_compare_press_made_but_not_shown_may_arrive_or_not(arrives) -> None:
    ending = record(1, A, 3) if arrives else record(1, A, None, "interrupted")
    verdict = compare([visit(A, 3, shown=False)], [ending])
    assert verdict.ok and verdict.pressed == 0


def test_compare_tones_bind_where_presses_cannot_be_told_apart() -> None:
    """Of four quick presses two were heard: two must arrive, in the order of the presses."""
    mashed = visit(A, 1, 2, 3, 4, shown=False, heard=2)
    assert compare([mashed], [record(1, A, 4), record(2, A, 2)]).ok
    assert compare([mashed], [record(1, A, 5), record(2, A, 4), record(3, A, 3)]).ok
    assert counts(compare([mashed], [record(1, A, 4)])) == {"lost": 1}
    assert counts(compare([mashed], [record(1, A, 2), record(2, A, 4)])) == {"altered": 1}


def test_compare_many_own_invites_of_which_one_is_lost() -> None:
    visits = [visit("", 1 + n % 5) for n in range(100)]
    city = [record(n + 1, f"{n:032x}", 5 - n % 5, origin=3) for n in range(100)]
    assert compare(visits, city).ok
    del city[50]
    assert counts(compare(visits, city)) == {"lost": 1, "without_outcome": 1, "missing_numbers": 1}
