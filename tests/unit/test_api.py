"""The local API of the running agent: what counter software and the clerk's page may ask, and what nobody may."""

import http.client
import json
import re

import pytest

from host_agent import certificates
from host_agent import delivery as rule
from protocol import messages, rating, reason_texts, reasons
from tests.unit.agent_support import ROOT, AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.fake_terminal import FakeTerminal

W = "/api/v1/windows/W01"
CLERK = {"number": "007", "name": "张晓敏", "post": "社保窗口", "stars": 5}


class Hall:
    """Hold one agent with two windows: the terminal of W01 is there, that of W02 is not."""

    def __init__(self, folder):
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.terminal = FakeTerminal(folder / "port").start()
        windows = [("W01", "YP-0001", folder / "port"), ("W02", "YP-0002", folder / "none")]
        self.agent = AgentProcess(folder, self.broker.port, windows).start("--wait")
        wait_until("the terminal answers", lambda: self.agent.status()["terminals"][0]["connected"])

    def close(self):
        self.agent.stop()
        self.terminal.close()
        self.receiver.close()
        self.broker.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Hall(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


@pytest.fixture
def hall(running):
    """Start each test with a clerk logged in, nothing open, nothing paused."""
    running.terminal.answers = {}
    if running.terminal.open_invite is not None:
        running.terminal.rate(5)
        wait_until("the outcome", lambda: window(running)["invite"]["state"] == "rated")
    assert running.agent.call("POST", f"{W}/pause", {"paused": False})[0] == 200
    assert running.agent.call("POST", f"{W}/login", CLERK)[0] == 200
    return running


def window(hall):
    return hall.agent.call("GET", W)[1]


def refused(result, status, code):
    assert result[0] == status, result
    error = result[1]["error"]
    assert error.keys() == {"code", "message", "cure"} and error["code"] == code and error["message"] and error["cure"]


def invite(hall, **body):
    status, found = hall.agent.call("POST", f"{W}/invites", body)
    assert status == 201, found
    return found["invite"]


def state_of(hall, invite_id):
    return hall.agent.call("GET", f"{W}/invites/{invite_id}")[1]["state"]


def test_api_status_has_the_contracts_shape(hall):
    status = hall.agent.status()
    assert {"agent", "centre", "version", "ok", "message", "broker", "store", "terminals"} <= status.keys()
    assert status["broker"].keys() == {"connected", "message", "certificate_days"}
    assert {"waiting", "unreceipted", "refused", "rows", "stored_total", "published_total", "receipted_total"} <= (
        status["store"].keys()
    )
    first, second = status["terminals"]
    assert {
        "window",
        "terminal",
        "port",
        "connected",
        "state",
        "message",
        "clerk",
        "paused",
        "invite",
        "link",
        "status",
    } <= (first.keys())
    assert first["link"]["rtt_ms"] is not None and first["connected"] and not second["connected"]
    assert "no such port" in status["message"]


def test_api_windows_are_listed_with_names(hall):
    status, found = hall.agent.call("GET", "/api/v1/windows")
    assert status == 200 and [item["window"] for item in found["items"]] == ["W01", "W02"]
    assert found["items"][0]["name"] == "W01号窗口" and found["hotkey"] == "F9"


def test_api_login_and_logout_reach_the_terminal_and_are_shown(hall):
    assert hall.terminal.clerk == CLERK and window(hall)["clerk"] == CLERK
    status, found = hall.agent.call("POST", f"{W}/logout", {})
    assert status == 200 and found["clerk"] is None
    assert hall.terminal.clerk is None


def test_api_login_without_terminal_is_kept_for_later(hall):
    status, found = hall.agent.call("POST", "/api/v1/windows/W02/login", {"number": "8"})
    assert status == 200 and found["clerk"] == {"number": "8"} and not found["connected"]


def test_api_serve_shows_the_ticket_until_the_invite(hall):
    assert hall.agent.call("POST", f"{W}/serve", {"ticket": "A012"})[0] == 200
    wait_until("serving", lambda: window(hall)["state"] == "serving")
    assert window(hall)["ticket"] == "A012"
    invite(hall)
    assert window(hall)["ticket"] is None


def test_api_invite_is_open_then_rated_and_no_answer_ever_holds_the_level(hall):
    made = invite(hall, project_no="P-2026-1", service_no=2)
    assert re.fullmatch("[0-9a-f]{32}", made) and state_of(hall, made) == "open"
    wait_until("the hint", lambda: window(hall)["state"] == "invited")
    hall.terminal.rate(1)
    wait_until("the outcome", lambda: state_of(hall, made) == "rated")
    texts = [
        json.dumps(hall.agent.call("GET", path)[1])
        for path in ("/api/v1/status", "/api/v1/windows", W, f"{W}/invites/{made}", "/api/v1/refused")
    ]
    assert not any(re.search("level|satisf|满意", text) for text in texts)


def test_api_invite_binds_centre_window_clerk_and_service(hall):
    from protocol import cbor, evidence

    made = invite(hall, project_no="P-1", service_no="3")
    hall.terminal.rate(5)
    event = wait_until("the event", lambda: next((e for e in hall.receiver.received if e.get("subject") == made), None))
    import base64

    preimage = base64.b64decode(event["data"]["invite_preimage"])
    assert evidence.invite_id(preimage).hex() == made
    assert cbor.decode(preimage)[1:5] == ["C01", "W01", "007", "P-1/3"]


def test_api_same_client_key_gives_the_same_invite_and_one_request(hall):
    first = hall.agent.call("POST", f"{W}/invites", {"id": "case-77"})
    hall.terminal.rate(3)
    wait_until("the outcome", lambda: state_of(hall, first[1]["invite"]) == "rated")
    second = hall.agent.call("POST", f"{W}/invites", {"id": "case-77"})
    assert (first[0], second[0]) == (201, 200)
    assert second[1] == {"invite": first[1]["invite"], "state": "rated", "reason": None}
    asked = [fields for type_, fields in hall.terminal.requests if type_ == messages.INVITE]
    assert [fields["invite"].hex() for fields in asked].count(first[1]["invite"]) == 1


def test_api_invite_passes_timeout_and_origin_on(hall):
    invite(hall, timeout_s=30, origin=2)
    fields = [fields for type_, fields in hall.terminal.requests if type_ == messages.INVITE][-1]
    assert (fields["timeout_ms"], fields["origin"], fields["qr"]) == (30_000, 2, None)
    assert 0 <= fields["age_ms"] < fields["ttl_ms"]


def test_api_second_invite_while_one_is_open_is_refused_and_the_first_stays(hall):
    first = invite(hall)
    refused(hall.agent.call("POST", f"{W}/invites", {}), 409, "invite_open")
    assert window(hall)["invite"] == {"invite": first, "state": "open", "reason": None}


def test_api_cancel_ends_the_invite(hall):
    made = invite(hall)
    status, found = hall.agent.call("DELETE", f"{W}/invites/{made}")
    assert status == 200 and found["state"] == "cancelled"
    assert hall.agent.call("DELETE", f"{W}/invites/{made}")[1]["state"] == "cancelled"


def test_api_cancel_after_the_press_is_refused_as_rated(hall):
    made = invite(hall)
    hall.terminal.answers[messages.CANCEL] = reasons.RATED
    refused(hall.agent.call("DELETE", f"{W}/invites/{made}"), 409, "rated")
    hall.terminal.rate(4)
    wait_until("the outcome", lambda: state_of(hall, made) == "rated")
    refused(hall.agent.call("DELETE", f"{W}/invites/{made}"), 409, "rated")


@pytest.mark.parametrize("kind", [rating.TIMED_OUT, rating.DECLINED, rating.INTERRUPTED])
def test_api_other_outcomes_are_told_by_their_names(hall, kind):
    made = invite(hall)
    hall.terminal.seal(kind, invite=bytes.fromhex(made))
    hall.terminal._call(lambda: hall.terminal._end("idle"))
    wait_until("the outcome", lambda: state_of(hall, made) == rating.KIND_NAMES[kind])


def test_api_pause_is_told_and_refuses_invites(hall):
    assert hall.agent.call("POST", f"{W}/pause", {"paused": True})[1]["paused"] is True
    assert hall.terminal.paused
    refused(hall.agent.call("POST", f"{W}/invites", {}), 409, "paused")


def test_api_invite_without_clerk_or_terminal_is_refused_by_name(hall):
    hall.agent.call("POST", f"{W}/logout", {})
    refused(hall.agent.call("POST", f"{W}/invites", {}), 409, "no_clerk")
    refused(hall.agent.call("POST", "/api/v1/windows/W02/invites", {}), 503, "terminal_absent")
    refused(hall.agent.call("POST", "/api/v1/windows/W02/serve", {"ticket": "1"}), 503, "terminal_absent")


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (reasons.FULL, 409, "full"),
        (reasons.FAULT, 409, "fault"),
        (reasons.NOT_STORED, 409, "not_stored"),
        (reasons.BUSY, 409, "busy"),
        (reasons.OUT_OF_RANGE, 422, "out_of_range"),
        (99, 409, "reason_99"),
    ],
)
def test_api_what_the_terminal_refuses_is_told_by_its_reason(hall, reason, status, code):
    hall.terminal.answers[messages.INVITE] = reason
    refused(hall.agent.call("POST", f"{W}/invites", {}), status, code)
    assert window(hall)["invite"]["state"] in ("refused", "rated", "cancelled")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("login", {}),
        ("login", {"number": 7}),
        ("login", {"number": "0 7"}),
        ("login", {"number": "x" * 21}),
        ("login", {"number": "7", "stars": 6}),
        ("login", {"number": "7", "stars": True}),
        ("login", {"number": "7", "age": 3}),
        ("login", {"number": "7", "name": "字" * 11}),
        ("login", {"number": "7", "name": "a\nb"}),
        ("serve", {}),
        ("serve", {"ticket": ""}),
        ("serve", {"ticket": "x" * 41}),
        ("pause", {}),
        ("pause", {"paused": 1}),
        ("invites", {"timeout_s": 5}),
        ("invites", {"timeout_s": "60"}),
        ("invites", {"origin": 3}),
        ("invites", {"origin": True}),
        ("invites", {"project_no": "a/b"}),
        ("invites", {"service_no": "two"}),
        ("invites", {"id": "x" * 65}),
        ("invites", {"level": 5}),
        ("invites", []),
    ],
)
def test_api_wrong_bodies_are_refused_with_the_key(hall, path, body):
    refused(hall.agent.call("POST", f"{W}/{path}", body), 400, "bad_request")


def test_api_unknown_places_are_404(hall):
    refused(hall.agent.call("GET", "/api/v1/windows/W99"), 404, "unknown_window")
    refused(hall.agent.call("POST", "/api/v1/windows/W99/invites", {}), 404, "unknown_window")
    refused(hall.agent.call("GET", f"{W}/invites/{'0' * 32}"), 404, "unknown_invite")
    refused(hall.agent.call("GET", f"{W}/invites/xyz"), 404, "unknown_invite")
    refused(hall.agent.call("DELETE", f"{W}/invites/{'0' * 32}"), 404, "unknown_invite")
    refused(hall.agent.call("GET", "/api/v2/status"), 404, "not_found")
    refused(hall.agent.call("DELETE", "/api/v1/status"), 405, "wrong_method")


def raw(hall, method, path, headers, body=b""):
    """Send exactly these headers; return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", hall.agent.port, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def test_api_other_host_names_are_refused_against_rebinding(hall):
    port = hall.agent.port
    for host in (f"evil.example:{port}", "127.0.0.1:1", "127.0.0.1", f"127.0.0.1.evil.example:{port}", "", "[::1"):
        assert raw(hall, "GET", "/api/v1/status", [("Host", host)])[0] == 421, host
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"):
        assert raw(hall, "GET", "/api/v1/status", [("Host", host)])[0] == 200, host


def test_api_pages_from_elsewhere_may_not_give_orders(hall):
    host = ("Host", f"127.0.0.1:{hall.agent.port}")
    kind, length = ("Content-Type", "application/json"), ("Content-Length", "2")
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        f"https://127.0.0.1:{hall.agent.port}",
        "http://[",
    ):
        answer = raw(hall, "POST", f"{W}/logout", [host, kind, length, ("Origin", origin)], b"{}")
        assert answer[0] == 403, origin
    assert window(hall)["clerk"] == CLERK
    origin = ("Origin", f"http://localhost:{hall.agent.port}")
    assert raw(hall, "POST", f"{W}/logout", [host, kind, length, origin], b"{}")[0] == 200


def test_api_body_must_be_json_by_its_type_and_small(hall):
    host = ("Host", f"127.0.0.1:{hall.agent.port}")
    plain = [host, ("Content-Type", "text/plain"), ("Content-Length", "2")]
    assert raw(hall, "POST", f"{W}/logout", plain, b"{}")[0] == 415
    large = [host, ("Content-Type", "application/json"), ("Content-Length", str(65_537))]
    assert raw(hall, "POST", f"{W}/logout", large)[0] == 413
    chunked = [host, ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    body = b"".join(b"4000\r\n" + b"x" * 0x4000 + b"\r\n" for _ in range(5)) + b"0\r\n\r\n"
    assert raw(hall, "POST", f"{W}/logout", chunked, body)[0] == 413


def test_api_pages_come_whole_from_here_and_may_be_framed_only_locally(hall):
    host = ("Host", f"127.0.0.1:{hall.agent.port}")
    for path in ("/", "/status", "/clerk/W01", "/web/clerk.js", "/web/base.css"):
        status, headers, body = raw(hall, "GET", path, [host])
        assert status == 200 and b"http://" not in body and b"https://" not in body, path
        assert "frame-ancestors 'self' http://127.0.0.1:*" in headers["content-security-policy"]
    assert raw(hall, "GET", "/clerk/W99", [host])[0] == 404
    assert raw(hall, "GET", "/web/../agent.py", [host])[0] == 404


def test_api_metrics_are_served(hall):
    status, _, body = raw(hall, "GET", "/metrics", [("Host", f"127.0.0.1:{hall.agent.port}")])
    assert status == 200
    for line in (
        b"yiping_broker_connected 1.0",
        b'yiping_terminal_connected{terminal="YP-0001",window="W01"} 1.0',
        b"yiping_events_stored_total",
    ):
        assert line in body


def test_api_words_of_the_page_cover_every_fault_of_the_agent():
    words = (ROOT / "host_agent" / "web" / "words.js").read_text(encoding="utf-8")
    known = words[words.index("FAULTS = {") :]
    source = (ROOT / "host_agent" / "faults.py").read_text(encoding="utf-8")
    codes = {*re.findall(r'fault\("([a-z_]+)"', source), certificates.CODE, rule.NO_RECEIPTS, rule.NO_SUBSCRIBER}
    assert len(codes) >= 11
    for code in {*codes, rule.BROKER_REFUSES}:
        assert f"\n  {code}: " in known, code


def test_api_words_of_the_page_cover_every_code():
    words = (ROOT / "host_agent" / "web" / "words.js").read_text(encoding="utf-8")
    for code in (
        "terminal_absent",
        "no_answer",
        "store_full",
        "store_fault",
        "bad_request",
        *(
            name
            for code, name in reason_texts.NAMES.items()
            if code
            not in (
                reasons.OK,
                reasons.NO_SESSION,
                reasons.UNKNOWN_MESSAGE,
                reasons.BAD_MESSAGE,
                reasons.VERSION,
                reasons.UNSUPPORTED,
                reasons.OUT_OF_RANGE,
                reasons.NO_TRANSFER,  # of content, which no order carries
                reasons.BAD_HASH,
                reasons.BAD_SIGNATURE,  # of firmware, which no order carries either
                reasons.WRONG_BOARD,
                reasons.TOO_OLD,
                reasons.NEEDS_BOOTSTRAP,
                reasons.NOT_COMPLETE,
            )
        ),
    ):
        assert f"\n  {code}: " in words, code
