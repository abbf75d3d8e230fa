"""Mutated content frames at both ends: one kind of error, bounded memory, and the transfer still ends as it must."""

from protocol import messages
from protocol.errors import MessageError
from protocol.link_bulk_terminal import HELD_MAX, BulkReceiver
from tests.both.link_ends import Ends, Shelf, only
from tests.both.test_fuzz import Draw, mutated, with_odd_field

SEED = 40_261
FRAMES = 400
CARD = bytes([i * 7 % 251 for i in range(1200)])


def _body(draw: Draw, type_: int) -> bytes:
    """Return a body that may fit, or not."""
    if type_ == messages.BULK_DATA:
        return draw.below(4000).to_bytes(4, "little") + CARD[: draw.below(600)]
    if type_ == messages.BULK_CLOSE:
        return b"\x80"
    if type_ == messages.BULK_ACK:
        fields = {"next": draw.below(4000), "reason": draw.below(25), "held": draw.below(256)}
    else:
        fields = {"kind": draw.below(8), "name": "3017", "size": draw.below(5000), "sha256": bytes(32)}
    body = messages.encode(type_, fields)
    what = draw.below(4)
    return mutated(draw, body) if what == 0 else with_odd_field(draw, body) if what == 1 else body


def test_fuzz_receiver_refuses_by_its_own_error_and_stores_no_byte_twice():
    print("seed", SEED)
    draw = Draw(SEED)
    shelf = Shelf()
    receiver = BulkReceiver(shelf)
    refused = 0
    for _ in range(FRAMES):
        type_ = (messages.BULK_OPEN, messages.BULK_DATA, messages.BULK_DATA, messages.BULK_CLOSE)[draw.below(4)]
        shelf.busy = draw.below(5) == 0
        try:
            receiver.receive(type_, draw.below(256), _body(draw, type_))
        except MessageError:
            refused += 1
        answer = messages.encode(messages.BULK_ACK, receiver.answer()[1])
        assert messages.decode(messages.BULK_ACK, answer)["next"] <= 5000
        assert len(receiver._held) <= HELD_MAX
    assert FRAMES // 20 < refused < FRAMES


def test_fuzz_terminal_link_survives_content_frames_of_any_body():
    print("seed", SEED + 1)
    draw = Draw(SEED + 1)
    ends = Ends(shelf=Shelf())
    ends.quiet()
    for _ in range(FRAMES):
        type_ = messages.BULK_OPEN + draw.below(8)
        body = _body(draw, type_) if type_ <= messages.BULK_ACK else b""
        ends.give_terminal([(type_, 7, draw.below(256), body)])
        ends.pass_ms(draw.below(50))
        ends.up()
    assert ends.terminal.counters["bad_message"] > FRAMES // 40
    ends.at_agent.clear()
    ends.agent.bulk(1, "3017", CARD, ends.now_ms)
    _finish(ends)
    assert ends.shelf.files[1, "3017"] == CARD


def test_fuzz_agent_link_survives_answers_of_any_body_and_ends_each_transfer_once():
    print("seed", SEED + 2)
    draw = Draw(SEED + 2)
    ends = Ends(shelf=Shelf())
    ends.quiet()
    started = 0
    for _ in range(FRAMES):
        if len(only(ends.at_agent, "bulk_done")) == started:
            ends.agent.bulk(1, "3017", CARD, ends.now_ms)
            started += 1
        frames = ends.down()
        if draw.below(3):
            ends.give_terminal(frames)
            ends.give_agent(ends.up())
        else:
            id_ = frames[-1][2] if frames and draw.below(4) else draw.below(256)
            ends.give_agent([(messages.BULK_ACK, 7, id_, _body(draw, messages.BULK_ACK))])
        ends.pass_ms(draw.below(300))
        ends.at_agent = only(ends.at_agent, "bulk_done")
        assert len(ends.at_agent) in (started - 1, started)
    assert started > 5
    ends.at_agent.clear()
    ends.agent.stop_bulk()
    ends.agent.bulk(1, "3017", CARD, ends.now_ms)
    _finish(ends)
    assert ends.shelf.files[1, "3017"] == CARD


def _finish(ends: Ends) -> None:
    """Carry frames until the transfer has ended."""
    for _ in range(400):
        ends.exchange()
        ends.pass_ms(20)
        if only(ends.at_agent, "bulk_done"):
            assert only(ends.at_agent, "bulk_done") == [("bulk_done", "3017", 0)]
            return
    raise AssertionError("the transfer does not end")
