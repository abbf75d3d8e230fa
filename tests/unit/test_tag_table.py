"""Tag tables: built from a list that people write, one form and one version, every fault named."""

import json
import random

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from host_agent import config as agent_config
from host_agent.cli import main
from host_agent.content import tag_table
from host_agent.content.tag_table import TagTableError
from host_agent.errors import UserError
from protocol import indicators, rating

ROWS = indicators.tag_table(indicators.load())


def item(code, **other):
    row = {"code": code, "level": code // 100, "dimension": "business", "core": False, "retired": False, "text": "标签"}
    return row | other


def written(tmp_path, items):
    path = tmp_path / "tags.json"
    path.write_text(json.dumps({"indicators": items}), encoding="utf-8")
    return path


def test_tag_table_builtin_is_the_regulations_under_its_version():
    data = tag_table.builtin()
    assert tag_table.decode(data) == ROWS
    assert tag_table.version(data) == rating.table_version(ROWS)


def test_tag_table_of_any_order_is_one_table():
    shuffled = ROWS[:]
    random.Random(7).shuffle(shuffled)
    decoded = tag_table.decode(tag_table.encode(shuffled))
    assert sorted(decoded) == sorted(ROWS)
    places = [(-(code // 100), dimension, retired, not core) for code, dimension, core, retired, _ in decoded]
    assert places == sorted(places)


def test_tag_table_shows_core_ones_first_and_retired_ones_last(tmp_path):
    items = [item(501, retired=True), item(502), item(503, core=True), item(504, dimension="service"), item(401)]
    rows = tag_table.decode(tag_table.encode(tag_table.read_json(written(tmp_path, items))))
    assert [row[0] for row in rows] == [503, 502, 501, 504, 401]
    rating.check_tags([503], rows, 5, None, None)
    with pytest.raises(ValueError):
        rating.check_tags([501], rows, 5, None, None)  # it decodes, and cannot be chosen


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "has 0 tags"),
        ([item(501), item(501)], "stands twice"),
        ([item(501) | {"level": 4}], "its code another"),
        ([item(601) | {"level": 6}], "no level"),
        ([item(501, dimension="overall")], "neither business nor service"),
        ([item(501, core=1)], "another type"),
        ([item(501, text="")], "printable"),
        ([item(501, text="长" * 19)], "printable"),
        ([item(501, core=True, retired=True)], "cannot be a core one"),
        ([item(500 + n, core=True) for n in range(4)], "more than 3 core"),
        ([{"code": 501}], "exactly the keys"),
        (["501"], "exactly the keys"),
        ([item(code) for code in range(500, 581)], "has 81 tags"),
    ],
)
def test_tag_table_that_is_not_sound_is_refused_by_name(tmp_path, items, words):
    with pytest.raises(TagTableError, match=words):
        tag_table.encode(tag_table.read_json(written(tmp_path, items)))


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda tail: tag_table.builtin()[:-20] + tail))
def test_tag_table_of_random_bytes_is_refused_or_exact(data):
    try:
        rows = tag_table.decode(data)
    except TagTableError:
        return
    assert tag_table.encode(rows) == data


def test_tags_build_and_show_name_the_table(tmp_path):
    out = tmp_path / "tags.cbor"
    source = written(tmp_path, indicators.load()["indicators"])
    built = CliRunner().invoke(main, ["tags", "build", str(source), str(out)])
    assert built.exit_code == 0 and rating.table_version(ROWS).hex() in built.output
    shown = CliRunner().invoke(main, ["tags", "show", str(out)])
    assert shown.output == CliRunner().invoke(main, ["tags", "show"]).output
    assert "510  非常满意  business  一窗受理一次办结 core" in shown.output and "40 tags" in shown.output


def test_tags_build_names_every_fault_and_writes_nothing(tmp_path):
    source = written(tmp_path, [item(501, dimension="x"), item(502, text=5)])
    result = CliRunner().invoke(main, ["tags", "build", str(source), str(tmp_path / "out")])
    assert result.exit_code == 1 and not (tmp_path / "out").exists()
    assert "indicators[0]" in result.output and "indicators[1]" in result.output
    shown = CliRunner().invoke(main, ["tags", "show", str(source)])
    assert shown.exit_code == 1 and "no tag table" in shown.output


AGENT = '[agent]\nid = "pc-01"\ncentre = "C01"\n[[window]]\nid = "W01"\nterminal = "YP-0001"\n'


def config(tmp_path, content):
    path = tmp_path / "agent.toml"
    path.write_text(f"{AGENT}[content]\n{content}\n", encoding="utf-8")
    return agent_config.load(path)


def test_content_section_takes_a_built_table_relative_to_the_file(tmp_path):
    (tmp_path / "own.cbor").write_bytes(tag_table.builtin())
    assert config(tmp_path, 'tag_table = "own.cbor"').content.tag_table == tmp_path / "own.cbor"
    assert config(tmp_path, "").content.tag_table is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('tag_table = "none.cbor"', "cannot read the tag table"),
        ('tag_table = "bad.cbor"', "is no tag table"),
        ("tag_table = 5", "must be text"),
        ('tags = "own.cbor"', "unknown key"),
    ],
)
def test_content_section_that_is_wrong_is_named_with_its_key(tmp_path, content, words):
    (tmp_path / "bad.cbor").write_bytes(b"\x80")
    with pytest.raises(UserError, match=words) as caught:
        config(tmp_path, content)
    assert "content.tag" in caught.value.where


def test_tags_build_refuses_a_character_that_no_terminal_draws(tmp_path):
    result = CliRunner().invoke(main, ["tags", "build", str(written(tmp_path, [item(501, text="彧排队")])), "x.cbor"])
    assert result.exit_code == 1 and "no glyph for 彧" in result.output
