"""The indicator table of the regulation: complete, each tag with its level and dimension."""

import pytest

from protocol import indicators, rating

SERVICE_TAGS = {517, 413, 314, 213, 214, 115}
TABLES = indicators.load()
TABLE = indicators.tag_table(TABLES)


def test_indicators_are_the_eight_of_each_level() -> None:
    assert len(TABLE) == len({row[0] for row in TABLE}) == len(TABLES["indicators"])
    for level in rating.LEVELS:
        rows = [row for row in TABLES["indicators"] if row["level"] == level]
        assert len(rows) == 8 and sum(row["core"] for row in rows) == 3
        assert [row["core"] for row in rows] == [True] * 3 + [False] * 5, "core ones are shown first"


def test_indicators_levels_are_ours() -> None:
    assert {row["code"]: row["text"] for row in TABLES["levels"]} == rating.LEVEL_TEXT_ZH
    for row in TABLES["indicators"]:
        assert rating.tag_level(row["code"]) == row["level"]


def test_indicators_dimensions_are_those_of_the_rules() -> None:
    assert {row[0] for row in TABLE if row[1] == rating.SERVICE} == SERVICE_TAGS
    assert {row[1] for row in TABLE} == {rating.BUSINESS, rating.SERVICE}


def test_indicators_each_tag_can_be_chosen_for_its_level_alone() -> None:
    for code, *_ in TABLE:
        for level in rating.LEVELS:
            if level == rating.tag_level(code):
                rating.check_tags([code], TABLE, level, None, None)
            else:
                with pytest.raises(ValueError):
                    rating.check_tags([code], TABLE, level, None, None)


def test_indicators_version_names_the_table() -> None:
    assert rating.table_version(TABLE) == rating.table_version(TABLE[:])
    assert rating.table_version(TABLE) != rating.table_version(TABLE[1:])
