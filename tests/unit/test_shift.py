"""A clerk's shift ends with the local day, or when nothing was ordered for long; the counts of the day begin anew."""

import time
from pathlib import Path

import pytest

from host_agent.day_counts import DayCounts
from host_agent.shift import Shift
from host_agent.store import Store
from host_agent.store_changes import insert_invite
from host_agent.store_rows import Batch, InviteRow

HOUR_MS = 3_600_000


class NotingWriter:
    """Commit notes at once, or lose them as a power cut does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.loses = False
        self.notes = 0

    def note(self, *changes: tuple) -> None:
        self.notes += len(changes)
        if not self.loses:
            commit(self.store, *changes)


def commit(store: Store, *changes: tuple) -> None:
    batch = Batch()
    batch.changes += changes
    store.commit(batch, 0)


class Desk:
    """Hold a window's shift at a wall clock that the test sets; local time is this machine's."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.writer = NotingWriter(self.store)
        self.now_ms = local_ms(2026, 3, 2, 8)
        self.shift = self.read_back()

    def read_back(self, idle_ms: int = 12 * HOUR_MS) -> Shift:
        return Shift("W01", idle_ms, self.store, self.writer, lambda: self.now_ms)


def local_ms(year: int, month: int, day: int, hour: int) -> int:
    return int(time.mktime((year, month, day, hour, 0, 0, 0, 0, -1)) * 1000)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_shift_begins_with_a_login_and_outlives_a_restart_of_the_agent(desk: Desk) -> None:
    assert desk.shift.over, "nobody has ever logged in"
    desk.shift.begin()
    desk.now_ms += 4 * HOUR_MS
    assert not desk.shift.over and not desk.read_back().over


def test_shift_ends_with_the_local_day_however_busy_the_window_is(desk: Desk) -> None:
    desk.shift.begin()
    for hour in range(8, 24):
        desk.now_ms = local_ms(2026, 3, 2, hour)
        desk.shift.use()
        assert not desk.shift.over, hour
    desk.now_ms = local_ms(2026, 3, 3, 0)
    assert desk.shift.over
    desk.shift.use()
    assert desk.shift.over and desk.read_back().over, "an order of counter software does not say who sits there"
    desk.shift.begin()
    assert not desk.shift.over and not desk.read_back().over


def test_shift_ends_when_nothing_was_ordered_for_the_configured_time(desk: Desk) -> None:
    shift = desk.read_back(idle_ms=2 * HOUR_MS)
    shift.begin()
    desk.now_ms += 2 * HOUR_MS
    assert not shift.over
    shift.use()
    desk.now_ms += 2 * HOUR_MS
    assert not shift.over
    desk.now_ms += 1
    assert shift.over


def test_shift_is_asked_again_when_the_clock_goes_back_or_the_note_is_lost(desk: Desk) -> None:
    desk.shift.begin()
    desk.now_ms -= HOUR_MS
    assert desk.shift.over
    desk.writer.loses = True
    desk.now_ms += 24 * HOUR_MS
    desk.shift.begin()
    assert not desk.shift.over and desk.read_back().over


def test_shift_notes_orders_now_and_then_only(desk: Desk) -> None:
    desk.shift.begin()
    for _ in range(100):
        desk.now_ms += 1_000
        desk.shift.use()
    assert desk.writer.notes == 1
    desk.now_ms += 300_000
    desk.shift.use()
    assert desk.writer.notes == 2


def test_counts_of_the_day_hold_what_the_terminal_took_since_midnight_by_outcome(desk: Desk) -> None:
    counts = DayCounts("W01", desk.store, lambda: desk.now_ms)
    yesterday, today = local_ms(2026, 3, 1, 23), local_ms(2026, 3, 2, 0)
    states = ["rated", "rated", "timed_out", "declined", "cancelled", "interrupted", "open", "refused", "pending"]
    rows = [("W01", today, state) for state in states] + [("W01", yesterday, "rated"), ("W02", today, "rated")]
    for number, (window, made_ms, state) in enumerate(rows):
        row = InviteRow(bytes([number]) * 16, window, "T", None, "7", None, None, 2, made_ms, 0, b"", state, None)
        commit(desk.store, insert_invite(row))
    services = {"services": 0, "services_without_invite": 0}
    expected = services | {"invited": 7, "rated": 2, "timed_out": 1, "declined": 1, "cancelled": 1, "interrupted": 1}
    assert counts.counts() == expected
    desk.now_ms = local_ms(2026, 3, 3, 1)
    assert set(counts.counts().values()) == {0}
