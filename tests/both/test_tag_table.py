"""The reader of the tag table on the terminal, beside the regulation's table."""

import os
import sys

from protocol import cbor, content
from store.content import Content
from store.tags import TagTable
from ui.strings import LANGUAGES, worded

ROWS = [
    [510, 0, True, False, "一窗受理一次办结"],
    [517, 1, False, False, "服务热情效率高"],
    [207, 0, True, False, "没有提供材料样本"],
    [208, 0, True, True, "没有提供材料清单"],
    [214, 1, False, False, "服务态度生硬"],
    [115, 1, False, False, "服务态度差效率低"],
]
FOLDER = "tag-table-of-a-test"
DIGEST = bytes(range(32))


class Shelf:
    """A shelf with one table in a folder that is removed again."""

    def __init__(self, data):
        self.identity = {"assets": {}}
        try:
            os.mkdir(FOLDER)
        except OSError:
            pass
        self.shelf = Content(FOLDER, self.identity)
        self.path = self.shelf.path(content.TAG_TABLE, content.TAG_TABLE_NAME)
        if data is not None:
            with open(self.path, "wb") as file:
                file.write(DIGEST + data)
        self.table = TagTable(self.shelf, worded)

    def __enter__(self):
        return self.table

    def __exit__(self, *_):
        for name in os.listdir(FOLDER):
            os.remove(FOLDER + "/" + name)
        os.rmdir(FOLDER)


def codes(rows):
    return [code for code, _ in rows]


def test_tags_explain_the_level_of_their_dimension_or_the_overall_one():
    with Shelf(cbor.encode(ROWS)) as table:
        assert table.version == DIGEST[:4]
        assert table.rows(5, None, None, "zh") == [(510, "一窗受理一次办结"), (517, "服务热情效率高")]
        assert codes(table.rows(5, 2, None, "zh")) == [517, 207]
        assert codes(table.rows(5, 2, 1, "zh")) == [207, 115]
        assert codes(table.rows(3, 3, 3, "zh")) == []


def test_tags_of_the_regulation_speak_the_citizens_language_and_others_their_own():
    own = [[510, 0, True, False, "一窗受理一次办结"], [511, 0, True, False, "排队时间短"]]
    with Shelf(cbor.encode(own)) as table:
        assert table.rows(5, None, None, "en") == [(510, "One window, done in one go"), (511, "排队时间短")]
        assert table.rows(5, None, None, "ko") == [(510, "한 창구에서 한 번에 처리"), (511, "排队时间短")]
        assert not [name for name in sys.modules if name.startswith("ui.tags_")]


def test_break_in_a_tag_is_no_part_of_the_text_that_must_be_the_regulations():
    rows = [(406, "填写一张表单就可完成申报"), (499, "填写一张表单就可完成申报")]
    assert worded(rows, "zh") == [(406, "填写一张表单\n就可完成申报"), rows[1]]
    assert [text for _, text in worded(rows[:1], "en")] == ["One form was enough to apply"]
    assert worded([], LANGUAGES[0]) == []


def test_retired_tags_are_not_offered():
    with Shelf(cbor.encode(ROWS)) as table:
        assert codes(table.rows(2, None, None, "zh")) == [207, 214]


def test_table_of_many_rows_is_read_to_its_end():
    rows = [[400 + i % 100, 0, False, False, "字" * 18] for i in range(99)] + ROWS
    with Shelf(cbor.encode(rows)) as table:
        assert codes(table.rows(1, None, None, "zh")) == [115]
        assert len(table.rows(4, None, None, "zh")) == 24


def test_missing_or_damaged_table_offers_nothing():
    with Shelf(None) as table:
        assert table.version is None and table.rows(5, None, None, "zh") == []
    whole = cbor.encode(ROWS)
    for data in (b"", b"\xa0", b"\x9a\x00\x00\x00\x01", whole[:-3], cbor.encode([[1, 2]]), cbor.encode([7])):
        with Shelf(data) as table:
            assert table.rows(5, None, None, "zh") == [] or data == whole[:-3]
