"""Who may call the local API: tokens, this agent's own pages, origins, rates, and the state stream."""

import asyncio
import http.client
import json
import ssl
import urllib.request

import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from host_agent import config as agent_config
from host_agent.api_access import BURST_S, Access, Caller
from host_agent.api_guard import BODY_LIMIT_BYTES, Guard
from host_agent.cli import main
from host_agent.errors import UserError
from host_agent.refusal import Refusal
from tests.unit.agent_support import AgentProcess, Broker, wait_until
from tests.unit.fake_terminal import FakeTerminal
from tests.unit.tls_files import Authority

WAIT_S = 60
TOO_LARGE = 1009  # RFC 6455 §7.4.1
W1, W2 = "/api/v1/windows/W01", "/api/v1/windows/W02"
HALL_TOKEN, QUEUE_TOKEN = "hall-0123456789abcdef0123", "queue-0123456789abcdef012"
PAGE = "https://queue.example"
INTEGRATIONS = f"""
[[integration]]
name = "hall"
token_file = "hall.token"
[[integration]]
name = "queue"
token_file = "queue.token"
windows = ["W01"]
origins = ["{PAGE}"]
"""


class Hall:
    """Hold an agent with two windows and two integrations; the terminal of W01 is there."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "hall.token").write_text(HALL_TOKEN + "\n", encoding="ascii")
        (folder / "queue.token").write_text(QUEUE_TOKEN, encoding="ascii")
        self.broker = Broker(folder).start()
        self.terminal = FakeTerminal(folder / "port").start()
        windows = [("W01", "YP-0001", folder / "port"), ("W02", "YP-0002", folder / "none")]
        self.agent = AgentProcess(folder, self.broker.port, windows, policy=INTEGRATIONS).start("--wait", ready=False)
        wait_until("the terminal answers", self.terminal_answers, WAIT_S)

    def terminal_answers(self):
        try:
            return self.ask("GET", W1, token=HALL_TOKEN)[1]["connected"]
        except OSError:
            return False

    def ask(self, method, path, token=None, body=None, **headers):
        """Return status, body and headers."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.agent.port, timeout=WAIT_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, json.loads(data) if is_json else data, answer.headers
        finally:
            connection.close()

    def stream(self, query="", token=None, origin=None):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"ws://127.0.0.1:{self.agent.port}/api/v1/stream{query}"
        return connect(url, origin=origin, additional_headers=headers, open_timeout=WAIT_S)

    def close(self):
        self.agent.stop()
        self.terminal.close()
        self.broker.stop()


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    made = Hall(tmp_path_factory.mktemp("access"))
    yield made
    made.close()


def refused(answer, status, code):
    assert (answer[0], answer[1]["error"]["code"]) == (status, code)
    assert answer[1]["error"]["message"] and answer[1]["error"]["cure"]
    return True


def test_access_without_or_with_a_wrong_token_is_refused(hall):
    answer = hall.ask("GET", W1)
    assert refused(answer, 401, "no_token") and answer[2]["WWW-Authenticate"] == "Bearer"
    for wrong in (HALL_TOKEN[:-1], HALL_TOKEN + "x", "", "密"):
        headers = {"Authorization": f"Bearer {wrong}".encode()}
        assert refused(hall.ask("GET", W1, **headers), 401, "wrong_token")
    assert refused(hall.ask("POST", f"{W1}/login", body={"number": "7"}), 401, "no_token")
    assert refused(hall.ask("GET", W1, Authorization="Basic aGFsbDpoYWxs"), 401, "wrong_token")
    assert hall.terminal.clerk is None, "nothing was changed"


def test_access_token_opens_what_its_integration_names_and_nothing_else(hall):
    assert hall.ask("GET", W1, QUEUE_TOKEN)[0] == 200
    assert hall.ask("GET", W2, HALL_TOKEN)[0] == 200
    for path in (W2, "/api/v1/status", "/api/v1/refused", "/metrics"):
        assert refused(hall.ask("GET", path, QUEUE_TOKEN), 403, "forbidden"), path
        assert hall.ask("GET", path, HALL_TOKEN)[0] == 200, path
    listed = [item["window"] for item in hall.ask("GET", "/api/v1/windows", QUEUE_TOKEN)[1]["items"]]
    assert listed == ["W01"]
    assert refused(hall.ask("POST", f"{W2}/login", QUEUE_TOKEN, {"number": "7"}), 403, "forbidden")


def test_access_of_the_agents_own_pages_is_a_cookie_that_no_other_page_can_use(hall):
    status, _, headers = hall.ask("GET", "/clerk/W01")
    cookie = headers["Set-Cookie"]
    assert status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    pair = cookie.partition(";")[0]
    assert hall.ask("GET", W1, Cookie=pair)[0] == 200
    assert hall.ask("POST", f"{W1}/logout", body={}, Cookie=f"other=1; {pair}")[0] == 200
    foreign = {"Cookie": pair, "Origin": "https://evil.example"}
    assert refused(hall.ask("POST", f"{W1}/logout", body={}, **foreign), 403, "foreign_origin")
    assert refused(hall.ask("GET", W1, Cookie=pair[:-1]), 401, "no_token")
    assert refused(hall.ask("GET", W1, Cookie='"=;\x01'), 401, "no_token")


def test_access_from_a_named_page_answers_preflight_and_lets_it_read(hall):
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    status, _, headers = hall.ask("OPTIONS", f"{W1}/invites", **asked)
    assert status == 204 and headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Allow-Private-Network"] == "true"
    assert "authorization" in headers["Access-Control-Allow-Headers"]
    status, _, headers = hall.ask("GET", W1, QUEUE_TOKEN, Origin=PAGE)
    assert status == 200 and headers["Access-Control-Allow-Origin"] == PAGE and headers["Vary"] == "Origin"


def test_access_from_other_pages_is_refused_even_with_a_token(hall):
    for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", f"http://{PAGE[8:]}"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        assert refused(hall.ask("OPTIONS", f"{W1}/invites", **asked), 403, "foreign_origin"), origin
        answer = hall.ask("GET", W1, QUEUE_TOKEN, Origin=origin)
        assert refused(answer, 403, "foreign_origin") and "Access-Control-Allow-Origin" not in answer[2]
    assert refused(hall.ask("GET", W1, HALL_TOKEN, Origin=PAGE), 403, "foreign_origin"), "another's page"


def test_access_refusal_can_be_read_by_a_page_that_is_named(hall):
    for answer, code in (
        (hall.ask("GET", W1, "wrong-0123456789abcdef01", Origin=PAGE), "wrong_token"),
        (hall.ask("GET", W1, Origin=PAGE), "foreign_origin"),
        (hall.ask("GET", W2, QUEUE_TOKEN, Origin=PAGE), "forbidden"),
        (hall.ask("GET", "/api/v1/windows/W99", QUEUE_TOKEN, Origin=PAGE), "unknown_window"),
    ):
        assert answer[1]["error"]["code"] == code
        assert answer[2]["Access-Control-Allow-Origin"] == PAGE and answer[2]["Vary"] == "Origin", code


def test_access_of_the_status_command_needs_no_token(hall):
    result = CliRunner().invoke(main, ["agent", "status", "--json", "--config", str(hall.agent.config)])
    assert json.loads(result.output)["agent"] == "pc-01"


def test_stream_tells_each_window_at_once_and_then_each_change(hall):
    with hall.stream(token=HALL_TOKEN) as socket:
        first = [json.loads(socket.recv(WAIT_S)) for _ in range(2)]
        assert {view["window"] for view in first} == {"W01", "W02"} and first[0]["type"] == "window"
        assert hall.ask("POST", f"{W1}/login", HALL_TOKEN, {"number": "31"})[0] == 200
        view = json.loads(socket.recv(WAIT_S))
        while view["clerk"] != {"number": "31"}:
            view = json.loads(socket.recv(WAIT_S))
        invite = hall.ask("POST", f"{W1}/invites", HALL_TOKEN, {})[1]["invite"]
        hall.terminal.rate(1)
        while view["invite"] != {"invite": invite, "state": "rated", "reason": None}:
            view = json.loads(socket.recv(WAIT_S))
            assert "level" not in json.dumps(view)
    assert hall.ask("POST", f"{W1}/logout", HALL_TOKEN, {})[0] == 200


def test_stream_takes_the_token_of_a_browser_in_the_first_message(hall):
    with hall.stream(origin=PAGE) as socket:
        socket.send(json.dumps({"token": QUEUE_TOKEN}))
        assert json.loads(socket.recv(WAIT_S))["window"] == "W01"
    with hall.stream("?window=W02", token=HALL_TOKEN) as socket:
        assert json.loads(socket.recv(WAIT_S))["window"] == "W02"


@pytest.mark.parametrize(
    "first", ['{"token": "wrong-0123456789abcdef01"}', "[]", "{}", "no json", '{"token": 7}', "[" * 60_000]
)
def test_stream_without_a_right_token_is_closed_and_tells_nothing(hall, first):
    with hall.stream() as socket:
        socket.send(first)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(WAIT_S)
        assert closed.value.rcvd.code == 1008


def test_stream_first_message_is_as_bounded_as_a_body(hall):
    with hall.stream() as socket:
        socket.send(json.dumps({"token": HALL_TOKEN, "more": "x" * BODY_LIMIT_BYTES}))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(WAIT_S)
        assert closed.value.rcvd.code == TOO_LARGE


def test_stream_from_another_page_is_refused_before_it_opens(hall):
    for options in ({"origin": "https://evil.example"}, {"origin": PAGE, "token": HALL_TOKEN}, {"token": "wrong"}):
        with pytest.raises(InvalidStatus) as refusal:
            hall.stream(**options)
        assert refusal.value.response.status_code == 403, options


def test_invite_id_given_again_for_another_service_is_refused_and_changes_nothing(hall):
    assert hall.ask("POST", f"{W1}/login", HALL_TOKEN, {"number": "31"})[0] == 200
    body = {"id": "case-9", "project_no": "P-9", "service_no": 1}
    first = hall.ask("POST", f"{W1}/invites", HALL_TOKEN, body)
    assert first[0] == 201
    again = hall.ask("POST", f"{W1}/invites", HALL_TOKEN, body)
    assert (again[0], again[1]["invite"]) == (200, first[1]["invite"])
    assert refused(hall.ask("POST", f"{W1}/invites", HALL_TOKEN, {**body, "project_no": "P-10"}), 409, "id_reused")
    hall.terminal.rate(3)
    wait_until("the outcome", lambda: hall.ask("GET", W1, HALL_TOKEN)[1]["invite"]["state"] == "rated", WAIT_S)


def test_caller_that_asks_too_often_waits_and_is_served_again():
    caller = Caller("queue", None, rate_per_s=10, now_s=100.0)
    for _ in range(10 * BURST_S):
        caller.spend(100.0)
    with pytest.raises(Refusal) as refusal:
        caller.spend(100.05)
    assert (refusal.value.status, refusal.value.code) == (429, "too_many")
    caller.spend(100.11)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ('listen = "0.0.0.0:8471"', "api.cert_file"),
        ('listen = "0.0.0.0:8471"', "integration"),
        ("[api]\nrate_per_s = 0", "api.rate_per_s"),
        ('[api]\ncert_file = "absent.pem"', "api.cert_file"),
        ('[[integration]]\nname = "a b"\ntoken_file = "good.token"', "integration[0].name"),
        ('[[integration]]\nname = "a"\ntoken_file = "absent.token"', "integration[0].token_file"),
        ('[[integration]]\nname = "a"\ntoken_file = "short.token"', "integration[0].token_file"),
        ('[[integration]]\nname = "a"\ntoken_file = "good.token"\nwindows = ["W09"]', "integration[0].windows"),
        (
            '[[integration]]\nname = "a"\ntoken_file = "good.token"\norigins = ["hall.example"]',
            "integration[0].origins",
        ),
        ('[[integration]]\nname = "a"\ntoken_file = "good.token"\norigins = ["https://h/x"]', "integration[0].origins"),
        ('[[integration]]\nname = "a"\ntoken_file = "good.token"\n' * 2, "integration[1]"),
    ],
)
def test_access_configuration_that_is_wrong_is_named_by_its_key(tmp_path, change, key):
    (tmp_path / "good.token").write_text("0123456789abcdef0123", encoding="ascii")
    (tmp_path / "short.token").write_text("0123456789", encoding="ascii")
    agent = '[agent]\nid = "pc-01"\ncentre = "C01"\n'
    window = '[[window]]\nid = "W01"\nterminal = "YP-0001"\n'
    text = f"{agent}{change}\n{window}" if change.startswith("listen") else f"{agent}{window}{change}\n"
    (tmp_path / "agent.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        agent_config.load(tmp_path / "agent.toml")
    assert any(line.partition(": ")[2].find(f"agent.toml: {key})") > 0 for line in error.value.lines())


def test_pages_are_refused_to_other_machines_and_the_api_is_not(tmp_path):
    (tmp_path / "hall.token").write_text(HALL_TOKEN, encoding="ascii")
    agent = '[agent]\nid = "pc-01"\ncentre = "C01"\n[[window]]\nid = "W01"\nterminal = "YP-0001"\n'
    integration = '[[integration]]\nname = "hall"\ntoken_file = "hall.token"\n'
    (tmp_path / "agent.toml").write_text(agent + integration, encoding="utf-8")
    config = agent_config.load(tmp_path / "agent.toml")

    async def everything(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    guard = Guard(everything, config, Access(config, lambda: 0.0))
    token = f"Bearer {HALL_TOKEN}"
    assert status_for(guard, "/clerk/W01", "10.0.0.5") == 403
    assert status_for(guard, "/clerk/W01", "127.0.0.1") == 200
    assert status_for(guard, W1, "10.0.0.5") == 401
    assert status_for(guard, W1, "10.0.0.5", token) == 200


def status_for(guard, path, peer, authorization=""):
    """Return what the guard answers to a request from an address."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8471")] + ([(b"authorization", authorization.encode())] if authorization else [])
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "client": (peer, 5)}
    asyncio.run(guard(scope, None, send))
    return sent[0]["status"]


def test_access_from_other_machines_is_by_tls_and_token(tmp_path):
    (tmp_path / "hall.token").write_text(HALL_TOKEN, encoding="ascii")
    authority = Authority(tmp_path)
    cert_file, key_file = authority.server("agent", -1, 30)
    tls = f'[api]\ncert_file = "{cert_file.name}"\nkey_file = "{key_file.name}"\n'
    integration = '[[integration]]\nname = "hall"\ntoken_file = "hall.token"\n'
    agent = AgentProcess(tmp_path, 1, [("W01", "YP-0001", "auto")], policy=tls + integration)
    wide = agent.config.read_text(encoding="utf-8").replace('listen = "127.0.0.1', 'listen = "0.0.0.0')
    agent.config.write_text(wide, encoding="utf-8")
    trusting = ssl.create_default_context(cafile=authority.ca_file)
    request = urllib.request.Request(
        f"https://127.0.0.1:{agent.port}{W1}", headers={"Authorization": f"Bearer {HALL_TOKEN}"}
    )

    def window():
        try:
            with urllib.request.urlopen(request, context=trusting, timeout=WAIT_S) as answer:
                return json.load(answer)["window"]
        except OSError:
            return None

    agent.start("--wait", ready=False)
    try:
        assert wait_until("the agent answers over TLS", window, WAIT_S) == "W01"
        result = CliRunner().invoke(main, ["agent", "status", "--json", "--config", str(agent.config)])
        assert json.loads(result.output)["agent"] == "pc-01"
    finally:
        agent.stop()
