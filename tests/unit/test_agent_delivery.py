"""The delivery rule under a virtual clock: what is published when, and what ends it."""

import random
from hashlib import sha256

import pytest

from host_agent import delivery as rule
from host_agent.backlog import FRESH_LIMIT, PAGE_ROWS, POSTPONE_FIRST_MS, Backlog
from host_agent.delivery import Delivery, event_id, parse_event_id
from tests.unit.test_store import event


class Rows:
    """Stand for the store: rows by id, those without receipt."""

    def __init__(self, count=0):
        self.rows = {number: event(number) for number in range(1, count + 1)}
        self.reads = 0

    def fetch(self, after, up_to, limit):
        self.reads += 1
        return [row for number, row in sorted(self.rows.items()) if after < number <= up_to][:limit]

    def fetch_ids(self, ids):
        return [self.rows[number] for number in sorted(ids) if number in self.rows]


def make(rows=None, city=True, last_id=0):
    rows = rows or Rows()
    return Delivery(Backlog(rows.fetch, rows.fetch_ids, last_id), city, random.Random(7))


def publish(delivery, now_ms):
    return [entry.row.id for entry in delivery.take(now_ms)]


def entries(delivery, now_ms):
    return delivery.take(now_ms)


def receipt(delivery, number, now_ms, status="stored", code=""):
    return delivery.receipt(f"YP-0001-1-{number}", status, code, now_ms)


def test_delivery_nothing_is_published_without_connection():
    delivery = make()
    delivery.backlog.add([event(1)])
    assert publish(delivery, 0) == []
    delivery.connected(0)
    assert publish(delivery, 0) == [1]


def test_delivery_at_most_twenty_await_the_broker_and_the_broker_may_lower_it():
    delivery = make()
    delivery.backlog.add([event(number) for number in range(1, 100)])
    delivery.connected(0)
    first = entries(delivery, 0)
    assert len(first) == rule.WINDOW and entries(delivery, 0) == []
    delivery.acked(first[0], 0, 1)
    assert publish(delivery, 1) == [21]
    small = make()
    small.backlog.add([event(number) for number in range(1, 100)])
    small.connected(0, window=3)
    assert publish(small, 0) == [1, 2, 3]


def test_delivery_puback_is_no_receipt_in_mode_city():
    delivery = make()
    delivery.backlog.add([event(1)])
    delivery.connected(0)
    assert delivery.acked(entries(delivery, 0)[0], 0, 1) is None
    assert (delivery.unreceipted, delivery.reached) == (1, 1)
    assert receipt(delivery, 1, 2)[0] == "settled"
    assert (delivery.unreceipted, delivery.reached) == (0, 0)
    assert receipt(delivery, 1, 3) is None


def test_delivery_puback_settles_in_mode_puback():
    delivery = make(city=False)
    delivery.backlog.add([event(1)])
    delivery.connected(0)
    assert delivery.acked(entries(delivery, 0)[0], 0, 1) == "settled"
    assert delivery.unreceipted == 0


def test_delivery_receipt_before_puback_frees_the_window_once():
    delivery = make()
    delivery.backlog.add([event(number) for number in range(1, 60)])
    delivery.connected(0)
    flying = entries(delivery, 0)
    assert receipt(delivery, 1, 1)[0] == "settled"
    assert entries(delivery, 1) == []
    delivery.acked(flying[0], 0, 2)
    delivery.acked(flying[0], 0, 2)
    assert publish(delivery, 2) == [21]


def test_delivery_at_most_500_await_the_city():
    delivery = make()
    delivery.backlog.add([event(number) for number in range(1, 700)])
    delivery.connected(0)
    published = []
    while new := entries(delivery, 0):
        published += new
        for entry in new:
            delivery.acked(entry, 0, 0)
    assert len(published) == rule.UNRECEIPTED_LIMIT
    receipt(delivery, 1, 5)
    assert publish(delivery, 5) == [501]


@pytest.mark.parametrize("status", ["stored", "duplicate", "conflict"])
def test_delivery_each_status_that_the_city_has_it_settles(status):
    delivery = make()
    delivery.backlog.add([event(1)])
    delivery.connected(0)
    entries(delivery, 0)
    assert receipt(delivery, 1, 1, status)[0] == "settled"


def test_delivery_refused_goes_on_the_shelf_and_unknown_status_changes_nothing():
    delivery = make()
    delivery.backlog.add([event(1)])
    delivery.connected(0)
    entries(delivery, 0)
    assert receipt(delivery, 1, 1, "dunno") is None and delivery.unreceipted == 1
    what, row = receipt(delivery, 1, 1, "refused", "not_canonical")
    assert what == "shelved" and row.id == 1


def test_delivery_reconnect_sends_all_unreceipted_again_oldest_first():
    delivery = make()
    delivery.backlog.add([event(number) for number in range(1, 4)])
    delivery.connected(0)
    for entry in entries(delivery, 0):
        delivery.acked(entry, 0, 0)
    receipt(delivery, 2, 1)
    delivery.disconnected()
    assert publish(delivery, 2) == []
    delivery.connected(3)
    assert publish(delivery, 3) == [1, 3]


def test_delivery_sixty_seconds_without_receipt_only_the_oldest_is_tried_with_growing_pauses():
    delivery = make()
    delivery.backlog.add([event(number) for number in range(1, 31)])
    delivery.connected(0)
    while new := entries(delivery, 0):
        for entry in new:
            delivery.acked(entry, 0, 0)
    delivery.tick(rule.NO_RECEIPT_MS - 1)
    assert delivery.state == rule.FLOWING
    tries = []
    for now_ms in range(rule.NO_RECEIPT_MS, 3_600_000, 500):
        delivery.tick(now_ms)
        for entry in entries(delivery, now_ms):
            tries.append((now_ms, entry.row.id))
            delivery.acked(entry, 0, now_ms)
    assert delivery.state == rule.NO_RECEIPTS
    assert {number for _, number in tries} == {1}
    pauses = [b - a for (a, _), (b, _) in zip(tries, tries[1:], strict=False)]
    assert 5_000 <= pauses[0] <= 13_500 and max(pauses) <= 1.26 * 300_000 and pauses[-1] >= 0.74 * 300_000


def test_delivery_a_receipt_ends_the_hold_and_the_others_are_sent_again():
    delivery = make()
    delivery.backlog.add([event(number) for number in range(1, 4)])
    delivery.connected(0)
    for entry in entries(delivery, 0):
        delivery.acked(entry, 0, 0)
    delivery.tick(rule.NO_RECEIPT_MS)
    assert delivery.state == rule.NO_RECEIPTS
    receipt(delivery, 1, rule.NO_RECEIPT_MS + 1)
    assert delivery.state == rule.FLOWING
    assert publish(delivery, rule.NO_RECEIPT_MS + 1) == [2, 3]


def test_delivery_one_event_that_was_lost_is_sent_again_while_others_flow():
    delivery = make()
    delivery.backlog.add([event(1)])
    delivery.connected(0)
    delivery.acked(entries(delivery, 0)[0], 0, 0)
    again = []
    for now_ms in range(0, 400_000, 500):
        if now_ms % 10_000 == 0:
            number = 2 + now_ms // 10_000
            delivery.backlog.add([event(number)])
            for entry in entries(delivery, now_ms):
                delivery.acked(entry, 0, now_ms)
            receipt(delivery, number, now_ms)
        delivery.tick(now_ms)
        for entry in entries(delivery, now_ms):
            again.append((now_ms, entry.row.id))
            delivery.acked(entry, 0, now_ms)
    assert again == [(10_000, 1), (30_000, 1), (70_000, 1), (150_000, 1), (310_000, 1)]


@pytest.mark.parametrize("city", [True, False])
def test_delivery_no_subscriber_holds_everything_and_one_taker_lets_it_flow(city):
    delivery = make(city=city)
    delivery.backlog.add([event(number) for number in range(1, 50)])
    delivery.connected(0)
    for entry in entries(delivery, 0):
        assert delivery.acked(entry, rule.PUBACK_NO_SUBSCRIBER, 0) is None
    assert delivery.state == rule.NO_SUBSCRIBER and entries(delivery, 100) == []
    probe = entries(delivery, 1_000)
    assert [entry.row.id for entry in probe] == [1]
    delivery.acked(probe[0], rule.PUBACK_NO_SUBSCRIBER, 1_001)
    assert delivery.state == rule.NO_SUBSCRIBER
    probe = entries(delivery, 60_000)
    delivery.acked(probe[0], 0, 60_001)
    assert delivery.state == rule.FLOWING
    assert publish(delivery, 60_002)[:2] == ([2, 3])


def test_delivery_not_authorized_is_no_success():
    delivery = make(city=False)
    delivery.backlog.add([event(1)])
    delivery.connected(0)
    assert delivery.acked(entries(delivery, 0)[0], 0x87, 0) is None
    assert (delivery.state, delivery.refusal, delivery.unreceipted) == (rule.BROKER_REFUSES, 0x87, 1)


def test_delivery_a_message_that_can_never_pass_is_shelved_alone():
    delivery = make()
    delivery.backlog.add([event(1), event(2)])
    delivery.connected(0)
    first, second = entries(delivery, 0)
    assert delivery.acked(first, 0x99, 0) == "shelved"
    assert delivery.acked(second, 0, 0) is None and delivery.state == rule.FLOWING


def test_delivery_unknown_terminal_is_put_aside_tried_slowly_and_flows_when_registered():
    rows = Rows(6)
    for number in (2, 4, 6):
        rows.rows[number] = event(number, terminal="YP-0009")
    delivery = make(rows)
    delivery.connected(0)
    delivery.backlog.add([rows.rows[number] for number in range(1, 7)])
    assert publish(delivery, 0) == [1, 2, 3, 4, 5, 6]
    for number in (2, 4, 6):
        assert delivery.receipt(f"YP-0009-1-{number}", "refused", "unknown_terminal", 10) is None
    for number in (1, 3, 5):
        receipt(delivery, number, 10)
    assert delivery.unreceipted == 0 and delivery.backlog.postponed == ["YP-0009"]
    rows.rows[7] = event(7, terminal="YP-0009")
    delivery.backlog.add([rows.rows[7]])
    delivery.tick(POSTPONE_FIRST_MS)
    assert publish(delivery, POSTPONE_FIRST_MS) == []
    delivery.tick(POSTPONE_FIRST_MS + 10)
    probe = publish(delivery, POSTPONE_FIRST_MS + 10)
    assert len(probe) == 1
    assert delivery.receipt(f"YP-0009-1-{probe[0]}", "stored", "", POSTPONE_FIRST_MS + 20)[0] == "settled"
    assert sorted(probe + publish(delivery, POSTPONE_FIRST_MS + 30)) == [2, 4, 6, 7]
    assert delivery.backlog.postponed == []


def test_backlog_of_any_length_is_read_in_pages_and_new_events_go_between():
    rows = Rows(1_000)
    backlog = Backlog(rows.fetch, rows.fetch_ids, 1_000)
    backlog.add([event(number) for number in range(1_001, 1_011)])
    first = [backlog.next().id for _ in range(20)]
    assert [number for number in first if number > 1_000] == list(range(1_001, 1_011))
    rest = []
    while row := backlog.next():
        rest.append(row.id)
    assert sorted(first + rest) == list(range(1, 1_011))
    assert rows.reads <= 1_000 // PAGE_ROWS + 1


def test_backlog_more_fresh_events_than_memory_holds_are_read_back_from_the_store():
    count = FRESH_LIMIT * 3
    rows = Rows(count)
    backlog = Backlog(rows.fetch, rows.fetch_ids, 0)
    backlog.add([rows.rows[number] for number in range(1, count + 1)])
    found = []
    while row := backlog.next():
        found.append(row.id)
    assert sorted(found) == list(range(1, count + 1))


def test_backlog_row_receipted_before_it_was_handed_out_is_left_out():
    rows = Rows(3)
    backlog = Backlog(rows.fetch, rows.fetch_ids, 3)
    backlog.settled_unseen(2)
    assert [backlog.next().id, backlog.next().id, backlog.next()] == [1, 3, None]


def test_event_id_names_the_copy_and_is_read_back():
    assert event_id(event(7)) == "YP-0001-1-7"
    assert event_id(event(7, copy=2)) == "YP-0001-1-7.2"
    assert parse_event_id("YP-0001-1-7.2") == ("YP-0001", 1, 7, 2)
    assert parse_event_id("YP-0001-1-7") == ("YP-0001", 1, 7, 1)
    too_large = [f"YP-{number}" for digits in (20, 5000) for number in (f"1-{'9' * digits}", f"{'9' * digits}-1")]
    texts = ("", "a-b-c", "1-2", "YP-1-x", "YP-1-2.x", "-", "YP-1-", "\ud800-1-1", f"YP-1-1.{'9' * 20}")
    for wrong in (*texts, *too_large):
        assert parse_event_id(wrong) is None, wrong


@pytest.mark.parametrize("status", ["stored", "refused"])
def test_delivery_receipt_for_other_bytes_settles_nothing(status):
    delivery = make()
    row = event(1)
    delivery.backlog.add([row])
    delivery.connected(0)
    publish(delivery, 0)
    for digest in (sha256(b"other bytes").hexdigest()[:16], ""):
        assert delivery.receipt("YP-0001-1-1", status, "malformed", 1, digest) is None
        assert delivery.knows("YP-0001-1-1")
    own = sha256(row.evidence).hexdigest()[:16]
    assert delivery.receipt("YP-0001-1-1", status, "malformed", 2, own)[1].id == row.id


def test_delivery_receipts_that_fit_nothing_are_no_sign_of_life_and_are_counted():
    delivery = make()
    delivery.backlog.add([event(1), event(2)])
    delivery.connected(0)
    for entry in entries(delivery, 0):
        delivery.acked(entry, 0, 0)
    wrong = [("YP-0001-1-99", "stored", None), ("YP-0001-1-1", "stored", "0" * 16), ("YP-0001-1-1", "fine", None)]
    for now_ms in range(0, rule.NO_RECEIPT_MS + 1, 20_000):
        for ce_id, status, digest in wrong:
            assert delivery.receipt(ce_id, status, "", now_ms, digest) is None
        delivery.tick(now_ms)
    assert (delivery.state, delivery.misfits, delivery.unreceipted) == (rule.NO_RECEIPTS, 12, 2)
    receipt(delivery, 2, rule.NO_RECEIPT_MS + 1)
    assert (delivery.state, delivery.misfits) == (rule.FLOWING, 0)
