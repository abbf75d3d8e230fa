"""Tags at the receiver: known by their table's version; what does not fit is a note, and the rating stands."""

import pytest

from host_agent.content import tag_table
from host_agent.receiver.tag_tables import LOOK_AGAIN_MS, TagTables
from tests.city.terminals import message

BUILTIN = tag_table.version(tag_table.builtin())
OWN = tag_table.encode([(501, 0, True, False, "材料少"), (502, 0, False, True, "旧标签")])
OWN_VERSION = tag_table.version(OWN)
LEVEL, BUSINESS, SERVICE, TAGS, TABLE = 6, 7, 8, 9, 10


def rated(level, tags, table=BUILTIN, **levels):
    return {LEVEL: level, TAGS: tags} | ({TABLE: table} if table else {}) | levels


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (rated(5, []), None),
        (rated(5, [510, 517]), None),
        (rated(3, [213, 510]) | {BUSINESS: 5, SERVICE: 2}, None),
        (rated(5, [410]), "odd_tags"),  # of another level
        (rated(5, [599]), "odd_tags"),  # not in that table
        (rated(5, [501], OWN_VERSION), "unknown_tag_table"),
        (rated(5, [510], None), "odd_tags"),
        ({5: bytes(8)}, None),  # no rating at all
    ],
)
def test_tags_are_judged_by_the_table_that_was_shown(fields, code):
    assert [alarm.code for alarm in TagTables().note(fields, 0)] == ([code] if code else [])


def test_tags_of_a_table_put_into_the_folder_are_known_without_a_restart(tmp_path):
    (tmp_path / "broken.cbor").write_bytes(b"no table")
    tables = TagTables(tmp_path)
    fields = rated(5, [501], OWN_VERSION)
    assert tables.note(fields, 1_000)[0].code == "unknown_tag_table"
    (tmp_path / "own.cbor").write_bytes(OWN)
    assert tables.note(fields, 2_000)[0].code == "unknown_tag_table", "the folder is looked through once a minute"
    assert tables.note(fields, 1_000 + LOOK_AGAIN_MS) == []
    assert tables.note(rated(5, [502], OWN_VERSION), 0)[0].detail == "tag 502 cannot be chosen from this table"
    assert tables.note(rated(5, [510]), 0) == [], "the built-in one is known beside it"


def test_rating_with_tags_that_do_not_fit_is_kept_handed_on_and_noted(city, terminal):
    invite = terminal.invite()
    event = terminal.rates(5, invite, fields={TAGS: [410], TABLE: BUILTIN})
    assert city.statuses(message(terminal, event, invite.preimage)) == [("stored", None)]
    record = city.records()[0]
    assert (record["level"], record["tags"], record["tag_table"]) == (5, [410], BUILTIN.hex())
    assert city.alarms() == {"odd_tags"}


def test_rating_with_tags_that_fit_raises_nothing(city, terminal):
    invite = terminal.invite()
    event = terminal.rates(5, invite, fields={TAGS: [510, 511, 512], TABLE: BUILTIN})
    city.take(message(terminal, event, invite.preimage))
    assert city.alarms() == set() and city.records()[0]["tags"] == [510, 511, 512]
