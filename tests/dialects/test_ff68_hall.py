"""An old FF68 master at a running agent; and what no dialect may do: upload beside another, or keep a level."""

import json

from host_agent.dialects.ff68_frame import Frame, encode
from protocol import messages, rating
from tests.dialects.hall import WAIT_S, Posting
from tests.dialects.revealing_terminal import end
from tests.unit.agent_support import wait_until


def test_ff68_master_hears_the_grade_in_pieces_and_acknowledges(hall):
    begin = encode(Frame(1, 1, b"\x0b"))
    hall.bus.send(b"\x00\x68" + begin[:4])
    hall.bus.send(begin[4:])
    hall.invited(hall.t1)
    hall.t1.press(4, final=False)
    wait_until("a look at the unfinished rating", lambda: hall.t1.requests[-1][0] == messages.QUERY, WAIT_S)
    hall.t1.rated = {**hall.t1.rated, "level": 1}
    hall.t1.settle()
    grade = Frame(0x81, 0x11, b"\x00")
    assert hall.bus.frame() == grade
    assert hall.bus.frame() == grade, "it is not acknowledged yet"
    hall.bus.send(bytes.fromhex("68 02 02 68 81 01 82 16"))
    assert hall.window("W01")["invite"]["state"] == "rated"


def test_ff68_master_hears_nothing_of_what_is_no_rating_or_not_told(hall):
    hall.bus.begin(2)  # this terminal reveals nothing
    hall.invited(hall.t2)
    hall.t2.rate(5)
    wait_until("the outcome", lambda: hall.window("W02")["invite"]["state"] == "rated", WAIT_S)
    hall.bus.begin(1)
    hall.invited(hall.t1)
    end(hall.t1, rating.TIMED_OUT)
    wait_until("the outcome", lambda: hall.window("W01")["invite"]["state"] == "timed_out", WAIT_S)
    broken = bytearray(encode(Frame(1, 1, b"\x0b")))
    broken[-2] ^= 1
    before = hall.invites_seen(hall.t1)
    hall.bus.send(bytes(broken))
    wait_until("the broken frame is counted", lambda: dialect(hall, "old raters' line")["bad_checksum"], WAIT_S)
    assert hall.invites_seen(hall.t1) == before
    assert hall.ask("POST", "/api/v1/windows/W01/logout", {})[0] == 200
    hall.bus.begin(1)
    wait_until("nobody is credited", lambda: dialect(hall, "old raters' line")["refused"], WAIT_S)
    assert hall.ask("POST", "/api/v1/windows/W01/login", {"number": "007"})[0] == 200
    hall.bus.begin(1)
    hall.invited(hall.t1)
    hall.t1.press(5)
    assert hall.bus.frame() == Frame(0x81, 0x11, b"\x04"), "the first grade since is this one's"
    hall.bus.send(bytes.fromhex("FF 68 03 03 68 01 01 04 06 16"))


def test_ff68_begin_for_the_next_citizen_withdraws_what_is_open(hall):
    hall.bus.begin(1)
    first = hall.invited(hall.t1)
    hall.bus.begin(1)
    wait_until("the next citizen's invite", lambda: hall.t1.open_invite not in (None, first), WAIT_S)
    path = f"/api/v1/windows/W01/invites/{first.hex()}"
    wait_until("the withdrawal", lambda: hall.ask("GET", path)[1]["state"] == "cancelled", WAIT_S)
    hall.t1.press(3)
    assert hall.bus.frame() == Frame(0x81, 0x11, b"\x02")
    hall.bus.send(bytes.fromhex("68 02 02 68 81 01 82 16"))


def test_uploader_stands_in_the_terminals_state_and_is_warned_of_where_nobody_could(hall):
    topic = "yiping/v1/C01/terminal/{}/state"
    for terminal, uploader in (("YP-0001", "agent"), ("YP-0004", "counter")):
        found = wait_until("the state", lambda terminal=terminal: hall.receiver.other.get(topic.format(terminal)))
        assert json.loads(found[-1])["uploader"] == uploader
    warnings = [one for one in hall.ask("GET", "/api/v1/status")[1]["warnings"] if one["code"] == "never_uploaded"]
    assert [one["window"] for one in warnings] == ["W04"]


def test_what_was_told_is_in_the_answer_and_in_nothing_that_the_agent_keeps_or_shows(hall):
    planted = 987_654_321
    posting = Posting(lambda: hall.gwq({"veryPleased": [{"msg": "", "code": planted}], "caseNo": "P-planted"}))
    hall.invited(hall.t1)
    hall.t1.press(1, tags=[planted])
    assert posting.answer()[1]["json"] == {"satisfaction": "1", "evalDetail": str(planted)}
    kept = b"".join(
        path.read_bytes() for path in sorted((hall.folder / "data").iterdir()) if path.name != "reserve.bin"
    )
    assert b"P-planted" in kept, "the search finds what is kept"
    shown = json.dumps(hall.ask("GET", "/api/v1/status")[1]) + hall.agent.output()
    assert str(planted).encode() not in kept and str(planted) not in shown


def dialect(hall, name):
    return next(one for one in hall.ask("GET", "/api/v1/status")[1]["dialects"] if one["name"].startswith(name))
