"""Clerks in the store: kept, found again, and after a removal gone from every file."""

import os
import random
import shutil
import stat

import pytest

from host_agent import store_staff
from host_agent.content.staff import Clerk, Staff
from host_agent.store import Store
from host_agent.store_changes import insert_invite, put_window
from host_agent.store_rows import Batch, InviteRow, WindowRow
from host_agent.store_space import Reserve

NOW = 1_790_000_000_000
SEED = 20261


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path, Reserve(tmp_path / "reserve.bin", 256 * 1024, 64 * 1024))
    yield opened
    opened.close()


def write(store, changes, forget=False):
    batch = Batch()
    batch.changes, batch.forgets = list(changes), forget
    store.commit(batch, NOW)


def made(number, rng, size=19_113):
    return Staff(Clerk(number, f"姓名{number}的人", f"岗位{number}", 5), {"k5": rng.randbytes(size)})


def files(store):
    return b"".join(path.read_bytes() for path in sorted(store.path.parent.glob("agent.db*")))


def traces(staff):
    card = staff.cards["k5"]
    pieces = [card[start : start + 32] for start in range(0, len(card) - 32, 512)]
    return [staff.clerk.name.encode(), staff.clerk.post.encode(), *pieces]


def test_staff_is_found_as_it_was_put(store):
    staff = made("007", random.Random(SEED))
    write(store, store_staff.put(staff))
    assert store_staff.clerk(store, "007") == staff.clerk and store_staff.clerks(store) == [staff.clerk]
    assert store_staff.card(store, "007", "k5") == staff.cards["k5"]
    assert store_staff.clerk(store, "008") is None and store_staff.card(store, "007", "t35") is None
    write(store, store_staff.put(Staff(Clerk("007", "王五"))))
    assert store_staff.clerk(store, "007") == Clerk("007", "王五") and store_staff.hashes(store) == {}


def test_staff_removed_leaves_no_byte_in_any_file(store):
    rng = random.Random(SEED)
    store._conn.execute("PRAGMA synchronous = 0")
    people = [made(f"{number:04d}", rng) for number in rng.sample(range(10_000), 60)]
    for staff in people:
        write(store, store_staff.put(staff))
    for staff in people[::3]:  # changed once, as the next import does
        write(store, store_staff.put(Staff(staff.clerk, {"k5": rng.randbytes(9_000)})), forget=True)
    rng.shuffle(people)
    gone, kept = people[:35], people[35:]
    for staff in gone:
        write(store, store_staff.remove([staff.clerk.number], ["YP-0001"]), forget=True)
    held = files(store)
    assert not [staff.clerk.number for staff in gone if any(trace in held for trace in traces(staff))], SEED
    assert all(staff.clerk.name.encode() in held for staff in kept)
    assert not store.log_remembers


def test_staff_removed_after_rows_moved_between_pages_leaves_no_copy_behind(store):
    """Without writing the tables anew this very sequence leaves a name in a page that SQLite had split."""
    rng = random.Random(2)
    store._conn.execute("PRAGMA synchronous = 0")
    live = {}
    for _ in range(330):
        if live and rng.random() < 0.4:
            clerk = live.pop(rng.choice(sorted(live)))
            write(store, store_staff.remove([clerk.number], []), forget=True)
            held = files(store)
            assert clerk.name.encode() not in held and clerk.post.encode() not in held, clerk.number
            continue
        number = f"{rng.randrange(100_000):05d}"
        if number not in live:
            name, post = number + "名" * rng.randrange(1, 20) + number, number + "x" * rng.randrange(1, 90) + number
            live[number] = Clerk(number, name, post, 5)
            write(store, store_staff.put(Staff(live[number])))
            told = f'{{"number":"{number}","name":"{name}","post":"{post}"}}'
            write(store, [put_window(WindowRow(f"W{rng.randrange(64):02d}", told, 0))])


def test_staff_removed_while_somebody_reads_is_wiped_from_the_log_later(store):
    staff = made("007", random.Random(SEED))
    write(store, store_staff.put(staff))
    store._conn.execute("PRAGMA busy_timeout = 50")
    reader = store._read
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM staff").fetchall()
    write(store, store_staff.remove(["007"], []), forget=True)
    assert store.log_remembers and traces(staff)[0] in files(store)
    reader.execute("COMMIT")
    store.purge(0)
    assert not store.log_remembers and not any(trace in files(store) for trace in traces(staff))


def test_staff_removed_before_a_power_cut_is_wiped_from_the_log_at_the_next_start(store, tmp_path):
    staff = made("007", random.Random(SEED))
    write(store, store_staff.put(staff))
    write(store, store_staff.remove(["007"], []))  # durable, and the power goes before the log is emptied
    after = tmp_path / "after"
    after.mkdir()
    for path in store.path.parent.glob("agent.db*"):
        shutil.copy(path, after / path.name)
    assert any(trace in (after / "agent.db-wal").read_bytes() for trace in traces(staff))
    started = Store(after, Reserve(after / "reserve.bin", 256 * 1024, 64 * 1024))
    try:
        assert store_staff.clerks(started) == [] and not started.log_remembers
        assert not any(trace in files(started) for trace in traces(staff))
    finally:
        started.close()


def test_staff_removed_is_forgotten_at_the_window_where_it_is_logged_in(store):
    write(store, [put_window(WindowRow("W01", '{"number": "007", "name": "张晓敏"}', 0))])
    write(store, [put_window(WindowRow("W02", '{"number": "008", "name": "李四"}', 0))])
    write(store, store_staff.remove(["007"], ["YP-0001"]), forget=True)
    assert store.window("W01").clerk == '{"number": "007"}' and "李四" in store.window("W02").clerk
    assert "张晓敏".encode() not in files(store)


def test_removals_wait_for_each_terminal(store):
    write(store, store_staff.remove(["007"], ["YP-0001", "YP-0002"]), forget=True)
    write(store, store_staff.remove(["008"], ["YP-0001"]), forget=True)
    assert store_staff.removals(store) == {"YP-0001": ["007", "008"], "YP-0002": ["007"]}
    write(store, [store_staff.confirm("YP-0001", "007")])
    assert store_staff.removals(store) == {"YP-0001": ["008"], "YP-0002": ["007"]}
    write(store, store_staff.put(Staff(Clerk("007", "张晓敏"))))  # imported again: no longer to be removed
    assert store_staff.removals(store) == {"YP-0001": ["008"]}
    write(store, [store_staff.forget_terminal("YP-0001")])
    assert store_staff.removals(store) == {}


def test_recent_clerks_are_those_who_invited_last(store):
    clerks = ("1", "2", "1", "3", "2")
    rows = [
        InviteRow(bytes([i]) * 16, "W01", "T", None, clerk, None, None, 1, NOW + i, 0, b"p", "rated", None)
        for i, clerk in enumerate(clerks)
    ]
    write(store, [insert_invite(row) for row in rows])
    assert store_staff.recent_clerks(store, "W01", 8) == ["2", "3", "1"]
    assert store_staff.recent_clerks(store, "W01", 2) == ["2", "3"] and store_staff.recent_clerks(store, "W02", 8) == []


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
def test_store_files_are_this_users_alone(tmp_path):
    (tmp_path / "agent.db").touch(0o644)
    os.chmod(tmp_path / "agent.db", 0o644)
    store = Store(tmp_path)
    try:
        write(store, store_staff.put(Staff(Clerk("007", "张晓敏"))))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("agent.db*")}
        assert len(modes) == 3 and set(modes.values()) == {0o600}, modes
    finally:
        store.close()
