"""The indicator table of the regulation: complete, each tag with its level and dimension."""

import pytest

from protocol import indicators, rating
from ui import tags_en, tags_ko, tags_zh

TAG_TEXTS = {"zh": tags_zh.TEXTS, "en": tags_en.TEXTS, "ko": tags_ko.TEXTS}
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


def test_indicators_are_on_the_terminals_in_each_language() -> None:
    assert {code: text.replace("\n", "") for code, text in tags_zh.TEXTS.items()} == {row[0]: row[-1] for row in TABLE}
    for texts in TAG_TEXTS.values():
        assert texts.keys() == tags_zh.TEXTS.keys() and len(set(texts.values())) == len(texts), "one text, one tag"
    assert all(text.isascii() for text in tags_en.TEXTS.values())


def test_indicators_that_need_two_lines_of_ten_characters_say_where_the_first_one_ends() -> None:
    for text in tags_zh.TEXTS.values():
        lines = text.split("\n")
        assert len(lines) <= 2 and all(1 < len(line) <= 10 for line in lines), text
