"""GWQ-style pages at a running agent, over HTTP and WebSocket, and what must not come of their calls."""

import json
import socket
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol import messages, rating, reasons
from tests.dialects.hall import ONE_TOKEN, PAGE, TOKEN, WAIT_S, Posting
from tests.dialects.revealing_terminal import end
from tests.dialects.test_gwq_call import FIRST, SECOND
from tests.unit.agent_support import wait_until


@pytest.mark.parametrize(
    ("page", "json_of"),
    [
        (FIRST, {"satisfaction": "2", "evalDetail": "210"}),
        (SECOND, {"appraiseLevel": "4", "appraiseContent": "210", "otherAppraiseContent": ""}),
    ],
)
def test_gwq_page_hears_the_level_when_nobody_can_change_it_any_more(hall, page, json_of):
    posting = Posting(lambda: hall.gwq({**page, "caseNo": "P-1"}))
    hall.invited(hall.t1)
    hall.t1.press(5, final=False)
    wait_until("a look at the unfinished rating", lambda: hall.t1.requests[-1][0] == messages.QUERY, WAIT_S)
    hall.t1.rated = {**hall.t1.rated, "level": 2, "tags": [210, 211]}
    hall.t1.settle()
    assert posting.answer() == (200, {"ErrorCode": 0, "json": json_of, "Message": "已评价"})


def test_gwq_page_at_a_terminal_that_reveals_nothing_hears_that_it_was_rated(hall):
    with hall.socket("W02") as page:
        page.send(json.dumps({**SECOND, "runningNumber": "A012"}))
        hall.invited(hall.t2)
        hall.t2.rate(1)
        answer = json.loads(page.recv(WAIT_S))
    assert (answer["ErrorCode"], answer["runningNumber"]) == (0, "A012")
    assert set(answer["json"].values()) == {""}
    assert not any(type_ == messages.QUERY for type_, _ in hall.t2.requests), "it is not even asked"


@pytest.mark.parametrize(
    ("kind", "code"), [(rating.TIMED_OUT, -2), (rating.DECLINED, -9), (rating.CANCELLED, -9), (rating.INTERRUPTED, -12)]
)
def test_gwq_page_hears_an_end_without_rating_and_never_stars(hall, kind, code):
    posting = Posting(lambda: hall.gwq(FIRST))
    hall.invited(hall.t1)
    end(hall.t1, kind)
    answer = posting.answer()[1]
    assert (answer["ErrorCode"], answer["json"]) == (code, {})


def test_gwq_page_whose_time_is_up_leaves_the_invite_to_its_citizen(hall):
    with hall.socket() as page:
        page.send(json.dumps({**FIRST, "timeout": 1}))
        assert json.loads(page.recv(WAIT_S))["ErrorCode"] == -2
        first = hall.t1.open_invite
        page.send(json.dumps(FIRST))
        assert json.loads(page.recv(WAIT_S))["ErrorCode"] == -7, "it is open still"
        hall.t1.press(1)
        wait_until("the outcome", lambda: hall.window("W01")["invite"]["state"] == "rated", WAIT_S)
        page.send(json.dumps(FIRST))
        assert wait_until("the next citizen's invite", lambda: hall.t1.open_invite, WAIT_S) != first
        end(hall.t1, rating.TIMED_OUT)
        answer = json.loads(page.recv(WAIT_S))
    assert (answer["ErrorCode"], answer["json"]) == (-2, {}), "the press was not the next citizen's"


def test_gwq_page_that_goes_loses_the_answer_and_nothing_else(hall):
    with hall.socket() as page:
        page.send(json.dumps(FIRST))
        invite = hall.invited(hall.t1).hex()
    hall.t1.press(4)
    path = f"/api/v1/windows/W01/invites/{invite}"
    wait_until("the outcome", lambda: hall.ask("GET", path)[1]["state"] == "rated", WAIT_S)


def test_gwq_call_for_a_window_that_cannot_invite_has_its_code(hall):
    assert hall.gwq(FIRST, "W03")[1]["ErrorCode"] == -12
    assert hall.ask("POST", "/api/v1/windows/W01/logout", {})[0] == 200
    answer = hall.gwq(FIRST)[1]
    assert answer["ErrorCode"] == -2 and answer["Message"].startswith("no_clerk"), "nobody is credited"
    assert hall.t1.open_invite is None
    hall.t2.answers = {messages.INVITE: reasons.FULL}
    assert hall.gwq(FIRST, "W02")[1]["ErrorCode"] == -12


@pytest.mark.parametrize("text", ["", "[]", "{", '{"evaluator":[{"evaluatorText":"很好","evaluatorLevel":5}]}'])
def test_gwq_malformed_call_has_a_code_and_changes_nothing(hall, text):
    before = hall.invites_seen(hall.t1)
    with hall.socket() as page:
        page.send(text)
        assert json.loads(page.recv(WAIT_S))["ErrorCode"] == -2
    assert post_raw(hall, text)[1]["ErrorCode"] == -2
    assert hall.invites_seen(hall.t1) == before


def test_gwq_body_that_comes_in_pieces_is_one_call(hall):
    body = json.dumps({**FIRST, "timeout": 0}).encode()
    with socket.create_connection(("127.0.0.1", hall.agent.port), WAIT_S) as line:
        head = f"POST /dialects/gwq/W01 HTTP/1.1\r\nHost: 127.0.0.1:{hall.agent.port}\r\nAuthorization: Bearer {TOKEN}"
        line.sendall(f"{head}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
        for at in range(0, len(body), 40):
            piece = body[at : at + 40]
            line.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        line.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert b"the call has timeout that is not 1 to 600 s" in answer, "the whole was read, not its first piece"


def test_gwq_caller_without_right_is_refused_as_by_the_api(hall):
    assert hall.gwq(FIRST, token=None)[0] == 401
    assert hall.gwq(FIRST, token="wrong")[0] == 401
    assert hall.gwq(FIRST, token=ONE_TOKEN)[0] == 403
    assert hall.gwq(FIRST, "W09")[0] == 404
    assert hall.gwq(FIRST, Origin="https://evil.example")[0] == 403
    assert hall.gwq(FIRST, Host="evil.example")[0] == 421
    with pytest.raises(InvalidStatus):
        hall.socket(token=None, origin="https://evil.example")
    with hall.socket(token=None, origin=PAGE) as page:
        page.send(json.dumps(FIRST))
        with pytest.raises(ConnectionClosed):
            page.recv(WAIT_S)
    assert hall.t1.open_invite is None
    with hall.socket(token=None, origin=PAGE) as page:
        page.send(json.dumps({"token": TOKEN}))
        page.send("{}")
        assert json.loads(page.recv(WAIT_S))["ErrorCode"] == -2


def post_raw(hall, text):
    """Post bytes as they are."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{hall.agent.port}/dialects/gwq/W01",
        text.encode(),
        {"Authorization": f"Bearer {TOKEN}"},
        method="POST",
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=WAIT_S) as answer:
        return answer.status, json.load(answer)
