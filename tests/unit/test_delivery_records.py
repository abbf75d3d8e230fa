"""Records of services beside ratings: whatever the city does not take of them, no rating waits for it."""

import pytest

from host_agent import delivery as rule
from host_agent.backlog import RECORDS_FIRST_MS
from tests.unit.test_agent_delivery import Rows, entries, make, publish, receipt
from tests.unit.test_store import event

RECORDS = "~0123456789abcdef"


def record(number):
    return event(number)._replace(terminal=RECORDS, epoch=0)


def mixed():
    """Return a delivery with a record of a service before and between ratings, and what the store holds."""
    rows = Rows()
    rows.rows = {1: record(1), 2: event(2), 3: record(3), 4: event(4)}
    delivery = make(rows)
    delivery.backlog.add(rows.rows.values())
    delivery.connected(0)
    return delivery


@pytest.mark.parametrize("code", [rule.PUBACK_NO_SUBSCRIBER, 0x87])
def test_delivery_ratings_flow_where_nobody_takes_records_of_services(code):
    delivery = mixed()
    for entry in entries(delivery, 0):
        delivery.acked(entry, code if entry.row.terminal == RECORDS else 0, 1)
    assert delivery.state == rule.FLOWING
    assert delivery.backlog.records_wait and delivery.backlog.postponed == []
    assert [receipt(delivery, number, 2)[0] for number in (2, 4)] == ["settled", "settled"]
    delivery.backlog.add([event(5)])
    assert publish(delivery, 3) == [5]


def test_delivery_records_that_wait_are_tried_one_by_one_and_all_go_once_one_is_taken():
    delivery = mixed()
    for entry in entries(delivery, 0):
        delivery.acked(entry, rule.PUBACK_NO_SUBSCRIBER if entry.row.terminal == RECORDS else 0, 1)
    for number in (2, 4):
        receipt(delivery, number, 2)
    delivery.tick(RECORDS_FIRST_MS - 1)
    assert publish(delivery, RECORDS_FIRST_MS - 1) == []
    delivery.tick(RECORDS_FIRST_MS + 1)
    (tried,) = entries(delivery, RECORDS_FIRST_MS + 1)
    delivery.acked(tried, 0, RECORDS_FIRST_MS + 2)
    assert delivery.receipt(tried.ce_id, "stored", "", RECORDS_FIRST_MS + 3)[0] == "settled"
    assert len(entries(delivery, RECORDS_FIRST_MS + 4)) == 1
    assert not delivery.backlog.records_wait


def test_delivery_records_without_receipt_never_hold_a_rating_up():
    delivery = make()
    delivery.backlog.add([record(1)])
    delivery.connected(0)
    for now_ms in range(0, 4 * rule.NO_RECEIPT_MS, rule.TICK_MS):
        delivery.tick(now_ms)
        for entry in entries(delivery, now_ms):
            delivery.acked(entry, 0, now_ms)
        assert delivery.state == rule.FLOWING
    delivery.backlog.add([event(2)])
    assert 2 in publish(delivery, 4 * rule.NO_RECEIPT_MS)


def test_delivery_hold_of_the_citys_silence_ends_with_a_rating_though_records_are_older():
    delivery = mixed()
    now_ms = 0
    while delivery.state != rule.NO_RECEIPTS:
        now_ms += rule.TICK_MS
        delivery.tick(now_ms)
        for entry in entries(delivery, now_ms):
            delivery.acked(entry, 0, now_ms)
    for _ in range(40):
        now_ms += rule.TICK_MS
        delivery.tick(now_ms)
        for entry in entries(delivery, now_ms):
            delivery.acked(entry, 0, now_ms)
            assert entry.row.terminal != RECORDS
    assert receipt(delivery, 2, now_ms)[0] == "settled"
    assert delivery.state == rule.FLOWING
