"""The staff table: what halls save as CSV is read, every bad row is named with its line, nothing strange crashes it."""

import csv
import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent.content import staff_table
from host_agent.content.staff import Clerk
from host_agent.errors import ManyUserErrors, UserError

TEXT = "工号,姓名,岗位,星级,照片\r\n007,张晓敏,社保窗口,5,007.jpg\r\n8,买买提•吐尔逊江,,,\r\n"
CLERKS = [Clerk("007", "张晓敏", "社保窗口", 5), Clerk("8", "买买提·吐尔逊江")]


def read(tmp_path, data):
    path = tmp_path / "staff.csv"
    path.write_bytes(data)
    return staff_table.read(path)


def faults(text):
    with pytest.raises(UserError) as caught:
        staff_table.parse(text, Path("staff.csv"))
    return [(fault.where, fault.what) for fault in getattr(caught.value, "faults", [caught.value])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_staff_table_is_read_in_the_encodings_of_halls(tmp_path, encoding):
    rows = read(tmp_path, TEXT.encode(encoding))
    assert [row.clerk for row in rows] == CLERKS
    assert [(row.line, row.photo) for row in rows] == [(2, "007.jpg"), (3, None)]


def test_staff_table_takes_english_headings_any_order_quotes_and_blank_lines(tmp_path):
    text = ' Name ,NUMBER\n\n"张,三",1\n , \n"李\n四",2\n'
    assert faults(text) == [("staff.csv line 5", "name holds a character that cannot be shown (U+000A)")]
    rows = staff_table.parse(text.replace("\n四", "四"), Path("staff.csv"))
    assert [row.clerk for row in rows] == [Clerk("1", "张,三"), Clerk("2", "李四")]


def test_staff_table_keeps_rare_characters(tmp_path):
    rows = read(tmp_path, "工号,姓名\n1,李𬭎㛃\n".encode("gb18030"))
    assert rows[0].clerk.name == "李𬭎㛃"


def test_staff_table_names_every_bad_row_at_once():
    text = (
        "number,name,post,stars\n1,张三,,6\n1,李四,,\na b,\x07,,\n4,,,五\n5,"
        + "长" * 21
        + ",岗,\n6,王,"
        + "岗" * 29
        + ",\n7,\ue863,,\n8,a,b,1,extra\n"
    )
    assert faults(text) == [
        ("staff.csv line 2", "stars '6' is no number from 0 to 5"),
        ("staff.csv line 3", "number 1 stands in line 2 too"),
        ("staff.csv line 4", "number 'a b' is none"),
        ("staff.csv line 4", "name holds a character that cannot be shown (U+0007)"),
        ("staff.csv line 5", "the name is missing"),
        ("staff.csv line 5", "stars '五' is no number from 0 to 5"),
        ("staff.csv line 6", "name has 21 characters, at most 20 fit"),
        ("staff.csv line 7", "post has 29 characters, at most 28 fit"),
        (
            "staff.csv line 8",
            "name holds a character of private use, which every computer shows differently (U+E863)",
        ),
        ("staff.csv line 9", "has 5 cells, the heading 4"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("number,name\n", "names nobody"),
        ("number;name\n1;张三\n", "not separated by commas"),
        ("工号，姓名\n1，张三\n", "not separated by commas"),
        ("number,name,nmae\n", "unknown heading 'nmae'"),
        ("number,工号,name\n", "stands twice"),
        ("name,post\n", "no heading number or 工号"),
        ('number,name\n1,"张三\n', "no CSV from here on"),
        ("number,name\n1,张\x00三\n", "U+0000"),
    ],
)
def test_staff_table_that_is_none_is_told_why(text, words):
    assert any(words in what for _, what in faults(text)), faults(text)


def test_staff_table_in_utf16_another_encoding_or_too_large_is_refused(tmp_path):
    for data, words in (
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"number,name\n1,\xff\xff\n", "neither UTF-8 nor GB18030"),
        (b"x" * (staff_table.MAX_BYTES + 1), "larger than"),
    ):
        with pytest.raises(UserError, match=words):
            read(tmp_path, data)
    with pytest.raises(UserError, match="cannot read"):
        staff_table.read(tmp_path / "none.csv")


def test_staff_table_of_too_many_clerks_is_refused():
    text = "number,name\n" + "".join(f"{n},x\n" for n in range(staff_table.MAX_ROWS + 1))
    assert faults(text) == [("staff.csv", f"more than {staff_table.MAX_ROWS} clerks")]


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(
    lambda name: not set(name) & set("•‧⋅・･") and name.strip() == name
)
POSTS = st.just("") | NAMES
ROWS = st.lists(
    st.tuples(st.from_regex(r"\A[0-9A-Za-z._-]{1,20}\Z"), NAMES, POSTS, st.sampled_from(["", *"012345"])),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[0],
)


@settings(max_examples=40)
@given(ROWS, st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_staff_table_that_a_spreadsheet_writes_comes_back_as_it_was(rows, encoding, ending):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending)
    writer.writerows([("number", "name", "post", "stars"), *rows])
    data = out.getvalue().encode(encoding)
    text = staff_table.TABLE.text(data, Path("staff.csv"))
    if encoding != "gb18030" or not _is_utf8(data):  # a few GB18030 texts are UTF-8 by chance
        found = [row.clerk for row in staff_table.parse(text, Path("staff.csv"))]
        assert found == [Clerk(n, name, post, int(s) if s else None) for n, name, post, s in rows]


@given(st.data())
def test_staff_table_damaged_is_read_or_refused_by_name(data):
    """Any bytes, and any damage to a sound table: rows, or faults that all name the file."""
    rng = random.Random(data.draw(st.integers(0, 1 << 32)))
    broken = bytearray(TEXT.encode(rng.choice(["utf-8", "gb18030"])))
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(broken))
        broken[at : at + rng.randrange(3)] = data.draw(st.binary(max_size=6))
    for raw in (bytes(broken), data.draw(st.binary(max_size=80))):
        try:
            rows = staff_table.parse(staff_table.TABLE.text(raw, Path("staff.csv")), Path("staff.csv"))
        except ManyUserErrors as error:
            assert error.faults and all(fault.where.startswith("staff.csv") for fault in error.faults)
        except UserError as error:
            assert error.where.startswith("staff.csv") and error.cure
        else:
            assert len({row.clerk.number for row in rows}) == len(rows) > 0


def _is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
