"""Levels, keys and tag rules."""

from protocol import rating
from tests.both.support import Raises

TABLE = (
    (510, rating.BUSINESS, True, False, "一窗受理一次办结"),
    (517, rating.SERVICE, False, False, "服务热情效率高"),
    (213, rating.SERVICE, False, False, "窗口人员业务不熟练"),
    (214, rating.SERVICE, False, True, "服务态度生硬"),
)


def test_level_of_key_leftmost_is_the_best():
    assert [rating.level_of_key(key) for key in (1, 2, 3, 4, 5)] == [5, 4, 3, 2, 1]
    assert rating.LEVEL_TEXT_ZH[rating.level_of_key(1)] == "非常满意"
    assert rating.LEVEL_TEXT_ZH[rating.level_of_key(5)] == "非常不满意"


def test_level_of_key_unknown_is_refused():
    for key in (0, 6, -1, None, "1"):
        with Raises(ValueError):
            rating.level_of_key(key)


def test_outcomes_are_the_five_and_have_names():
    names = [rating.KIND_NAMES[kind] for kind in rating.OUTCOMES]
    assert names == ["rated", "timed_out", "declined", "cancelled", "interrupted"]
    assert sorted(rating.KIND_NAMES) == [1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26]


def test_tags_that_explain_their_level_are_taken():
    rating.check_tags((), TABLE, 5, None, None)
    rating.check_tags((510, 517), TABLE, 5, None, None)
    rating.check_tags((213, 510), TABLE, 3, 5, 2)
    rating.check_tags((510,), TABLE, 3, 5, None)


def test_tags_that_do_not_fit_are_refused():
    for tags, overall, business, service in (
        ((510,), 4, None, None),  # the overall level counts where the dimension was skipped
        ((517,), 5, 5, 4),
        ((510, 510), 5, None, None),
        ((517, 510), 5, None, None),
        ((214,), 2, None, None),  # retired
        ((599,), 5, None, None),  # not in the table
        ((510,) * 9, 5, None, None),
    ):
        with Raises(ValueError):
            rating.check_tags(tags, TABLE, overall, business, service)


def test_tag_level_unknown_is_refused():
    assert rating.tag_level(115) == 1
    for code in (99, 600, 0):
        with Raises(ValueError):
            rating.tag_level(code)


def test_table_version_changes_with_any_cell():
    version = rating.table_version(TABLE)
    assert len(version) == 4
    assert version == rating.table_version([list(row) for row in TABLE])
    assert version != rating.table_version(TABLE[:3])
    changed = list(TABLE)
    changed[0] = (510, rating.BUSINESS, True, True, "一窗受理一次办结")
    assert version != rating.table_version(changed)
