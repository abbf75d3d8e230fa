"""The receiver's judgement over real bytes: duplicates, conflicts, chain, order, epochs, the shelf."""

import json
import random

import pytest

from host_agent.receiver.intake import Raw
from host_agent.receiver.store import StoreError
from protocol import evidence, rating
from tests.city.terminals import NOW_MS, Terminal, message


def test_event_new_is_stored_receipted_and_handed_on(city, terminal):
    invite = terminal.invite(clerk="0817", service="JL20261101#1")
    terminal.boots()
    event = terminal.rates(4, invite)
    receipts = city.take(message(terminal, terminal.events[0]), message(terminal, event, invite.preimage))
    assert [(r.centre, r.agent, r.id, r.status, r.code) for r in receipts] == [
        ("C01", "pc-01", "YP-0001-1-1", "stored", None),
        ("C01", "pc-01", "YP-0001-1-2", "stored", None),
    ]
    record = city.records()[1]
    assert record["id"] == "YP-0001-1-2"
    assert (record["kind"], record["kind_code"], record["level"]) == ("rated", 1, 4)
    assert (record["invite"], record["invite_bound"]) == (invite.id.hex(), True)
    assert (record["clerk"], record["service_ref"], record["window"]) == ("0817", "JL20261101#1", "W01")
    assert (record["chain"], record["status"], record["revision"]) == ("ok", "stored", 1)
    assert (record["utc_ms"], record["time_quality"]) == (terminal.now_ms, 3)
    assert (record["received_utc_ms"], record["delay_ms"]) == (NOW_MS, 12)
    assert city.alarms() == set()


@pytest.mark.parametrize("level", [5, 4, 3, 2, 1])
def test_event_of_each_level_keeps_its_level(city, terminal, level):
    invite = terminal.invite()
    city.take(message(terminal, terminal.rates(level, invite), invite.preimage))
    assert city.records()[0]["level"] == level


def test_event_again_is_duplicate_and_handed_on_once(city, terminal):
    event = message(terminal, terminal.boots())
    assert city.statuses(event) == [("stored", None)]
    assert city.statuses(event, event) == [("duplicate", None)] * 2
    assert len(city.records()) == 1


def test_event_twice_in_one_batch_is_stored_once(city, terminal):
    event = message(terminal, terminal.boots())
    assert city.statuses(event, event) == [("stored", None), ("duplicate", None)]


def test_events_in_any_order_end_with_chain_ok_and_no_gap(city, terminal):
    seed = 1
    print("seed", seed)
    for number in range(40):
        terminal.marks() if number % 4 else terminal.boots()
    batch = [message(terminal, event) for event in terminal.events]
    random.Random(seed).shuffle(batch)
    for raw in batch:
        assert city.statuses(raw) == [("stored", None)]
    assert {record["chain"] for record in city.latest().values()} == {"ok"}
    assert city.gaps(terminal) == []
    assert city.alarms() == set()


def test_gap_is_known_until_it_is_filled(city, terminal):
    events = [message(terminal, terminal.marks()) for _ in range(6)]
    city.take(events[0], events[3], events[5])
    assert city.gaps(terminal) == [(2, 3), (5, 5)]
    assert city.latest()["YP-0001-1-4"]["chain"] == "pending"
    city.take(events[2], events[1], events[4])
    assert city.gaps(terminal) == []
    assert city.latest()["YP-0001-1-4"]["chain"] == "ok"


def test_gap_before_the_first_event_is_known(city, terminal):
    terminal.marks()
    city.take(message(terminal, terminal.marks()))
    assert city.gaps(terminal) == [(1, 1)]


def test_conflict_both_are_kept_and_both_marked(city, terminal):
    twin = Terminal()
    city.take(message(terminal, terminal.boots()))
    first, second = terminal.marks(), twin.boots() and twin.seal(rating.MARK, None, {12: 7})
    assert city.statuses(message(terminal, first)) == [("stored", None)]
    assert city.statuses(message(terminal, second, id_="YP-0001-1-2.2")) == [("conflict", None)]
    latest = city.latest()
    assert latest["YP-0001-1-2"]["status"] == latest["YP-0001-1-2.2"]["status"] == "conflict"
    assert latest["YP-0001-1-2.2"]["count"] == 7
    assert city.statuses(message(terminal, second)) == [("duplicate", "conflict")]
    assert "conflict" in city.alarms()


def test_conflict_successor_tells_which_version_the_terminal_continued(city, terminal):
    twin = Terminal()
    terminal.boots(), twin.boots()
    false = twin.seal(rating.MARK, None, {12: 7})
    true, after = terminal.marks(), terminal.marks()
    city.take(message(terminal, terminal.events[0]), message(terminal, false), message(terminal, after))
    assert city.latest()["YP-0001-1-3"]["chain"] == "broken"
    city.take(message(terminal, true))
    assert city.latest()["YP-0001-1-3"]["chain"] == "ok"


def test_prev_wrong_is_stored_with_alarm(city, terminal):
    terminal.boots()
    terminal.prev = bytes(8)
    event = terminal.marks()
    assert city.statuses(message(terminal, terminal.events[0]), message(terminal, event)) == [("stored", None)] * 2
    assert city.latest()["YP-0001-1-2"]["chain"] == "broken"
    assert "chain_broken" in city.alarms()


def test_unknown_terminal_is_shelved_and_opened_when_the_registry_gains_it(city, terminal):
    stranger = Terminal("YP-0002")
    events = [message(stranger, stranger.boots()), message(stranger, stranger.marks())]
    assert city.statuses(*events) == [("refused", "unknown_terminal")] * 2
    assert city.records() == []
    assert city.intake.retry_shelf() == []
    city.registry.add([stranger.entry()])
    assert [(r.id, r.status) for r in city.intake.retry_shelf()] == [
        ("YP-0002-1-1", "stored"),
        ("YP-0002-1-2", "stored"),
    ]
    assert [record["terminal"] for record in city.records()] == ["YP-0002"] * 2
    assert city.store.shelf.counts() == {}
    assert city.statuses(*events) == [("duplicate", None)] * 2


def test_unknown_epoch_is_shelved_and_opened_later(city, terminal):
    again = Terminal(epoch=2, seed=2)
    raw = message(again, again.boots())
    assert city.statuses(raw) == [("refused", "unknown_epoch")]
    city.registry.add([again.entry()])
    assert [r.status for r in city.intake.retry_shelf()] == ["stored"]
    assert city.records()[0]["epoch"] == 2


def test_registry_changed_by_another_process_is_seen(city, terminal):
    from host_agent.provision.registry import Registry

    stranger = Terminal("YP-0002")
    raw = message(stranger, stranger.boots())
    assert city.statuses(raw) == [("refused", "unknown_terminal")]
    other = Registry(city.folder / "registry.db")
    other.add([stranger.entry()])
    other.close()
    assert city.statuses(raw) == [("stored", None)]


def test_kind_and_field_unknown_are_passed_on(city, terminal):
    terminal.seal(99, None, {40: b"\x01\x02", 41: [1, 2]})
    city.take(message(terminal, terminal.events[0]))
    record = city.records()[0]
    assert (record["kind"], record["kind_code"]) == ("kind-99", 99)
    assert record["other"] == {"40": "0102", "41": [1, 2]}


def test_rated_without_level_is_kept_and_not_handed_on(city, terminal):
    event = terminal.seal(rating.RATED, terminal.invite().id)
    assert city.statuses(message(terminal, event)) == [("stored", None)]
    assert city.records() == []
    assert "odd_content" in city.alarms()


def test_level_out_of_range_is_never_guessed(city, terminal):
    event = terminal.seal(rating.RATED, terminal.invite().id, {6: 9})
    assert city.statuses(message(terminal, event)) == [("refused", "not_opened")]
    assert city.records() == []
    assert city.store.shelf.counts() == {"not_opened": 1}


def test_preimage_that_comes_later_binds_the_event(city, terminal):
    invite = terminal.invite()
    event = terminal.rates(5, invite)
    city.take(message(terminal, event))
    assert city.latest()["YP-0001-1-1"]["invite_bound"] is None
    assert "invite_bare" in city.alarms()
    assert city.statuses(message(terminal, event, invite.preimage)) == [("duplicate", None)]
    latest = city.latest()["YP-0001-1-1"]
    assert (latest["invite_bound"], latest["clerk"], latest["revision"]) == (True, "0817", 2)


def test_id_outside_is_only_a_hint(city, terminal):
    receipts = city.take(message(terminal, terminal.boots(), id_="YP-0009-1-4"))
    assert [(r.id, r.status) for r in receipts] == [("YP-0001-1-1", "stored")]
    assert "id_mismatch" in city.alarms()


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 5000, b"{}",
        json.dumps({"id": "x", "agent": "pc-01", "data": {"evidence": "!!!"}}).encode(),
        json.dumps({"id": "x", "agent": "pc-01", "data": {"evidence": 5}}).encode(),
        json.dumps({"id": "x", "agent": "pc-01", "data": {"evidence": ""}}).encode(),
        json.dumps({"id": "x", "agent": "pc/01", "data": {"evidence": "AAAA"}}).encode(),
        json.dumps({"id": "x", "agent": "pc-01", "data": []}).encode(),
        b"x" * 100_000,
    ],
)  # fmt: skip
def test_payload_malformed_is_counted_and_harms_nothing(city, terminal, payload):
    topic = f"yiping/v1/C01/terminal/{terminal.id}/event"
    for receipt in city.take(Raw(topic, payload), message(terminal, terminal.boots()))[:-1]:
        assert (receipt.status, receipt.code, receipt.agent) == ("refused", "malformed", "pc-01")
    assert len(city.records()) == 1
    assert "malformed" in city.alarms()


@pytest.mark.parametrize("topic", ["", "yiping/v1", "yiping/v1/C01/terminal/T/event/x", "other/C01/terminal/T/event",
                                   "yiping/v1/C01/agent/T/event", "yiping/v1//terminal/T/event"])  # fmt: skip
def test_topic_foreign_is_left_alone(city, terminal, topic):
    assert city.take(Raw(topic, message(terminal, terminal.boots()).payload)) == []
    assert city.records() == []


def test_batch_failing_stores_and_receipts_nothing(city, terminal, monkeypatch):
    import sqlite3

    def fail(*_args):
        raise sqlite3.OperationalError("database or disk is full")

    events = [message(terminal, terminal.marks()) for _ in range(3)]
    put, calls = city.store.outbox.put, []
    monkeypatch.setattr(
        city.store.outbox, "put", lambda record: calls.append(1) or (fail() if len(calls) == 2 else put(record))
    )
    with pytest.raises(StoreError):
        city.take(*events)
    monkeypatch.undo()
    assert city.records() == []
    assert city.gaps(terminal) == []
    assert city.statuses(*events) == [("stored", None)] * 3


def test_store_reopened_continues(city, terminal, tmp_path):
    from host_agent.receiver.intake import Intake
    from host_agent.receiver.store import Store

    events = [message(terminal, terminal.marks()) for _ in range(4)]
    city.take(events[0], events[2])
    city.store.close()
    city.store = Store(tmp_path / "data")
    city.intake = Intake(city.store, city.registry, "yiping/v1", lambda: NOW_MS)
    assert city.statuses(*events) == [("duplicate", None), ("stored", None), ("duplicate", None), ("stored", None)]
    assert {record["chain"] for record in city.latest().values()} == {"ok"}
    assert evidence.prev_hash(terminal.events[-1]) == terminal.prev
