"""The store: what commit returned for is there after a crash, and what it raised for is not there at all."""

import sqlite3

import pytest

from host_agent.errors import StoreFaultError, StoreFullError, UserError
from host_agent.store import Store
from host_agent.store_changes import insert_invite, put_window, set_invite_state, shelve
from host_agent.store_rows import Batch, EventRow, InviteRow, WindowRow
from host_agent.store_space import Reserve
from protocol import rating

NOW = 1_790_000_000_000


def event(event_id, seq=None, terminal="YP-0001", epoch=1, copy=1, invite=None, size=180):
    return EventRow(
        event_id,
        terminal,
        epoch,
        event_id if seq is None else seq,
        copy,
        "W01",
        1,
        invite,
        bytes([event_id % 256]) * size,
        NOW,
        5,
        -3,
        None,
    )


def batch(events=(), receipted=(), changes=()):
    made = Batch()
    made.events, made.receipted, made.changes = list(events), list(receipted), list(changes)
    return made


def invite_row(number=1, window="W01", key=None, created=NOW, state="pending"):
    return InviteRow(
        bytes([number]) * 16, window, "YP-0001", key, "007", "P1", "2", 1, created, 0, b"preimage", state, None
    )


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path, Reserve(tmp_path / "reserve.bin", 256 * 1024, 64 * 1024))
    yield opened
    opened.close()


def test_store_commit_is_durable_by_wal_and_full_sync(store):
    conn = store._conn
    assert conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert conn.execute("PRAGMA synchronous").fetchone()[0] == 2


@pytest.mark.parametrize("count", [1, 3, 64, 65, 341, 1000])
def test_store_any_number_of_events_is_read_back_whole_and_in_order(store, count):
    rows = [event(number) for number in range(1, count + 1)]
    store.commit(batch(rows), NOW)
    assert store.waiting(0, count, 10_000) == rows
    assert store.counts() == {
        "waiting": count,
        "refused": 0,
        "rows": count,
        "stored_total": count,
        "receipted_total": 0,
    }
    assert store.highest("YP-0001") == (1, count)


def test_store_events_survive_a_reopen(tmp_path):
    store = Store(tmp_path)
    store.commit(batch([event(1), event(2)]), NOW)
    store.close()
    again = Store(tmp_path)
    assert [row.id for row in again.waiting(0, 99, 99)] == [1, 2]
    assert again.last_event_id() == 2
    again.close()


def test_store_receipt_settles_once_and_is_counted_once(store):
    store.commit(batch([event(1), event(2), event(3)]), NOW)
    store.commit(batch(receipted=[1, 3]), NOW)
    store.commit(batch(receipted=[1]), NOW)
    assert [row.id for row in store.waiting(0, 9, 9)] == [2]
    assert store.counts()["receipted_total"] == 2


def test_store_refused_event_stays_on_the_shelf_with_its_code(store):
    store.commit(batch([event(1)]), NOW)
    store.commit(batch(changes=[shelve(1, "bad_signature", NOW)]), NOW)
    store.purge(NOW + 10**12)
    assert store.refused(9) == [("YP-0001", 1, 1, 1, "bad_signature")]
    assert store.counts()["waiting"] == 0


def test_store_failed_commit_leaves_nothing_of_the_batch(store):
    store.commit(batch([event(1)]), NOW)
    with pytest.raises(StoreFaultError):
        store.commit(batch([event(2), event(3, seq=1)]), NOW)
    assert [row.id for row in store.waiting(0, 9, 9)] == [1]
    assert store.counts()["stored_total"] == 1


def test_store_other_bytes_under_one_identity_are_both_kept(store):
    first, second = event(1), event(2, seq=1, copy=2)
    store.commit(batch([first]), NOW)
    store.commit(batch([second]), NOW)
    assert store.copies("YP-0001", 1, 1) == [first.evidence, second.evidence]


def test_store_highest_keeps_the_newest_epoch_and_never_falls(store):
    store.commit(batch([event(1, seq=9), event(2, seq=4)]), NOW)
    assert store.highest("YP-0001") == (1, 9)
    store.commit(batch([event(3, seq=1, epoch=2), event(4, seq=10, epoch=1)]), NOW)
    assert store.highest("YP-0001") == (2, 1)
    assert store.highest("YP-0002") == (0, 0)


def test_store_purge_takes_only_old_receipted_events_and_keeps_the_highest(store):
    store.commit(batch([event(1), event(2), event(3)]), NOW)
    store.commit(batch(receipted=[1, 2]), NOW)
    assert store.purge(NOW) == 0
    assert store.purge(NOW + 1) == 2
    assert [row.id for row in store.waiting(0, 9, 9)] == [3]
    assert store.highest("YP-0001") == (1, 3)
    assert store.counts()["receipted_total"] == 2


def test_store_invite_is_found_by_id_and_by_client_key(store):
    store.commit(
        batch(changes=[insert_invite(invite_row(1, key="K1")), insert_invite(invite_row(2, created=NOW + 1))]), NOW
    )
    assert store.invite(bytes([1]) * 16).client_key == "K1"
    assert store.invite_by_key("W01", "K1").invite == bytes([1]) * 16
    assert [row.invite[0] for row in store.recent_invites("W01", 9)] == [1, 2]
    assert store.invite(bytes(16)) is None


def test_store_invite_moves_to_one_outcome_only(store):
    row = invite_row(1)
    store.commit(batch(changes=[insert_invite(row)]), NOW)
    store.commit(batch(changes=[set_invite_state(row.invite, "rated", None, ("pending", "open"))]), NOW)
    store.commit(batch(changes=[set_invite_state(row.invite, "cancelled", None, ("pending", "open"))]), NOW)
    assert store.invite(row.invite).state == "rated"


def test_store_event_of_an_invite_comes_with_its_preimage(store):
    row = invite_row(1)
    store.commit(batch(changes=[insert_invite(row)]), NOW)
    store.commit(batch([event(1, invite=row.invite), event(2, invite=bytes(16))]), NOW)
    assert [found.preimage for found in store.waiting(0, 9, 9)] == [b"preimage", None]


def test_store_commit_of_events_notes_the_first_outcome_and_gives_the_preimage_of_an_invite(store):
    row = invite_row(1)
    store.commit(batch(changes=[insert_invite(row)]), NOW)
    mark, first, second, foreign = (
        event(number, invite=invite)._replace(kind=kind)
        for number, invite, kind in (
            (1, None, rating.MARK),
            (2, row.invite, rating.RATED),
            (3, row.invite, rating.CANCELLED),
            (4, bytes(16), rating.RATED),
        )
    )
    events = batch([mark, first, second, foreign])
    store.commit(events, NOW)
    assert events.preimages == {row.invite: b"preimage"}
    assert store.invite(row.invite).state == "rated"


def test_store_window_is_remembered(store):
    assert store.window("W01") == WindowRow("W01", None, 0)
    store.commit(batch(changes=[put_window(WindowRow("W01", '{"number":"7"}', 1))]), NOW)
    assert store.window("W01") == WindowRow("W01", '{"number":"7"}', 1)


def test_store_full_commit_raises_full_and_goes_on_when_there_is_room(store):
    pages = store._conn.execute("PRAGMA page_count").fetchone()[0]
    store._conn.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFullError):
        store.commit(batch([event(number, size=400) for number in range(1, 200)]), NOW)
    assert store.counts()["rows"] == 0
    store._conn.execute("PRAGMA max_page_count = 1000000")
    store.commit(batch([event(1)]), NOW)
    assert store.counts()["rows"] == 1


def test_store_read_only_database_is_a_fault_and_not_full(store):
    store._conn.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreFaultError, match="readonly"):
        store.probe()


def test_store_reserve_is_laid_down_given_back_and_refused_without_room(tmp_path):
    reserve = Reserve(tmp_path / "r", 1 << 20, 0)
    assert reserve.lay_down() and reserve.held and (tmp_path / "r").stat().st_size == 1 << 20
    reserve.give_back()
    assert not reserve.held
    assert not Reserve(tmp_path / "r", 1 << 20, 1 << 62).lay_down()


def test_store_folder_that_cannot_be_used_is_told_in_one_line(tmp_path):
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(UserError, match="cannot open the store"):
        Store(tmp_path / "data")


def test_store_file_of_something_else_is_told_in_one_line(tmp_path):
    (tmp_path / "agent.db").write_bytes(b"not a database, certainly not, " * 100)
    with pytest.raises(UserError, match="not a database"):
        Store(tmp_path)


def test_store_reader_cannot_write(store):
    with pytest.raises(sqlite3.OperationalError):
        store._read.execute("DELETE FROM events")


def test_store_file_taken_away_is_a_fault_and_nothing_of_the_batch_counts(tmp_path):
    folder, away = tmp_path / "data", tmp_path / "away"
    store = Store(folder, Reserve(folder / "reserve.bin", 1024, 0))
    store.commit(batch([event(1)]), NOW)
    folder.rename(away)
    for work in (lambda: store.commit(batch([event(2)]), NOW), store.probe, store.require_file):
        with pytest.raises(StoreFaultError, match="its file is gone"):
            work()
    folder.mkdir()
    (folder / "agent.db").write_bytes(b"")
    with pytest.raises(StoreFaultError, match="its file was replaced"):
        store.commit(batch([event(2)]), NOW)
    (folder / "agent.db").unlink()
    folder.rmdir()
    away.rename(folder)
    store.commit(batch([event(2)]), NOW)
    assert [row.id for row in store.waiting(0, 9, 9)] == [1, 2]
    store.close()


def test_store_reserve_that_cannot_be_written_for_another_reason_than_room_is_a_fault(tmp_path):
    (tmp_path / "r").mkdir()
    with pytest.raises(StoreFaultError, match="directory"):
        Reserve(tmp_path / "r", 1 << 20, 0).lay_down()
