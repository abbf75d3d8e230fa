"""HELLO, versions, heartbeats, liveness, sessions: on both interpreters, frame by frame."""

from protocol import frame, messages, reasons
from tests.both.link_ends import Ends, only, types


def test_hello_and_reply_establish_both_ends():
    ends = Ends(events=2, hello_seq=2)
    first = ends.agent.take_output(None, ends.now_ms)
    assert first[:2] == b"\x00\x00", "ends any half frame"
    hello = frame.Reader().feed(first)
    assert types(hello) == ["HELLO"] and hello[0][1] == 7
    assert only(ends.give_terminal(hello), "established")[0][1]["seq"] == 2
    up = ends.up()
    assert types(up)[0] == "HELLO_REPLY"
    reply = only(ends.give_agent(up[:1]), "established")[0][1]
    for key, value in {"terminal": "YP-0001", "board": "k5", "first": 1, "last": 2, "proto": 1, "reason": 0}.items():
        assert reply[key] == value, key
    for key, value in {"tq": 2, "up_ms": 77, "utc_ms": 1790000000000, "nonce": b"\x07" * 8}.items():
        assert reply[key] == value, key


def test_hello_is_sent_each_second_with_the_time_moved_on_and_given_up_after_30_s():
    ends = Ends()
    sent = []
    for _ in range(400):
        for one in ends.down():
            sent.append((ends.now_ms, messages.decode(one[0], one[3])["utc_ms"]))
        ends.pass_ms(100)
        if ends.at_agent:
            break
    assert [ms for ms, _ in sent[:4]] == [1000, 2000, 3000, 4000]
    assert [utc - 1790000000000 for _, utc in sent[:3]] == [0, 1000, 2000]
    assert len(sent) == 30
    assert ends.at_agent == [("lost", "no answer to HELLO for 30 s")]
    assert ends.agent.deadline_ms() is None
    assert not ends.agent.has_output()


def test_hello_that_came_twice_changes_nothing():
    ends = Ends(events=1)
    hello = ends.down()
    ends.give_terminal(hello)
    ends.give_agent(ends.up())
    ends.store_all()
    ends.give_terminal(ends.down())
    assert ends.outbox.acknowledged == [1]
    assert only(ends.give_terminal(hello), "established") == []
    assert types(ends.up()) == ["HELLO_REPLY"]
    assert ends.terminal.session == 7


def test_hello_reply_with_another_nonce_is_ignored():
    ends = Ends()
    ends.give_terminal(ends.down())
    reply = ends.up()[0]
    other = Ends()
    other.new_agent(7)
    other.agent._hello["nonce"] = b"another!"
    assert other.give_agent([reply]) == []
    assert other.agent.counters["bad_session"] == 1
    assert only(ends.give_agent([reply]), "established")


def test_everything_before_the_hello_reply_is_discarded():
    ends = Ends(events=3)
    ends.give_terminal(ends.down())
    up = ends.up()
    assert "EVENTS" in types(up)
    assert ends.give_agent(up[1:]) == []
    assert ends.agent.counters["early"] == len(up) - 1


def test_frames_of_another_session_are_dropped_and_counted():
    ends = Ends()
    ends.quiet()
    stale = (messages.PAUSE, 6, 1, messages.encode(messages.PAUSE, {"paused": True}))
    assert ends.give_terminal([stale]) == []
    assert ends.terminal.status()["bad_session"] == 1
    stale = (messages.EVENTS, 6, 1, messages.encode(messages.EVENTS, {"events": [(1, None, b"x")]}))
    assert ends.give_agent([stale]) == []
    assert ends.agent.status()["bad_session"] == 1
    assert ends.up() == [] and ends.down() == []


def test_terminal_without_session_answers_no_session_and_the_agent_gives_the_link_up():
    ends = Ends()
    ends.quiet()
    from protocol.link import TerminalLink
    from tests.both.link_ends import IDENTITY

    ends.terminal = TerminalLink(IDENTITY, ends.outbox, ends.now_ms)  # it restarted unseen
    number = ends.agent.request(messages.QUERY, {}, ends.now_ms)
    assert ends.give_terminal(ends.down()) == []
    up = ends.up()
    assert types(up) == ["NO_SESSION"] and up[0][1] == 7
    events = ends.give_agent(up)
    assert events == [("failed", number, "the terminal has restarted"), ("lost", "the terminal has restarted")]


def test_new_hello_takes_the_session_over():
    ends = Ends(events=1)
    ends.connect()
    ends.new_agent(8)
    ends.exchange()
    assert ends.terminal.session == 8
    assert len(only(ends.at_terminal, "established")) == 1
    ends.store_all()
    ends.exchange()
    assert ends.outbox.acknowledged == [1]


def test_heartbeats_go_both_ways_each_10_s_and_carry_status_and_round_trip():
    ends = Ends()
    ends.quiet()
    seen = {"up": 0, "down": 0}
    for _ in range(300):
        ends.pass_ms(100)
        down, up = ends.down(), ends.up()
        seen["down"] += types(down).count("HEARTBEAT")
        seen["up"] += types(up).count("HEARTBEAT")
        ends.now_ms += 15
        ends.give_terminal(down)
        ends.give_agent(up)
        ends.now_ms += 15
        ends.give_agent(ends.up())
        ends.give_terminal(ends.down())
    assert 3 <= seen["down"] <= 4 and 3 <= seen["up"] <= 4
    assert not only(ends.at_agent, "lost") and not only(ends.at_terminal, "lost")
    status = only(ends.at_agent, "status")[-1][1]
    assert status["state"] == "idle" and status["bad_crc"] == 0 and status["rtt_ms"] is not None
    assert ends.agent.status()["rtt_ms"] == 30


def test_silence_for_30_s_loses_the_link_on_both_ends():
    ends = Ends()
    ends.quiet()
    for _ in range(290):
        ends.pass_ms(100)
        ends.up()
        ends.down()
    assert ends.at_agent == [] and ends.at_terminal == []
    ends.pass_ms(1000)
    assert ends.at_agent == [("lost", "nothing was heard for 30 s")]
    assert ends.at_terminal == [("lost", "nothing was heard for 30 s")]
    assert ends.terminal.session == 0 and ends.up() == [] and ends.down() == []
    assert ends.terminal.deadline_ms() is None


def test_versions_that_meet_choose_the_highest_common_one():
    for agent, terminal, chosen in (((1, 1), (1, 2), 1), ((1, 2), (1, 1), 1), ((1, 3), (1, 2), 2), ((2, 3), (1, 2), 2)):
        ends = Ends(agent_proto=agent, proto=terminal)
        ends.give_terminal(ends.down())
        reply = only(ends.give_agent(ends.up()), "established")[0][1]
        assert reply["proto"] == chosen


def test_versions_that_do_not_meet_say_on_both_ends_which_to_update():
    for agent, terminal, at_agent, at_terminal in (
        ((2, 3), (1, 1), "update the terminal's firmware", "update the terminal's firmware"),
        ((1, 1), (2, 2), "update the agent", "update the agent"),
    ):
        ends = Ends(agent_proto=agent, proto=terminal)
        lost = ends.give_terminal(ends.down())
        assert len(lost) == 1 and lost[0][0] == "lost" and lost[0][1].endswith(at_terminal), lost
        up = ends.up()
        assert types(up) == ["HELLO_REPLY"]
        reply = messages.decode(up[0][0], up[0][3])
        assert (reply["proto"], reply["reason"]) == (0, reasons.VERSION)
        lost = ends.give_agent(up)
        assert len(lost) == 1 and lost[0][0] == "lost" and lost[0][1].endswith(at_agent), lost
        assert ends.terminal.session == 0


def test_agent_that_knows_a_higher_seq_of_the_epoch_makes_a_fault():
    ends = Ends(events=2, hello_seq=3)
    events = ends.give_terminal(ends.down())
    assert [event[0] for event in events] == ["behind", "established"]
    assert events[0][1]["seq"] == 3
    reply = only(ends.give_agent(ends.up()), "established")[0][1]
    assert reply["reason"] == reasons.FAULT


def test_agent_that_knows_a_higher_seq_of_another_epoch_makes_none():
    ends = Ends(events=2)
    ends.agent._hello["epoch"], ends.agent._hello["seq"] = 9, 500
    assert [event[0] for event in ends.give_terminal(ends.down())] == ["established"]


def test_agent_keeps_the_last_100_frames():
    ends = Ends()
    ends.quiet()
    for number in range(150):
        ends.terminal.state("idle", None, {"n": number})
        ends.give_agent(ends.up())
        ends.now_ms += 1
    frames = ends.agent.frames()
    assert len(frames) == 100
    assert frames[-1][:5] == ((ends.now_ms - 1) & 0xFFFFFFFF, "in", messages.STATE, 7, 0)
    assert frames[-1][5] > 0
    assert [one[0] for one in frames] == sorted([one[0] for one in frames])
    ends.agent.request(messages.QUERY, {}, ends.now_ms)
    ends.down()
    assert ends.agent.frames()[-1][1:3] == ("out", messages.QUERY)


def test_output_comes_in_any_pieces():
    ends = Ends(events=9)
    ends.give_terminal(ends.down())
    reader = frame.Reader()
    frames = []
    for size in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        for _ in range(20):
            piece = ends.terminal.take_output(size, ends.now_ms)
            assert len(piece) <= size
            frames += reader.feed(piece)
    assert types(frames)[0] == "HELLO_REPLY" and "EVENTS" in types(frames)
    assert reader.counters["skipped_bytes"] == 0
    assert ends.terminal.take_output(0, ends.now_ms) == b""
