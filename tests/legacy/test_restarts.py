"""An old rater's terminal over restarts, and with a store that fails: nothing is lost, nothing counted twice."""

import random
import sqlite3

import pytest

from host_agent import store as agent_store
from host_agent.errors import StoreFaultError, StoreFullError
from host_agent.legacy import store as rater_store
from host_agent.legacy.session import REPEAT_MS
from host_agent.legacy.store import JournalMismatch, RaterStore
from protocol import codes, messages, reasons
from tests.legacy.desk import JOURNAL_ID, TERMINAL, Desk, invite_id
from tests.legacy.test_bus import BEGIN
from tests.legacy.test_terminal import GUARD, rate


def test_invite_open_at_a_restart_ends_as_interrupted_and_is_never_opened_again(desk):
    assert desk.invite(1) == reasons.OK
    desk.stop()
    desk.start()
    desk.pass_time(100)
    assert desk.outcomes() == {1: [(codes.INTERRUPTED, None)]}
    assert desk.opened()[-1][1][14] == reasons.WHY_POWER_CUT
    desk.login()
    assert desk.invite(1) == reasons.INVITE_ENDED
    assert desk.kinds() == [codes.BOOT, codes.BOOT, codes.INTERRUPTED]


@pytest.mark.parametrize("seed", [1, 2])
def test_restarted_again_and_again_loses_and_doubles_nothing(tmp_path, seed):
    rng = random.Random(seed)
    print("seed", seed)
    desk, boots, expected = Desk(tmp_path).start(), [], {}
    for number in range(1, 31):
        desk.login()
        boots.append(desk.boot)
        desk.answers_agent = rng.random() < 0.6
        assert desk.invite(number) == reasons.OK
        if rng.random() < 0.7:
            desk.pass_time(GUARD)
            grade = rng.randrange(4)
            desk.grade(grade)
            expected[number] = (codes.RATED, grade + 1)
        else:
            expected[number] = (codes.INTERRUPTED, None)
        if rng.random() < 0.8 or expected[number][0] == codes.INTERRUPTED:
            desk.stop()
            if rng.random() < 0.3:
                desk.utc_ms -= 400_000_000  # the PC's clock was set back
            desk.start()
        else:
            desk.pass_time(REPEAT_MS + 100)
    desk.answers_agent = True
    desk.connect()
    desk.pass_time(5_000)
    assert desk.outcomes() == {number: [outcome] for number, outcome in expected.items()}
    assert boots == sorted(boots) and {clear.boot for clear, _ in desk.opened()} >= set(boots)
    desk.stop()


def test_last_256_invites_are_known_across_a_restart(desk):
    for number in range(1, 260):
        assert desk.invite(number, 1_000) == reasons.OK
        desk.ask(messages.CANCEL, invite=invite_id(number))
    desk.stop()
    desk.start()
    desk.login()
    assert desk.invite(4) == reasons.INVITE_ENDED and desk.invite(259) == reasons.INVITE_ENDED
    assert desk.invite(3) == reasons.OK


def test_store_that_fails_holds_the_press_and_seals_the_same_bytes_later(desk, monkeypatch):
    assert desk.invite(1) == reasons.OK
    desk.pass_time(GUARD)
    tried = []

    def append(self, events):
        tried.append(events[0][3])
        raise StoreFullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(RaterStore, "append", append)
        desk.sent.clear()
        desk.grade(3)
        desk.pass_time(5_000)
        assert desk.sent == [], "the rater hears no acknowledgement"
        assert desk.states[-1]["state"] == "full" and desk.invite(2) == reasons.FULL
    desk.pass_time(3_000)
    assert desk.outcomes() == {1: [(codes.RATED, 4)]}
    assert len(tried) > 1 and set(tried) == {desk.events[max(desk.events)]}
    rate(desk, 3, 0)
    assert desk.outcomes()[3] == [(codes.RATED, 1)]


def test_invite_that_cannot_be_recorded_is_refused_and_nothing_begins(desk, monkeypatch):
    def put_invite(self, invite, origin):
        raise StoreFaultError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(RaterStore, "put_invite", put_invite)
        assert desk.invite(1) == reasons.NOT_STORED
        desk.pass_time(500)
        assert BEGIN not in desk.sent
    desk.pass_time(3_000)
    rate(desk, 1, 3)
    assert desk.outcomes() == {1: [(codes.RATED, 4)]}


def test_queue_that_is_full_refuses_invites_until_the_agent_takes_its_events(desk, monkeypatch):
    monkeypatch.setattr(rater_store, "CAPACITY", rater_store.ROOM_FOR_INVITE + 2)
    desk.answers_agent = False
    for number in range(1, 3):
        rate(desk, number, 3)
    desk.pass_time(100)
    assert desk.invite(3) == reasons.FULL
    desk.answers_agent = True
    desk.connect()
    desk.pass_time(2_000)
    assert desk.invite(4) == reasons.OK


def test_agent_that_knows_more_than_the_journal_stops_it(desk):
    desk.connect(known_seq=500)
    desk.pass_time(100)
    assert desk.hello["reason"] == reasons.FAULT and desk.states[-1]["state"] == "fault"
    assert desk.invite(1) == reasons.FAULT
    before = dict(desk.events)
    desk.grade(3)
    desk.pass_time(100)
    assert desk.events == before


def test_missing_or_foreign_journal_is_never_begun_anew(tmp_path):
    Desk(tmp_path).start().stop()
    with pytest.raises(JournalMismatch, match="another provisioning"):
        RaterStore(tmp_path, TERMINAL, 1, b"another1", make=True)
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(JournalMismatch, match="gone"):
        RaterStore(tmp_path, TERMINAL, 1, JOURNAL_ID, make=False)


def test_old_events_are_purged_only_when_acknowledged(tmp_path, monkeypatch):
    monkeypatch.setattr(rater_store, "KEPT_EVENTS", 10)
    store = RaterStore(tmp_path, TERMINAL, 1, JOURNAL_ID, make=True)
    for seq in range(1, 200):
        store.append([(seq, codes.MARK, None, bytes((seq,)))])
        if seq != 3:
            store.acknowledge([seq])
    store.close()
    conn = sqlite3.connect(store.path)
    seqs = [row[0] for row in conn.execute("SELECT seq FROM events ORDER BY seq")]
    conn.close()
    assert seqs[0] == 3 and seqs[-1] == 199 and len(seqs) < 100


def test_failed_commit_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    store = RaterStore(tmp_path, TERMINAL, 1, JOURNAL_ID, make=True)
    monkeypatch.setattr(agent_store, "store_error", lambda error: StoreFaultError(str(error)))
    with pytest.raises(StoreFaultError):
        store.append([(1, codes.MARK, None, b"a"), (1, codes.MARK, None, b"b")])
    assert store.last_seq == 0 and store.read(1) is None and store.first_unacked == 1
    store.append([(1, codes.MARK, None, b"a")])
    store.path.rename(tmp_path / "gone.db")
    with pytest.raises(StoreFaultError, match="gone"):
        store.append([(2, codes.MARK, None, b"b")])
    store.close()
