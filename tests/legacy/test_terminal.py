"""An old rater's terminal in virtual time: outcomes, refusals, the field's bugs, restarts, a store that fails."""

import pytest

from host_agent.legacy.session import REPEAT_MS, SILENT_INVITES
from host_agent.legacy.store import RaterStore
from protocol import codes, messages, reasons
from tests.legacy.desk import Desk, invite_id
from tests.legacy.test_bus import ACK_SHORT, BEGIN

GUARD = 2_000  # ms, beyond the guard


def rate(desk: Desk, number: int, grade: int) -> None:
    assert desk.invite(number) == reasons.OK
    desk.pass_time(GUARD)
    desk.grade(grade)
    desk.pass_time(REPEAT_MS + 1_000)


@pytest.mark.parametrize(("grade", "level"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_grade_becomes_the_level_that_the_table_writes(desk, grade, level):
    rate(desk, 1, grade)
    assert desk.outcomes() == {1: [(codes.RATED, level)]}
    assert desk.kinds() == [codes.BOOT, codes.RATED]
    assert BEGIN in desk.sent and desk.sent[-1] == ACK_SHORT
    _, fields = desk.opened()[-1]
    assert fields[13] == codes.INPUT_KEY and fields[19] == codes.ORIGIN_COUNTER and GUARD <= fields[11] < GUARD + 100
    assert fields[2] == 3 and abs(fields[1] - desk.utc_ms) < 10_000


def test_grade_is_acknowledged_to_the_rater_only_when_it_is_durable(desk, monkeypatch):
    assert desk.invite(1) == reasons.OK
    desk.pass_time(GUARD)
    desk.sent.clear()
    real, held = RaterStore.append, []

    def append(self, events):
        held.append(list(desk.sent))
        real(self, events)

    monkeypatch.setattr(RaterStore, "append", append)
    desk.grade(3)
    desk.pass_time(500)
    assert held[0] == [] and desk.sent == [ACK_SHORT]


# --- the bugs of the field


def test_unknown_grade_is_no_rating_and_named_without_its_number(desk):
    rate(desk, 1, 4)
    rate(desk, 2, 9)
    assert desk.outcomes() == {1: [(codes.INTERRUPTED, None)], 2: [(codes.INTERRUPTED, None)]}
    assert [fields.get(14) for clear, fields in desk.opened() if clear.invite] == [reasons.WHY_UNMAPPED_GRADE] * 2
    assert desk.condition == "unmapped_grade" and desk.sent.count(ACK_SHORT) == 2
    rate(desk, 3, 3)
    assert desk.outcomes()[3] == [(codes.RATED, 4)] and desk.condition == "unmapped_grade"


def test_grade_without_invite_is_counted_and_no_level_is_kept(desk):
    for _ in range(5):
        desk.grade(3)
        desk.pass_time(500)
    assert desk.kinds() == [codes.BOOT, codes.UNINVITED]
    clear, fields = desk.opened()[-1]
    assert clear.invite is None and 6 not in fields and fields[12] == 5
    assert desk.sent.count(ACK_SHORT) == 5


def test_grade_without_clerk_is_credited_to_nobody(desk):
    assert desk.ask(messages.CLERK, clerk=None) == reasons.OK
    assert desk.invite(1) == reasons.NO_CLERK
    desk.pass_time(GUARD)
    desk.grade(3)
    desk.pass_time(500)
    assert desk.kinds() == [codes.BOOT] and desk.session.uninvited.total == 1


def test_timeout_is_no_level(desk):
    assert desk.invite(1, 15_000) == reasons.OK
    desk.pass_time(15_100)
    desk.grade(3)
    desk.pass_time(500)
    assert desk.outcomes() == {1: [(codes.TIMED_OUT, None)]} and desk.session.uninvited.total == 1


def test_key_pressed_for_the_last_citizen_is_not_credited_to_the_next(desk):
    assert desk.invite(1, 15_000) == reasons.OK
    desk.pass_time(15_100)
    # Pressed now, and said by the rater only after the next begin, again and again.
    assert desk.invite(2) == reasons.OK
    for _ in range(3):
        desk.pass_time(500)
        desk.grade(0)
    assert desk.outcomes() == {1: [(codes.TIMED_OUT, None)]} and desk.session.counts["late"] == 3
    begins = desk.sent.count(BEGIN)
    desk.pass_time(REPEAT_MS + GUARD)
    assert desk.sent.count(BEGIN) == begins + 1, "the evaluation is begun anew"
    desk.grade(3)
    desk.pass_time(500)
    assert desk.outcomes()[2] == [(codes.RATED, 4)]


def test_grade_said_again_after_a_lost_acknowledgement_is_not_the_next_citizens(desk):
    assert desk.invite(1) == reasons.OK
    desk.pass_time(GUARD)
    desk.grade(0)
    desk.pass_time(400)
    assert desk.invite(2) == reasons.OK
    for _ in range(6):
        desk.pass_time(1_000)
        desk.grade(0)
    assert desk.outcomes() == {1: [(codes.RATED, 1)]}
    assert desk.session.counts["repeated"] == 6 and desk.session.uninvited.total == 0


def test_what_was_read_late_after_a_stall_is_nobodys(desk):
    assert desk.invite(1) == reasons.OK
    desk.pass_time(200)
    desk.now += 5_000  # nobody looked at the line for so long
    desk.grade(3)
    desk.pass_time(100)
    assert desk.outcomes() == {} and desk.session.counts["late"] == 1


def test_double_grade_is_one_rating(desk):
    assert desk.invite(1) == reasons.OK
    desk.pass_time(GUARD)
    desk.grade(3)
    desk.grade(3)
    desk.pass_time(REPEAT_MS)
    assert desk.outcomes() == {1: [(codes.RATED, 4)]} and desk.session.counts["repeated"] == 1


def test_time_of_a_rating_is_never_moved(desk):
    rate(desk, 1, 3)
    before = desk.opened()[-1][1][1]
    desk.utc_ms += 3_600_000
    desk.connect()
    desk.pass_time(100)
    assert desk.kinds() == [codes.BOOT, codes.RATED, codes.CLOCK_SET]
    assert desk.opened()[1][1][1] == before and desk.opened()[2][1][18] >= before


def test_everything_that_is_told_is_the_same_for_every_grade(tmp_path):
    told = []
    for grade in range(4):
        folder = tmp_path / str(grade)
        folder.mkdir()
        desk = Desk(folder).start()
        desk.login()
        rate(desk, 1, grade)
        rows = desk.store._conn.execute("SELECT seq, acked, length(evidence) FROM events").fetchall()
        clear = [(one.kind, one.seq, one.boot, one.invite) for one, _ in desk.opened()]
        told.append((desk.states, desk.terminal._status(), desk.sent, rows, clear))
        desk.stop()
    assert told[0] == told[1] == told[2] == told[3]


# --- what the agent may ask


def test_refusals_are_named(desk):
    assert desk.invite(1, age_ms=16_000) == reasons.INVITE_EXPIRED
    assert desk.invite(1, timeout_ms=10) == reasons.OUT_OF_RANGE
    assert desk.invite(1) == reasons.OK
    assert desk.invite(1) == reasons.OK, "the same again is no other"
    assert desk.invite(2) == reasons.INVITE_OPEN
    assert desk.ask(messages.SERVE, ticket="A1") == reasons.INVITE_OPEN
    assert desk.ask(messages.CANCEL, invite=invite_id(3)) == reasons.NO_INVITE
    assert desk.ask(messages.CANCEL, invite=invite_id(1)) == reasons.OK
    assert desk.ask(messages.CANCEL, invite=invite_id(1)) == reasons.OK
    assert desk.invite(1) == reasons.INVITE_ENDED
    assert desk.ask(messages.PAUSE, paused=True) == reasons.OK
    assert desk.invite(2) == reasons.PAUSED
    assert desk.ask(messages.PAUSE, paused=False) == reasons.OK
    assert desk.ask(messages.NOTICE, text="x") == reasons.UNSUPPORTED
    rate(desk, 4, 2)
    assert desk.ask(messages.CANCEL, invite=invite_id(4)) == reasons.RATED
    desk.unplug()
    assert desk.invite(5) == reasons.FAULT
    assert desk.kinds() == [codes.BOOT, codes.CANCELLED, codes.PAUSED, codes.RESUMED, codes.RATED]


def test_pause_waits_for_the_open_invite(desk):
    assert desk.invite(1) == reasons.OK
    assert desk.ask(messages.PAUSE, paused=True) == reasons.OK
    desk.pass_time(GUARD)
    desk.grade(3)
    desk.pass_time(100)
    assert desk.kinds() == [codes.BOOT, codes.RATED, codes.PAUSED]


def test_begin_is_said_once_more_at_half_time(desk):
    assert desk.invite(1, 60_000) == reasons.OK
    desk.pass_time(29_000)
    assert desk.sent.count(BEGIN) == 1
    desk.pass_time(2_000)
    assert desk.sent.count(BEGIN) == 2
    desk.grade(3)
    desk.pass_time(100)
    assert desk.outcomes() == {1: [(codes.RATED, 4)]}, "a prompt at half time closes nothing"


def test_line_lost_interrupts_the_invite_at_once(desk):
    assert desk.invite(1) == reasons.OK
    desk.unplug()
    desk.pass_time(50)
    assert desk.outcomes() == {1: [(codes.INTERRUPTED, None)]}
    assert desk.opened()[-1][1][14] == reasons.WHY_RATER_LOST
    desk.plug()
    rate(desk, 2, 3)
    assert desk.outcomes()[2] == [(codes.RATED, 4)]


def test_rater_that_never_answers_is_told(desk):
    for number in range(SILENT_INVITES):
        assert desk.condition is None
        assert desk.invite(number + 1, 1_000) == reasons.OK
        desk.pass_time(1_100)
    assert desk.condition == "rater_silent"
    desk.grade(0)
    desk.pass_time(50)
    assert desk.condition is None


def test_mark_is_sealed_each_hour_while_the_line_is_there(desk):
    desk.unplug()
    desk.pass_time(2 * 3_600_000)
    assert desk.kinds() == [codes.BOOT]
    desk.plug()
    desk.pass_time(3_600_000)
    assert desk.kinds() == [codes.BOOT, codes.MARK]


def test_another_raters_grade_is_nobodys_here(desk):
    assert desk.invite(1) == reasons.OK
    desk.pass_time(GUARD)
    desk.grade(3, address=0x82)
    desk.grade(3, address=0x01)
    desk.pass_time(500)
    assert desk.outcomes() == {} and ACK_SHORT not in desk.sent
