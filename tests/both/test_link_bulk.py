"""Content from the agent to the terminal: block by block, behind everything else, resumed where it was cut."""

from protocol import content, frame, messages, reasons
from protocol.errors import MessageError
from protocol.link_bulk_agent import BUSY_FIRST_MS, BUSY_RETRY_MS, SILENCE_MS
from protocol.link_bulk_terminal import HELD_MAX, BulkReceiver
from protocol.link_terminal import BULK_IDLE_MS
from tests.both.link_ends import Ends, Shelf, only, types
from tests.both.support import Raises

CARD = bytes([(7 * i + i // 256) % 256 for i in range(5000)])
OTHER = bytes(reversed(CARD))
KEY = (content.STAFF_CARD, "3017")


def ready() -> Ends:
    """Return ends with a session, a shelf, and nothing on the way."""
    ends = Ends(shelf=Shelf())
    ends.quiet()
    return ends


def push(ends: Ends, data: bytes = CARD, name: str = "3017") -> None:
    ends.agent.bulk(content.STAFF_CARD, name, data, ends.now_ms)


def done(ends: Ends) -> list:
    """Return the ends of transfers that the agent has heard of."""
    return [event[1:] for event in only(ends.at_agent, "bulk_done")]


def run(ends: Ends, limit_ms: int = 60000) -> None:
    """Carry all frames until the transfer has ended."""
    end_ms = ends.now_ms + limit_ms
    while not done(ends):
        assert ends.now_ms < end_ms, "the transfer does not end"
        ends.exchange()
        ends.pass_ms(5)


def test_bulk_file_arrives_whole_and_its_end_is_told():
    ends = ready()
    push(ends)
    run(ends)
    assert done(ends) == [("3017", reasons.OK)]
    assert ends.shelf.files == {KEY: CARD}
    assert ends.shelf.written == len(CARD), "nothing is sent twice on a clean line"
    sent = [event[2] for event in only(ends.at_agent, "bulk")]
    assert sent == sorted(sent) and sent[-1] == len(CARD)


def test_bulk_without_data_removes_the_file():
    ends = ready()
    push(ends)
    run(ends)
    ends.at_agent.clear()
    push(ends, b"")
    run(ends)
    assert done(ends) == [("3017", reasons.OK)]
    assert ends.shelf.files == {}


def test_bulk_to_a_terminal_that_takes_none_is_refused_and_nothing_is_sent():
    ends = Ends()
    ends.quiet()
    with Raises(MessageError, "takes no content"):
        push(ends)
    assert ends.down() == []


def test_bulk_before_the_session_is_refused():
    ends = Ends(shelf=Shelf())
    with Raises(MessageError, "takes no content"):
        push(ends)


def test_bulk_second_transfer_beside_the_first_is_refused():
    ends = ready()
    push(ends)
    with Raises(MessageError, "another transfer"):
        push(ends)
    run(ends)
    push(ends)
    with Raises(MessageError, "name"):
        ends.agent.stop_bulk()
        push(ends, CARD, "x" * 41)


def test_bulk_waits_behind_requests_and_acknowledgements():
    ends = ready()
    push(ends)
    ends.agent.request(messages.CLERK, {"clerk": None}, ends.now_ms)
    ends.agent.acknowledge(ends.now_ms)
    assert types(ends.down()) == ["ACK", "CLERK", "BULK_OPEN"]


def test_bulk_one_block_is_on_the_way_until_the_round_trip_is_known():
    ends = ready()
    push(ends)
    ends.give_terminal(ends.down())
    ends.give_agent(ends.up())
    assert types(ends.down()) == ["BULK_DATA"]
    assert ends.down() == []


def test_bulk_acknowledgement_never_waits_behind_a_backlog_nor_holds_it_up():
    ends = ready()
    push(ends)
    opening = ends.down()
    for seq in range(1, 9):
        ends.outbox.events[seq] = b"event"
    ends.terminal.event_added(ends.now_ms)
    ends.give_terminal(opening)
    assert types(ends.up())[:2] == ["BULK_ACK", "EVENTS"]


def test_bulk_lost_block_alone_is_sent_again():
    ends = ready()
    push(ends)
    lost = None
    for _ in range(100):
        down = ends.down()
        if lost is None and len(down) > 1 and down[0][0] == messages.BULK_DATA:
            lost = down.pop(0)
        ends.give_terminal(down)
        ends.give_agent(ends.up())
        if not down:
            break
        ends.pass_ms(1)
    assert lost and done(ends) == [("3017", reasons.OK)]
    assert ends.shelf.files == {KEY: CARD}
    assert ends.shelf.written == len(CARD)
    assert ends.agent.status()["bulk_resent"] == 1


def test_bulk_every_single_frame_lost_once_is_made_good():
    for number in range(20):
        for upwards in (False, True):
            ends = ready()
            push(ends)
            seen = 0
            for _ in range(400):
                down, up = ends.down(), ends.up()
                for frames, dropping in ((down, not upwards), (up, upwards)):
                    for one in list(frames):
                        if one[0] >= messages.BULK_OPEN and dropping:
                            if seen == number:
                                frames.remove(one)
                            seen += 1
                ends.give_terminal(down)
                ends.give_agent(up)
                if done(ends):
                    break
                ends.pass_ms(20)
            assert done(ends) == [("3017", reasons.OK)], (number, upwards)
            assert ends.shelf.files == {KEY: CARD}


def test_bulk_busy_terminal_pauses_the_transfer_and_takes_nothing():
    ends = ready()
    push(ends)
    for _ in range(4):
        ends.give_terminal(ends.down())
        ends.give_agent(ends.up())
    ends.shelf.busy = True
    before = ends.shelf.written
    ends.exchange()
    assert ends.shelf.written == before and 0 < before < len(CARD)
    ends.pass_ms(BUSY_FIRST_MS // 2)
    assert not [one for one in ends.down() if one[0] >= messages.BULK_OPEN]
    ends.pass_ms(BUSY_RETRY_MS)
    probe = [one for one in ends.down() if one[0] >= messages.BULK_OPEN]
    assert len(probe) == 1, "one frame asks whether it may go on"
    ends.give_terminal(probe)
    ends.shelf.busy = False
    run(ends)
    assert ends.shelf.files == {KEY: CARD} and ends.shelf.written == len(CARD)


def test_bulk_busy_terminal_is_asked_soon_and_then_ever_less_often():
    ends = ready()
    ends.shelf.busy = True
    push(ends)
    ends.exchange()
    pauses = []
    for _ in range(8):
        begun_ms = ends.now_ms
        asked = []
        while not asked:
            ends.pass_ms(5)
            asked = ends.down()
        assert types(asked) == ["BULK_OPEN"]
        pauses.append(ends.now_ms - begun_ms)
        ends.give_terminal(asked)
        ends.give_agent(ends.up())
    assert pauses == [50, 100, 200, 400, 800, 1000, 1000, 1000]
    ends.shelf.busy = False
    run(ends)
    ends.at_agent.clear()
    ends.shelf.busy = True
    push(ends, OTHER)
    ends.exchange()
    ends.pass_ms(BUSY_FIRST_MS)
    assert types(ends.down()) == ["BULK_OPEN"], "another file is asked for soon again"


def test_bulk_paused_transfer_goes_on_as_soon_as_the_state_changes():
    ends = ready()
    ends.shelf.busy = True
    push(ends)
    ends.exchange()
    assert ends.down() == []
    ends.shelf.busy = False
    ends.terminal.state("idle", None)
    ends.give_agent(ends.up())
    assert types(ends.down()) == ["BULK_OPEN"]


def test_bulk_busy_for_minutes_is_no_silence():
    ends = ready()
    ends.shelf.busy = True
    push(ends)
    for _ in range(SILENCE_MS // 500 * 2):
        ends.exchange()
        ends.pass_ms(500)
    assert not done(ends)
    ends.shelf.busy = False
    run(ends)
    assert ends.shelf.files == {KEY: CARD}


def test_bulk_unanswered_transfer_is_given_up_and_a_later_one_works():
    ends = ready()
    ends.terminal.take_content(lambda: None)  # never ready
    push(ends)
    for _ in range(SILENCE_MS // 500 + 2):
        ends.exchange()
        ends.pass_ms(500)
    assert done(ends) == [("3017", None)]
    ends.terminal.take_content(lambda: BulkReceiver(ends.shelf))
    ends.at_agent.clear()
    push(ends)
    run(ends)
    assert done(ends) == [("3017", reasons.OK)]


def test_bulk_receiver_leaves_the_memory_while_no_content_is_taken():
    ends = ready()
    push(ends)
    while not ends.shelf.written:
        ends.give_terminal(ends.down())
        ends.give_agent(ends.up())
    before = ends.terminal.take_content(None)
    assert ends.terminal._bulk is None
    ends.terminal.take_content(before)
    run(ends)
    assert done(ends) == [("3017", reasons.OK)] and ends.shelf.files == {KEY: CARD}


def test_bulk_refusal_of_the_terminal_ends_the_transfer():
    for reason in (reasons.FULL, reasons.OUT_OF_RANGE, reasons.UNSUPPORTED, reasons.FAULT):
        ends = ready()
        ends.shelf.refuses = reason
        push(ends)
        run(ends)
        assert done(ends) == [("3017", reason)]
        assert ends.shelf.written == 0


def test_bulk_file_that_differs_on_the_shelf_is_told():
    ends = ready()
    push(ends)
    while ends.shelf.written < 600:
        ends.give_terminal(ends.down())
        ends.give_agent(ends.up())
    ends.shelf.part = b"?" + ends.shelf.part[1:]
    run(ends)
    assert done(ends) == [("3017", reasons.BAD_HASH)]
    assert ends.shelf.files == {}


def test_bulk_goes_on_where_a_cut_ended_it_with_another_agent_or_terminal():
    for terminal_too in (False, True):
        ends = ready()
        push(ends)
        while ends.shelf.written < 2000:
            ends.give_terminal(ends.down())
            ends.give_agent(ends.up())
            ends.pass_ms(1)
        if terminal_too:
            ends.new_terminal()
        ends.new_agent(8)
        ends.quiet()
        stored = ends.shelf.written
        push(ends)
        run(ends)
        assert ends.shelf.opened == [0, stored]
        assert ends.shelf.files == {KEY: CARD} and ends.shelf.written == len(CARD)


def test_bulk_other_content_under_the_same_name_begins_anew():
    ends = ready()
    push(ends)
    while ends.shelf.written < 2000:
        ends.give_terminal(ends.down())
        ends.give_agent(ends.up())
    ends.new_agent(8)
    ends.quiet()
    push(ends, OTHER)
    run(ends)
    assert ends.shelf.opened == [0, 0]
    assert ends.shelf.files == {KEY: OTHER}


def test_bulk_stopped_transfer_leaves_the_line_to_the_next():
    ends = ready()
    push(ends)
    ends.give_terminal(ends.down())
    ends.give_agent(ends.up())
    ends.agent.stop_bulk()
    assert ends.down() == [] and not only(ends.at_agent, "bulk_done")
    push(ends, b"another", "3018")
    run(ends)
    assert ends.shelf.files == {(content.STAFF_CARD, "3018"): b"another"}


def test_bulk_receiver_leaves_memory_after_a_while_and_an_agent_that_slept_opens_anew():
    ends = ready()
    push(ends)
    for _ in range(6):
        ends.give_terminal(ends.down())
        ends.give_agent(ends.up())
    before = ends.shelf.ends
    for _ in range(BULK_IDLE_MS // 5000 + 2):
        ends.now_ms += 5000
        ends.terminal.tick(ends.now_ms)
        ends.terminal.receive(frame.encode(messages.HEARTBEAT, 7, 0, b"\x81\x01"), ends.now_ms)
    assert ends.shelf.ends == before + 1
    run(ends)
    assert ends.shelf.files == {KEY: CARD} and ends.shelf.written == len(CARD)


def test_receiver_holds_what_came_too_early_and_says_so():
    shelf = Shelf()
    receiver = BulkReceiver(shelf)
    head = {"kind": 1, "name": "1", "size": 50, "sha256": bytes(32)}
    receiver.receive(messages.BULK_OPEN, 254, messages.encode(messages.BULK_OPEN, head))
    assert receiver.answer() == (254, {"next": 0, "reason": reasons.OK, "held": 0})
    for i, id_ in enumerate((1, 2, 3, 4)):
        receiver.receive(messages.BULK_DATA, id_, ((i + 1) * 10).to_bytes(4, "little") + bytes([i + 1]) * 10)
    assert receiver.answer() == (4, {"next": 0, "reason": reasons.OK, "held": 0b1110})
    assert shelf.written == 0
    receiver.receive(messages.BULK_DATA, 5, bytes(4) + bytes(10))
    assert receiver.answer() == (5, {"next": 10 + 10 * HELD_MAX, "reason": reasons.OK, "held": 0})
    assert shelf.part == bytes(10) + b"\x01" * 10 + b"\x02" * 10 + b"\x03" * 10
    receiver.receive(messages.BULK_DATA, 6, (35).to_bytes(4, "little") + b"\x03" * 5 + b"\x04" * 10)
    assert receiver.answer()[1]["next"] == 50


def test_receiver_refuses_more_than_was_announced_and_a_close_too_early():
    shelf = Shelf()
    receiver = BulkReceiver(shelf)
    receiver.receive(messages.BULK_CLOSE, 1, b"\x80")
    assert receiver.answer()[1]["reason"] == reasons.NO_TRANSFER
    receiver.receive(messages.BULK_DATA, 2, bytes(10))
    assert receiver.answer()[1]["reason"] == reasons.NO_TRANSFER
    opening = messages.encode(messages.BULK_OPEN, {"kind": 1, "name": "1", "size": 5, "sha256": bytes(32)})
    receiver.receive(messages.BULK_OPEN, 3, opening)
    receiver.receive(messages.BULK_DATA, 4, bytes(10))
    assert receiver.answer()[1] == {"next": 0, "reason": reasons.OUT_OF_RANGE, "held": 0}
    receiver.receive(messages.BULK_OPEN, 5, opening)
    receiver.receive(messages.BULK_CLOSE, 6, b"\x80")
    assert receiver.answer()[1]["reason"] == reasons.OUT_OF_RANGE
    with Raises(MessageError, "no data"):
        receiver.receive(messages.BULK_DATA, 7, bytes(4))
    assert not receiver.due


def test_receiver_answers_a_repeated_close_as_before():
    ends = ready()
    push(ends)
    run(ends)
    ends.give_terminal([(messages.BULK_CLOSE, 7, 200, b"\x80")])
    body = [one[3] for one in ends.up() if one[0] == messages.BULK_ACK][0]
    assert messages.decode(messages.BULK_ACK, body)["reason"] == reasons.OK
    assert ends.shelf.files == {KEY: CARD}
