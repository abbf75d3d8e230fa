"""Requests and replies, and the hints about the state; on both interpreters, frame by frame."""

from protocol import messages, reasons
from protocol.errors import MessageError
from tests.both.link_ends import Ends, only, types
from tests.both.support import Raises

INVITE = {
    "invite": b"0123456789abcdef",
    "age_ms": 10,
    "ttl_ms": 9000,
    "timeout_ms": 0,
    "origin": 1,
    "qr": None,
}


def _quiet() -> Ends:
    ends = Ends()
    ends.quiet()
    return ends


def test_request_gets_its_reply():
    ends = _quiet()
    number = ends.agent.request(messages.INVITE, INVITE, ends.now_ms)
    events = ends.give_terminal(ends.down())
    assert events == [("request", messages.INVITE, number, INVITE)]
    assert ends.up() == [], "the firmware has not answered"
    ends.terminal.reply(number, reasons.NO_CLERK, {"clerk": None})
    assert ends.give_agent(ends.up()) == [("replied", number, reasons.NO_CLERK, {"clerk": None})]


def test_request_measures_the_round_trip_where_no_answer_to_a_heartbeat_gets_through():
    ends = Ends()
    ends.connect()
    number = ends.agent.request(messages.SERVE, {"ticket": "A1"}, ends.now_ms)
    request = [one for one in ends.down() if one[0] == messages.SERVE]
    assert ends.agent.status()["rtt_ms"] is None
    ends.pass_ms(40)
    ends.give_terminal(request)
    ends.terminal.reply(number, reasons.OK)
    ends.give_agent([one for one in ends.up() if one[0] == messages.REPLY])
    assert ends.agent.status()["rtt_ms"] == 40


def test_request_sent_again_is_not_handed_out_twice_and_gets_the_same_reply():
    ends = _quiet()
    number = ends.agent.request(messages.PAUSE, {"paused": True}, ends.now_ms)
    first = ends.down()
    assert len(ends.give_terminal(first)) == 1
    assert ends.give_terminal(first) == [], "while the reply is awaited"
    ends.terminal.reply(number, reasons.OK)
    reply = ends.up()
    assert types(reply) == ["REPLY"]  # lost
    ends.pass_ms(1000)
    again = ends.down()
    assert again == first
    assert ends.give_terminal(again) == []
    assert ends.up() == reply
    ends.terminal.reply(number, reasons.BUSY)
    assert ends.up() == [], "a request has one reply"


def test_requests_go_one_by_one_in_order():
    ends = _quiet()
    numbers = [ends.agent.request(messages.SERVE, {"ticket": "A" + str(i)}, ends.now_ms) for i in range(3)]
    seen = []
    for _ in range(3):
        events = ends.give_terminal(ends.down())
        assert len(events) == 1
        seen.append((events[0][2], events[0][3]["ticket"]))
        ends.terminal.reply(events[0][2], reasons.OK)
        ends.give_agent(ends.up())
    assert seen == [(numbers[0], "A0"), (numbers[1], "A1"), (numbers[2], "A2")]
    assert [event[1] for event in only(ends.at_agent, "replied")] == numbers


def test_request_without_reply_is_repeated_and_then_given_up():
    ends = _quiet()
    number = ends.agent.request(messages.INVITE, INVITE, ends.now_ms)
    start = ends.now_ms
    ages = []
    for _ in range(1200):
        for one in ends.down():
            if one[0] == messages.INVITE:
                assert one[2] == number
                ages.append((ends.now_ms - start, messages.decode(one[0], one[3])["age_ms"]))
        if only(ends.at_agent, "failed"):
            break
        ends.pass_ms(10)
    assert ages[0] == (0, 10)
    assert [age - 10 for _, age in ages] == [ms for ms, _ in ages], "an invite grows older"
    waits = [ages[i + 1][0] - ages[i][0] for i in range(len(ages) - 1)]
    assert waits[:5] == [100, 200, 400, 800, 1000] and max(waits) == 1000
    assert only(ends.at_agent, "failed") == [("failed", number, "no reply for 10 s")]
    assert ends.now_ms - start == 10000


def test_invite_of_the_greatest_age_grows_no_older_and_holds_up_nothing():
    ends = _quiet()
    ends.agent.request(messages.INVITE, dict(INVITE, age_ms=0xFFFFFFFF), ends.now_ms)
    ends.pass_ms(5)
    events = ends.give_terminal(ends.down())
    assert [event[3]["age_ms"] for event in events] == [0xFFFFFFFF]


def test_next_request_goes_on_after_one_was_given_up():
    ends = _quiet()
    lost = ends.agent.request(messages.QUERY, {}, ends.now_ms)
    kept = ends.agent.request(messages.PAUSE, {"paused": False}, ends.now_ms)
    for _ in range(1010):
        ends.down()
        ends.pass_ms(10)
    assert only(ends.at_agent, "failed")[0][1] == lost
    ends.pass_ms(1000)
    events = ends.give_terminal(ends.down())
    assert events == [("request", messages.PAUSE, kept, {"paused": False})]


def test_late_reply_to_a_given_up_request_is_ignored():
    ends = _quiet()
    number = ends.agent.request(messages.QUERY, {}, ends.now_ms)
    ends.give_terminal(ends.down())
    ends.pass_ms(10000)
    assert only(ends.at_agent, "failed")
    ends.terminal.reply(number, reasons.OK)
    assert ends.give_agent(ends.up()) == []


def test_ids_come_round_without_meeting_old_replies():
    ends = _quiet()
    for _ in range(600):
        number = ends.agent.request(messages.QUERY, {}, ends.now_ms)
        events = ends.give_terminal(ends.down())
        assert events == [("request", messages.QUERY, number, {})]
        ends.terminal.reply(number, reasons.OK)
        assert ends.give_agent(ends.up()) == [("replied", number, reasons.OK, None)]
        ends.at_terminal.clear()
        ends.at_agent.clear()


def test_request_of_a_newer_agent_is_answered_by_name():
    ends = _quiet()
    assert ends.give_terminal([(0x2E, 7, 77, b"\x80")]) == []
    reply = ends.up()
    assert types(reply) == ["REPLY"] and reply[0][2] == 77
    assert messages.decode(reply[0][0], reply[0][3])["reason"] == reasons.UNKNOWN_MESSAGE
    assert ends.terminal.status()["unknown_message"] == 1


def test_request_that_cannot_be_read_is_answered_by_name():
    ends = _quiet()
    assert ends.give_terminal([(messages.INVITE, 7, 78, b"\x81\x01")]) == []
    reply = ends.up()
    assert messages.decode(reply[0][0], reply[0][3])["reason"] == reasons.BAD_MESSAGE
    assert ends.terminal.status()["bad_message"] == 1


def test_unknown_messages_are_counted_and_dropped_on_both_ends():
    ends = _quiet()
    assert ends.give_terminal([(0x77, 7, 0, b"\x80")]) == []
    assert ends.give_agent([(0x77, 7, 0, b"\x80"), (messages.STATE, 7, 0, b"\x01")]) == []
    assert ends.terminal.status()["unknown_message"] == 1
    assert ends.agent.status()["unknown_message"] == 1
    assert ends.agent.status()["bad_message"] == 1


def test_request_that_does_not_fit_is_refused_before_the_line():
    ends = _quiet()
    for type_, fields in ((messages.PAUSE, {"paused": 1}), (messages.CANCEL, {}), (messages.ACK, {"next": 1})):
        with Raises(MessageError):
            ends.agent.request(type_, fields, ends.now_ms)
    assert ends.down() == []


def test_requests_beyond_the_queue_are_refused():
    ends = _quiet()
    for _ in range(64):
        ends.agent.request(messages.QUERY, {}, ends.now_ms)
    with Raises(MessageError, "waiting"):
        ends.agent.request(messages.QUERY, {}, ends.now_ms)


def test_requests_fail_by_name_when_the_link_is_lost():
    ends = _quiet()
    numbers = [ends.agent.request(messages.QUERY, {}, ends.now_ms) for _ in range(2)]
    ends.give_agent([(messages.NO_SESSION, 7, 0, b"\x80")])
    assert [event[:2] for event in only(ends.at_agent, "failed")] == [("failed", number) for number in numbers]
    with Raises(MessageError, "lost"):
        ends.agent.request(messages.QUERY, {}, ends.now_ms)


def test_request_before_the_link_stands_waits_for_it():
    ends = Ends()
    number = ends.agent.request(messages.CLERK, {"clerk": None}, ends.now_ms)
    ends.exchange()
    assert only(ends.at_terminal, "request") == [("request", messages.CLERK, number, {"clerk": None})]


def test_time_that_waited_has_moved_on():
    ends = _quiet()
    ends.agent.request(messages.TIME, {"utc_ms": 1790000000000}, ends.now_ms)
    ends.down()  # lost
    ends.pass_ms(100)
    again = ends.down()
    assert messages.decode(again[0][0], again[0][3]) == {"utc_ms": 1790000000100}


def test_state_tells_the_latest_only():
    ends = _quiet()
    ends.terminal.state("serving", None)
    ends.terminal.state("invited", INVITE["invite"], {"left_ms": 60000})
    events = ends.give_agent(ends.up())
    assert events == [("state", {"state": "invited", "invite": INVITE["invite"], "detail": {"left_ms": 60000}})]


def test_state_is_told_again_to_a_new_agent():
    ends = _quiet()
    ends.terminal.state("idle", None)
    ends.exchange()
    ends.at_agent.clear()
    ends.new_agent(9)
    ends.exchange()
    assert only(ends.at_agent, "state") == [("state", {"state": "idle", "invite": None, "detail": {}})]
