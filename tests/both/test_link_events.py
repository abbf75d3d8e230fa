"""Events: window, acknowledgements, holes, timer, resend; on both interpreters, frame by frame."""

from protocol import frame, messages
from protocol.link_timer import FLOOR_MS, Rto
from protocol.link_window import WINDOW
from tests.both.link_ends import Ends, only, types


def _seqs(frames: list) -> list:
    found = []
    for type_, _, _, body in frames:
        if type_ == messages.EVENTS:
            found.append([row[0] for row in messages.decode(type_, body)["events"]])
    return found


def test_events_several_leave_in_one_frame_and_come_whole():
    ends = Ends(events=3)
    ends.connect()
    ends.new_agent(8)
    ends.exchange()
    assert only(ends.at_agent, "events") == [("events", [(1, 5, b"event 1"), (2, 5, b"event 2"), (3, 5, b"event 3")])]


def test_acknowledged_means_durable_never_less():
    ends = Ends(events=2)
    ends.give_terminal(ends.down())
    ends.pass_ms(0)
    ends.give_agent(ends.up())
    assert "ACK" not in types(ends.down())
    assert ends.outbox.acknowledged == []
    ends.agent.acknowledge(ends.now_ms)
    assert ends.give_terminal(ends.down()) == [], "nothing is durable yet"
    ends.agent.stored([1])
    ends.agent.acknowledge(ends.now_ms)
    assert ends.give_terminal(ends.down()) == [("acknowledged", 1)]
    ends.agent.stored([2])
    ends.agent.acknowledge(ends.now_ms)
    assert ends.give_terminal(ends.down()) == [("acknowledged", 2)]
    assert ends.outbox.acknowledged == [1, 2]
    assert ends.terminal.deadline_ms() >= ends.now_ms + 9000, "no timer runs"


def _sent_one_by_one(count: int) -> tuple:
    """Return ends that have sent `count` events, each in a frame of its own, and these frames."""
    ends = Ends()
    ends.quiet()
    frames = []
    for seq in range(1, count + 1):
        ends.outbox.events[seq] = b"event %d" % seq
        ends.terminal.event_added(ends.now_ms)
        frames += ends.up()
    assert _seqs(frames) == [[seq] for seq in range(1, count + 1)]
    return ends, frames


def test_hole_is_sent_again_at_once_and_alone():
    ends, frames = _sent_one_by_one(5)
    ends.give_agent(frames[:1] + frames[2:])
    assert ends.store_all() == [1, 3, 4, 5]
    ends.now_ms += 20
    assert only(ends.give_terminal(ends.down()), "acknowledged") == [("acknowledged", seq) for seq in (1, 3, 4, 5)]
    again = ends.up()
    assert _seqs(again) == [[2]], "without waiting for the timer"
    ends.give_agent(again)
    ends.store_all()
    ends.give_terminal(ends.down())
    assert sorted(ends.outbox.acknowledged) == [1, 2, 3, 4, 5]
    status = ends.terminal.status()
    assert (status["holes"], status["resent"], status["timeouts"]) == (1, 1, 0)


def test_lost_resend_of_a_hole_is_noticed_by_later_frames():
    ends, frames = _sent_one_by_one(3)
    ends.give_agent(frames[1:])
    ends.store_all()
    ends.give_terminal(ends.down())
    assert _seqs(ends.up()) == [[1]]  # lost again
    ends.outbox.events[4] = b"event 4"
    ends.give_agent(ends.up())
    ends.store_all()
    ends.give_terminal(ends.down())
    assert _seqs(ends.up()) == [[1]]
    assert ends.terminal.status()["timeouts"] == 0


def test_lost_last_event_is_sent_again_by_the_timer_which_backs_off():
    ends, frames = _sent_one_by_one(1)
    waits = []
    since = ends.now_ms
    for _ in range(40):
        ends.now_ms = ends.terminal.deadline_ms()
        ends.at_terminal += ends.terminal.tick(ends.now_ms)
        ends.give_terminal([(messages.HEARTBEAT, 7, 0, messages.encode(messages.HEARTBEAT, {"ms": 0}))])
        if _seqs(ends.up()) == [[1]]:
            waits.append(ends.now_ms - since)
            since = ends.now_ms
    assert waits[:6] == [100, 200, 400, 800, 1600, 3200]
    assert waits[6:8] == [5000, 5000], "the cap"
    assert ends.give_agent(frames) != []


def test_lost_ack_costs_one_resend_which_is_acknowledged_again():
    ends, frames = _sent_one_by_one(1)
    ends.give_agent(frames)
    ends.store_all()
    assert types(ends.down()) == ["ACK"]  # lost
    ends.at_agent.clear()
    ends.pass_ms(FLOOR_MS)
    again = ends.up()
    assert _seqs(again) == [[1]]
    assert ends.give_agent(again) == [], "the agent does not hand it out twice"
    assert ends.agent.status()["duplicates"] == 1
    assert ends.give_terminal(ends.down()) == [("acknowledged", 1)]


def test_damaged_frame_is_answered_and_sent_again_without_the_timer():
    ends, frames = _sent_one_by_one(1)
    damaged = bytearray(frame.encode(*frames[0]))
    damaged[9] ^= 0x10
    ends.now_ms += 20
    assert ends.agent.receive(damaged, ends.now_ms) == []
    down = ends.down()
    assert types(down) == ["ACK"]
    assert ends.give_terminal(down) == []
    assert _seqs(ends.up()) == [[1]]
    assert ends.terminal.status()["timeouts"] == 0


def test_ack_beyond_what_was_sent_is_ignored():
    ends, _ = _sent_one_by_one(3)
    for next_, bitmap in ((5, 0), (4, 1), (1, 0b100), (3, 1), (2, 1 << 63)):
        body = messages.encode(messages.ACK, {"next": next_, "bitmap": bitmap})
        assert ends.give_terminal([(messages.ACK, 7, 3, body)]) == [], (next_, bitmap)
    assert ends.outbox.acknowledged == []
    assert ends.terminal.status()["bad_message"] == 5
    body = messages.encode(messages.ACK, {"next": 1, "bitmap": 0b11})
    assert ends.give_terminal([(messages.ACK, 7, 3, body)]) == [("acknowledged", 2), ("acknowledged", 3)]


def test_old_ack_takes_nothing_back():
    ends, _ = _sent_one_by_one(3)
    newer = (messages.ACK, 7, 3, messages.encode(messages.ACK, {"next": 2, "bitmap": 1}))
    older = (messages.ACK, 7, 1, messages.encode(messages.ACK, {"next": 2, "bitmap": 0}))
    oldest = (messages.ACK, 7, 0, messages.encode(messages.ACK, {"next": 1, "bitmap": 0}))
    ends.give_terminal([newer])
    ends.give_terminal([older, oldest])
    assert sorted(ends.outbox.acknowledged) == [1, 3]
    ends.up()
    ends.give_terminal([(messages.ACK, 7, 0, messages.encode(messages.ACK, {"next": 4, "bitmap": 0}))])
    assert sorted(ends.outbox.acknowledged) == [1, 2, 3]


def test_window_never_goes_beyond_64_events():
    ends = Ends(events=100)
    ends.give_terminal(ends.down())
    ends.pass_ms(0)
    assert sum(_seqs(ends.up()), []) == list(range(1, WINDOW + 1))
    ends.pass_ms(1000)
    assert _seqs(ends.up()) == [[1]], "the timer asks with the lowest"
    body = messages.encode(messages.ACK, {"next": 2, "bitmap": 1 << 30})
    ends.give_terminal([(messages.ACK, 7, 0, body)])
    assert _seqs(ends.up()) == [[WINDOW + 1]]


def test_long_events_fill_a_frame_and_no_more():
    ends = Ends(events=9)
    for seq in ends.outbox.events:
        ends.outbox.events[seq] = bytes([seq]) * 183
    ends.give_terminal(ends.down())
    frames = ends.up()
    assert max(len(one[3]) for one in frames) <= frame.MAX_BODY
    assert max(len(seqs) for seqs in _seqs(frames)) > 1
    assert sum(_seqs(frames), []) == list(range(1, 10))


def test_unreadable_event_is_passed_over_and_told():
    ends = Ends(events=3)
    ends.outbox.events[2] = b""
    ends.give_terminal(ends.down())
    events = ends.give_agent(ends.up())
    assert only(events, "events") == [("events", [(1, 5, b"event 1"), (3, 5, b"event 3")])]
    assert only(events, "void") == [("void", [2])]
    ends.store_all()
    ends.give_terminal(ends.down())
    assert ends.outbox.first() == 4


def test_agent_that_holds_events_already_says_so_at_once():
    ends = Ends(events=4)
    ends.give_terminal(ends.down())
    ends.give_agent(ends.up()[:1])
    ends.agent.stored([1, 2])
    ends.agent.acknowledge(ends.now_ms)
    assert only(ends.give_terminal(ends.down()), "acknowledged") == [("acknowledged", 1), ("acknowledged", 2)]


def test_event_that_cannot_be_stored_is_offered_again():
    ends, frames = _sent_one_by_one(1)
    assert only(ends.give_agent(frames), "events")
    ends.pass_ms(5000)
    again = ends.up()
    assert only(ends.give_agent(again), "events") == [("events", [(1, 5, b"event 1")])]
    assert not only(ends.at_terminal, "acknowledged")


def test_recover_brings_acknowledged_events_again():
    ends = Ends(events=100)
    ends.quiet()
    ends.outbox.events[70] = b""
    ends.agent.recover(1, 100, ends.now_ms)
    seqs, recovered = set(), []
    for _ in range(20):
        ends.pass_ms(300)
        ends.exchange()
        seqs.update(ends.store_all())
        recovered += only(ends.at_agent, "recovered")
        ends.at_agent.clear()
    assert sorted(seqs) == [seq for seq in range(1, 101) if seq != 70]
    assert recovered == [("recovered", [70])]


def test_recover_beyond_what_exists_ends_with_the_missing_ones():
    ends = Ends(events=3)
    ends.quiet()
    ends.agent.recover(2, 5, ends.now_ms)
    for _ in range(5):
        ends.pass_ms(300)
        ends.exchange()
        ends.store_all()
    assert only(ends.at_agent, "recovered") == [("recovered", [2, 3, 4, 5])]


def test_recover_range_that_is_lost_is_asked_for_again():
    ends = Ends(events=10)
    ends.quiet()
    ends.agent.recover(1, 10, ends.now_ms)
    ends.pass_ms(1)
    ends.give_terminal(ends.down())
    ends.give_agent([one for one in ends.up() if one[0] == messages.REPLY])  # its events are lost
    for _ in range(6):
        ends.pass_ms(1000)
        ends.exchange()
        ends.store_all()
    assert only(ends.at_agent, "recovered") == [("recovered", [])]


def test_recover_waits_while_many_requests_wait():
    ends = Ends(events=3)
    ends.quiet()
    for _ in range(64):
        ends.agent.request(messages.QUERY, {}, ends.now_ms)
    ends.agent.recover(1, 3, ends.now_ms)
    ends.pass_ms(1)
    recovered = []
    for _ in range(90):
        for event in ends.give_terminal(ends.down()):
            if event[0] == "request":
                ends.terminal.reply(event[2], 0)
        ends.give_agent(ends.up())
        ends.store_all()
        ends.pass_ms(1)
        recovered += only(ends.at_agent, "recovered")
        ends.at_agent.clear()
    assert recovered == [("recovered", [])]


def test_rto_follows_rfc_6298():
    rto = Rto()
    assert rto.rto_ms == 1000 and rto.rtt_ms is None
    rto.sample(200)  # SRTT 200, RTTVAR 100
    assert rto.rtt_ms == 200 and rto.rto_ms == 600
    rto.sample(200)  # RTTVAR 75
    assert rto.rto_ms == 500
    rto.expired()
    rto.expired()
    assert rto.rto_ms == 2000
    rto.sample(200)
    assert rto.rto_ms < 500
    for _ in range(99):
        rto.sample(3)
    assert rto.rto_ms == FLOOR_MS
    for _ in range(20):
        rto.expired()
    assert rto.rto_ms == 5000
