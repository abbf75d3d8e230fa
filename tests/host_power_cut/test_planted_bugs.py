"""The harness can fail: each of these bugs, planted into the stores, is found, with an id that repeats it."""

import contextlib
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator

import pytest

from host_agent import store as agent_store
from host_agent.legacy.store import RaterStore
from host_agent.receiver import store as city_store
from host_agent.receiver.intake import Intake
from host_agent.rollout import store as rollout_store
from host_agent.rollout.store import RolloutStore
from host_agent.store import Store
from host_agent.writer import Writer
from protocol import codes, evidence
from tests.host_power_cut import vfs
from tests.host_power_cut.cutting import Cut, cut_everywhere, judge, one_case
from tests.host_power_cut.images import ALL, NONE
from tests.host_power_cut.promise import Broken

Patch = pytest.MonkeyPatch
AGENT, CITY, RATER, ROLLOUT = "agent-first", "city-first", "rater-first", "rollout-first"


def pragma(patch: Patch, text: str) -> None:
    real = agent_store.connect

    def connect(path) -> sqlite3.Connection:
        conn = real(path)
        conn.execute(f"PRAGMA {text}").fetchall()
        return conn

    patch.setattr(agent_store, "connect", connect)
    patch.setattr(city_store, "connect", connect)
    patch.setattr(rollout_store, "connect", connect)


def log_is_synced_only_when_it_is_folded_in(patch: Patch) -> None:
    pragma(patch, "synchronous = NORMAL")


def nothing_is_synced(patch: Patch) -> None:
    pragma(patch, "synchronous = OFF")


def there_is_no_journal(patch: Patch) -> None:
    pragma(patch, "journal_mode = OFF")


def folder_is_never_synced(patch: Patch) -> None:
    """What the library does for the names of its files is needed, and seen."""
    real = vfs.Recording.note

    def note(self, what, *rest) -> None:
        if what != vfs.SYNC_FOLDER:
            real(self, what, *rest)

    patch.setattr(vfs.Recording, "note", note)


def layout_is_made_statement_by_statement(patch: Patch) -> None:
    """A first start that was interrupted stops the second one."""
    for migrations in (agent_store.migrations, city_store.migrations, rollout_store.migrations):
        for migration in migrations._migrations:
            patch.setattr(migration, "transactional", False)


def events_are_acknowledged_before_the_commit(patch: Patch) -> None:
    real = Writer._commit

    def commit(self, batch) -> tuple:
        dones, batch.event_done = batch.event_done, []
        told = threading.Event()
        self._loop.call_soon_threadsafe(lambda: ([done(None, {}) for done in dones], told.set()))
        assert told.wait(60)
        return real(self, batch)

    patch.setattr(Writer, "_commit", commit)


def invite_is_sent_before_the_commit(patch: Patch) -> None:
    real = Writer.write

    async def write(self, *changes) -> None:
        if "INTO invites" in changes[0][0]:
            self.note(*changes)
        else:
            await real(self, *changes)

    patch.setattr(Writer, "write", write)


def highest_number_has_a_commit_of_its_own(patch: Patch) -> None:
    real, upsert = Store.commit, agent_store._UPSERT_TERMINALS

    def commit(self, batch, settled_utc_ms) -> None:
        real(self, batch, settled_utc_ms)
        with self._db.atomic():
            rows = [(*key, seq) for key, seq in agent_store._highest(batch.events).items()]
            self._conn.execute(upsert, (json.dumps(rows),))

    patch.setattr(agent_store, "_UPSERT_TERMINALS", "SELECT ?")
    patch.setattr(Store, "commit", commit)


def outcome_has_a_commit_of_its_own(patch: Patch) -> None:
    real, end_invites = Store.commit, Store._end_invites

    def commit(self, batch, settled_utc_ms) -> None:
        real(self, batch, settled_utc_ms)
        if batch.events:
            with self._db.atomic():
                batch.preimages = end_invites(self, batch.events)

    patch.setattr(Store, "_end_invites", lambda *_: {})
    patch.setattr(Store, "commit", commit)


def receipt_settles_all_that_waits(patch: Patch) -> None:
    patch.setattr(agent_store, "_SETTLE", agent_store._SETTLE.replace("state = 0 AND id IN", "state = 0 OR id IN"))


def purge_takes_what_has_no_receipt(patch: Patch) -> None:
    real = Store.purge

    def purge(self, before_utc_ms) -> int:
        with self._db.atomic():
            self._conn.execute("DELETE FROM events WHERE stored_utc_ms < ?", (before_utc_ms,))
        return real(self, before_utc_ms)

    patch.setattr(Store, "purge", purge)


def receipts_go_before_the_commit(patch: Patch) -> None:
    """Each transaction is left open; the next one, or the end, commits it."""
    begin, close = city_store.Store.batch, city_store.Store.close
    late: list[contextlib.AbstractContextManager] = []

    def settle() -> None:
        while late:
            late.pop().__exit__(None, None, None)

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        settle()
        transaction = begin(self)
        transaction.__enter__()
        late.append(transaction)
        yield

    patch.setattr(city_store.Store, "batch", batch)
    patch.setattr(city_store.Store, "close", lambda self: (settle(), close(self)))


def records_are_queued_after_the_commit(patch: Patch) -> None:
    take, late = Intake.take, []

    def late_take(self, batch) -> list:
        receipts = take(self, batch)
        with self._store.batch():
            while late:
                self._store.outbox.put(late.pop(0))
        return receipts

    patch.setattr(Intake, "take", late_take)
    patch.setattr(Intake, "_put_out", lambda self, record: late.append(json.dumps(record)))


def number_of_the_start_is_not_synced(patch: Patch) -> None:
    """It is durable only with the first event after it: a nonce may come again."""

    def begin_boot(self, at_least) -> int:
        return self._conn.execute("SELECT boot FROM about").fetchone()[0] + 1

    real = RaterStore.append

    def append(self, events) -> None:
        real(self, events)
        self._conn.execute("UPDATE about SET boot = boot + 1 WHERE boot < ?", (evidence.parse(events[0][3]).boot,))

    patch.setattr(RaterStore, "begin_boot", begin_boot)
    patch.setattr(RaterStore, "append", append)


def invite_ends_in_a_commit_of_its_own(patch: Patch) -> None:
    real = RaterStore.append

    def append(self, events) -> None:
        real(self, [(seq, codes.MARK, invite, event) for seq, _, invite, event in events])
        for _, kind, invite, _ in events:
            if kind in codes.OUTCOMES:
                self._conn.execute("UPDATE invites SET ended = 1 WHERE invite = ?", (invite,))

    patch.setattr(RaterStore, "append", append)


def word_is_given_before_the_commit(patch: Patch) -> None:
    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        if self._conn.in_transaction:
            self._conn.execute("COMMIT")
        self._conn.execute("BEGIN IMMEDIATE")
        yield

    patch.setattr(RolloutStore, "change", change)


def members_have_a_commit_of_their_own(patch: Patch) -> None:
    put_all = RolloutStore.put

    def put(self, rollout) -> None:
        members, rollout.members = rollout.members, {}
        put_all(self, rollout)
        rollout.members = members
        self._conn.execute("COMMIT")
        self._conn.execute("BEGIN IMMEDIATE")
        put_all(self, rollout)

    patch.setattr(RolloutStore, "put", put)


def synced(_operations: int) -> tuple[str, ...]:
    """Leave only what was synced."""
    return (NONE,)


def killed(operations: int) -> tuple[str, ...]:
    """Leave all that was written; a gap between two commits is at least two operations long."""
    return () if operations % 2 else (ALL,)


BUGS = {
    log_is_synced_only_when_it_is_folded_in: (synced, AGENT, CITY, RATER, ROLLOUT),
    nothing_is_synced: (synced, AGENT, CITY),
    folder_is_never_synced: (synced, AGENT, CITY),
    there_is_no_journal: (killed, AGENT),
    layout_is_made_statement_by_statement: (killed, AGENT, CITY, ROLLOUT),
    events_are_acknowledged_before_the_commit: (killed, AGENT),
    invite_is_sent_before_the_commit: (killed, AGENT),
    highest_number_has_a_commit_of_its_own: (killed, AGENT),
    outcome_has_a_commit_of_its_own: (killed, AGENT),
    receipt_settles_all_that_waits: (killed, AGENT),
    purge_takes_what_has_no_receipt: (killed, AGENT),
    receipts_go_before_the_commit: (killed, CITY),
    records_are_queued_after_the_commit: (killed, CITY),
    number_of_the_start_is_not_synced: (killed, RATER),
    invite_ends_in_a_commit_of_its_own: (killed, RATER),
    word_is_given_before_the_commit: (killed, ROLLOUT),
    members_have_a_commit_of_their_own: (killed, ROLLOUT),
}


QUICK = (
    (log_is_synced_only_when_it_is_folded_in, AGENT),
    (log_is_synced_only_when_it_is_folded_in, CITY),
    (nothing_is_synced, AGENT),
    (folder_is_never_synced, AGENT),
    (layout_is_made_statement_by_statement, AGENT),
    (events_are_acknowledged_before_the_commit, AGENT),
    (receipts_go_before_the_commit, CITY),
    (number_of_the_start_is_not_synced, RATER),
    (word_is_given_before_the_commit, ROLLOUT),
)
CASES = [(bug, run) for bug, (_, *runs) in BUGS.items() for run in runs]


@pytest.mark.parametrize(
    ("bug", "run"), [pytest.param(*case, marks=[] if case in QUICK else [pytest.mark.slow]) for case in CASES]
)
def test_planted_bug_is_found_and_its_id_repeats_it(bug: Callable[[Patch], None], run: str, monkeypatch: Patch) -> None:
    bug(monkeypatch)
    with pytest.raises(Broken) as caught:
        cut_everywhere(run, 1, BUGS[bug][0])
    print(caught.value)
    found = re.search(r"replay (\S+)$", str(caught.value))
    assert found, caught.value
    with pytest.raises(Exception) as again:  # noqa: PT011 - whatever broke, it breaks again
        judge(one_case(Cut.parse(found[1])))
    assert without_folder(repr(again.value)) in without_folder(str(caught.value))


def without_folder(text: str) -> str:
    return re.sub(r"[^ (]*/(?=\w+\.db)", "", text)
