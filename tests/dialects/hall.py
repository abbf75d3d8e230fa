"""A hall with old counter software: one agent, terminals that reveal levels and that do not, and every dialect.

W01 reveals · W02 does not · W03 has no terminal · W04 does not, and its counter software is the uploader
"""

import json
import queue
import socket
import threading
from contextlib import ExitStack

from websockets.sync.client import connect
from websockets.sync.server import serve

from host_agent.dialects import ff68_frame as ff68
from protocol import messages
from simulator.demo.parts import free_port
from tests.dialects.revealing_terminal import RevealingTerminal
from tests.unit.agent_support import AgentProcess, Broker, StandInReceiver, wait_until
from tests.unit.fake_terminal import FakeTerminal

WAIT_S = 60
TOKEN, ONE_TOKEN = "hall-0123456789abcdef0123", "one-0123456789abcdef01234"
PAGE = "https://counter.example"
CONFIG = """
[[integration]]
name = "hall"
token_file = "hall.token"
origins = ["https://counter.example"]
[[integration]]
name = "one"
token_file = "one.token"
windows = ["W02"]
[[dialect]]
kind = "gwq"
windows = ["W01", "W02", "W03", "W04"]
[[dialect]]
kind = "rateservice"
listen = "127.0.0.1:{rate}"
win_nums = {{ "1" = "W01", "2" = "W02", "3" = "W03" }}
user_codes = {{ u7 = "007", u8 = "008" }}
scores = {{ "1" = 1, "2" = 2, "3" = 3, "4" = 4, "5" = 5 }}
[[dialect]]
kind = "rateservice"
url = "ws://127.0.0.1:{hall}/"
win_nums = {{ "11" = "W01", "12" = "W02" }}
user_codes = {{ v31 = "031" }}
scores = {{ "1" = 1, "2" = 2, "3" = 3, "4" = 4, "5" = 5 }}
[[dialect]]
kind = "ff68_rater"
port = "socket://127.0.0.1:{ff68}"
addresses = {{ "1" = "W01", "2" = "W02" }}
grades = {{ "1" = 0, "2" = 1, "3" = 2, "4" = 3, "5" = 4 }}
"""


class SerialServer:
    """Be the TCP serial server that old counter software's bus ends at."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT_S)
        self.port = self._listener.getsockname()[1]
        self._line = None
        self._reader = ff68.Reader()
        self._frames = []

    def send(self, data):
        if self._line is None:
            self._line = self._listener.accept()[0]
            self._line.settimeout(WAIT_S)
        self._line.sendall(data)

    def begin(self, address):
        self.send(ff68.encode(ff68.Frame(address, 1, b"\x0b")))

    def frame(self):
        """Return the next frame that the agent sends."""
        while not self._frames:
            data = self._line.recv(4096)
            assert data, "the agent closed the line"
            self._frames += self._reader.feed(data, 0)
        return self._frames.pop(0)

    def close(self):
        if self._line is not None:
            self._line.close()
        self._listener.close()


class HallService:
    """Be the hall's own RateService: take logins, push, and hear submissions."""

    def __init__(self):
        self.port = free_port()
        self.heard = queue.Queue()
        self.refuse_logins = False
        self._connections = {}
        self._server = serve(self._talk, "127.0.0.1", self.port)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _talk(self, connection):
        for text in connection:
            body = json.loads(text)
            if body.get("method") == "Login":
                param = body["param"]
                code = "1002" if self.refuse_logins else "0"
                connection.send(json.dumps({"request": "Login", "code": code}))
                self._connections[param["winNum"]] = connection
                self.heard.put(("login", param["winNum"], param["userCode"]))
            elif body.get("method") == "HeartBeat":
                connection.send(json.dumps({"request": "HeartBeat", "code": "0"}))
            else:
                self.heard.put(body)

    def send(self, win_num, body):
        self._connections[win_num].send(json.dumps(body))

    def drop(self, win_num):
        self._connections[win_num].close()

    def next(self, wanted):
        """Return the next thing heard that `wanted` takes; what others said before is passed over."""
        while True:
            found = self.heard.get(timeout=WAIT_S)
            if wanted(found):
                return found

    def close(self):
        self._server.shutdown()


class DialectHall:
    """Hold the whole."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "hall.token").write_text(TOKEN, encoding="ascii")
        (folder / "one.token").write_text(ONE_TOKEN, encoding="ascii")
        self.broker = Broker(folder).start()
        self.receiver = StandInReceiver(self.broker.port)
        self.t1 = RevealingTerminal(folder / "port1", "YP-0001").start()
        self.t2 = FakeTerminal(folder / "port2", "YP-0002").start()
        self.t4 = FakeTerminal(folder / "port4", "YP-0004").start()
        self.bus = SerialServer()
        self.service = HallService()
        self.rate_port = free_port()
        windows = [(f"W0{n}", f"YP-000{n}", folder / f"port{n}") for n in (1, 2, 3, 4)]
        policy = 'uploader = "counter"\n' + CONFIG.format(
            rate=self.rate_port, hall=self.service.port, ff68=self.bus.port
        )
        # Without the pauses that a hall needs between two citizens, or that a test would only wait for.
        constants = {
            "host_agent.dialects.ff68_line.REPEAT_MS": 0,
            "host_agent.dialects.gwq.GRACE_S": 0.0,
            "host_agent.dialects.evaluation.LOOK_S": 0.05,
            "host_agent.reconnect.LAST_S": 0.2,
        }
        self.agent = AgentProcess(folder, self.broker.port, windows, policy=policy, constants=constants)
        self.agent.start("--wait", ready=False)
        for terminal in (self.t1, self.t2, self.t4):
            wait_until("the agent greets a terminal", lambda terminal=terminal: terminal.requests, WAIT_S)
        for window in ("W01", "W02", "W04"):
            wait_until("a terminal answers", lambda window=window: self.window(window)["connected"], WAIT_S)

    def ask(self, method, path, body=None, token=TOKEN, **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.agent.call(method, path, body, headers)

    def window(self, name):
        return self.ask("GET", f"/api/v1/windows/{name}")[1]

    def gwq(self, body, window="W01", **options):
        return self.ask("POST", f"/dialects/gwq/{window}", body, **options)

    def socket(self, window="W01", token=TOKEN, origin=None):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"ws://127.0.0.1:{self.agent.port}/dialects/gwq/{window}"
        return connect(url, origin=origin, additional_headers=headers, open_timeout=WAIT_S)

    def counter(self, win_num=None, user="u7"):
        """Connect as old RateService counter software, logged in where a winNum is given."""
        counter = OldCounter(f"ws://127.0.0.1:{self.rate_port}/")
        if win_num is not None:
            assert counter.call("Login", winNum=win_num, userCode=user)["code"] == "0"
        return counter

    def begin(self):
        """Start each test with a clerk at each window, nothing open, nothing paused."""
        for name, terminal in (("W01", self.t1), ("W02", self.t2), ("W04", self.t4)):
            terminal.answers = {}
            if terminal.open_invite is not None:
                terminal.rate(3)
                wait_until("the outcome", lambda name=name: self.window(name)["invite"]["state"] == "rated", WAIT_S)
            assert self.ask("POST", f"/api/v1/windows/{name}/pause", {"paused": False})[0] == 200
            assert self.ask("POST", f"/api/v1/windows/{name}/login", {"number": "007"})[0] == 200
        return self

    def invited(self, terminal):
        """Wait for the open invite of a terminal."""
        return wait_until("the invite at the terminal", lambda: terminal.open_invite, WAIT_S)

    def invites_seen(self, terminal):
        return sum(type_ == messages.INVITE for type_, _ in terminal.requests)

    def close(self):
        self.agent.stop()
        for terminal in (self.t1, self.t2, self.t4):
            terminal.close()
        self.bus.close()
        self.service.close()
        self.receiver.close()
        self.broker.stop()


class OldCounter:
    """Be old counter software on a RateService."""

    def __init__(self, url, **options):
        self._open = ExitStack()
        self.socket = self._open.enter_context(connect(url, open_timeout=WAIT_S, **options))

    def send(self, method, **param):
        self.socket.send(json.dumps({"method": method, "param": param}))

    def next(self):
        return json.loads(self.socket.recv(WAIT_S))

    def call(self, method, **param):
        self.send(method, **param)
        return self.next()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.close()


class Posting:
    """Post in a thread of its own, as a page that waits."""

    def __init__(self, post):
        self._answer = []
        self._thread = threading.Thread(target=lambda: self._answer.append(post()), daemon=True)
        self._thread.start()

    def answer(self):
        self._thread.join(WAIT_S)
        assert self._answer, "no answer"
        return self._answer[0]
