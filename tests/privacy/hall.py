"""A whole hall with real parts, in which everything that the counter PC holds or says is kept for the search.

Broker, receiver, agent as its user starts it, with every line of its log; a simulated terminal behind a tapped line; a
subscriber that hears all of MQTT.
"""

import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt

from simulator.demo.broker import BrokerPart
from simulator.demo.parts import free_port, run_once, yiping
from simulator.terminal import SimTerminal
from tests.city.live import Receiver
from tests.privacy import search
from tests.privacy.line_tap import LineTap
from tests.privacy.requests import JSON, Asked, W
from tests.unit.agent_support import WAIT_S, AgentProcess, wait_until

PAGES = ("/", "/status", "/clerk/W01", "/metrics", "/web/clerk.js", "/web/words.js", "/api/v1/openapi.yaml")
ANSWERS = (W, "/api/v1/windows", "/api/v1/status", "/api/v1/refused", "/api/v1/staff")
POLICY = """
[privacy]
identity_key_file = "../city/identity.pub.pem"
[policy]
invite_ms = 30000
change_ms = 300
guard_ms = 50
detail = "off"
thanks_ms = 200
[[dialect]]
kind = "gwq"
windows = ["W01"]
[[dialect]]
kind = "rateservice"
listen = "127.0.0.1:{rate}"
win_nums = {{ "1" = "W01" }}
user_codes = {{ u7 = "007" }}
scores = {{ "1" = 1, "2" = 2, "3" = 3, "4" = 4, "5" = 5 }}
"""
PRESS_MS = 120


class Ear:
    """Hear every message of the broker."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        subscribed = threading.Event()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="ear", protocol=mqtt.MQTTv5)
        client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", port)
        client.subscribe("#", 1)
        client.loop_start()
        assert subscribed.wait(WAIT_S), "the ear's subscription"
        self._client = client

    def of(self, ending: str) -> list[bytes]:
        """Return the messages of the topics with this ending."""
        return [payload for topic, payload in list(self.heard) if topic.endswith(ending)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Hall:
    """Own every part, and what the PC said."""

    def __init__(self, folder: Path, reveal_level: bool = False) -> None:
        self.folder = folder
        self.said: dict[str, list[bytes]] = {}  # where → what
        self.city, self.pc = folder / "city", folder / "pc"
        for one in (self.city, self.pc):
            one.mkdir()
        run_once("keygen", yiping("identity", "keygen", "--out", str(self.city / "identity")), folder)
        self.broker = BrokerPart(folder, free_port(), "mosquitto")
        self.receiver = Receiver(self.city, self.broker)
        self.terminal = SimTerminal("k5", folder / "terminal", folder / "port", reveal_level=reveal_level).start()
        run_once("add", yiping("registry", "add", str(folder / "terminal" / "provision.json")), self.city)
        self.tap = LineTap(folder / "port").start()
        self.rate_port = free_port()
        windows = [("W01", "YP-0001", self.tap.port)]
        self.agent = AgentProcess(
            self.pc, self.broker.port, windows, policy=POLICY.format(rate=self.rate_port),
            constants={"host_agent.dialects.gwq.GRACE_S": 0.0, "host_agent.uplink.HEALTH_S": 1.0},
        )  # fmt: skip

    def start(self) -> None:
        self.broker.start()
        self.ear = Ear(self.broker.port)
        self.receiver.part.start()
        self.agent.start("--wait", "--verbose")
        wait_until("the terminal", lambda: self.window()["connected"])
        assert self.ask(Asked("login", "POST", f"{W}/login", b'{"number": "007"}'))[0] == 200

    def close(self) -> None:
        self.agent.stop(signal.SIGKILL)
        self.tap.close()
        self.terminal.close()
        for part in (self.receiver.part, self.broker):
            part.stop()
        self.ear.close()

    # --- asking

    def ask(self, asked: Asked) -> tuple[int, bytes]:
        """Send a request as it is; keep the whole answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.agent.port, timeout=WAIT_S)
        try:
            connection.request(asked.method, asked.path, asked.body, asked.headers)
            answer = connection.getresponse()
            body = answer.read()
            whole = f"{answer.status} {answer.headers}".encode() + body
        except (ConnectionError, http.client.HTTPException) as error:  # it closes on what is too large
            answer, body, whole = None, b"", repr(error).encode()
        finally:
            connection.close()
        self.said.setdefault(f"answer to {asked.what}", []).append(whole)
        return (answer.status if answer else 0), body

    def shout(self, raw: bytes) -> None:
        """Send bytes that are no request, and keep the answer."""
        with socket.create_connection(("127.0.0.1", self.agent.port), WAIT_S) as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            while data := sock.recv(4096):
                answer += data
        self.said.setdefault("answer to no request", []).append(answer)

    def order(self, path: str, body: dict, what: str) -> dict:
        """Order something that must be taken."""
        status, answer = self.ask(Asked(what, "POST", f"{W}/{path}", json.dumps(body).encode(), JSON))
        assert status in (200, 201), answer
        return json.loads(answer)

    def window(self) -> dict:
        return json.loads(self.ask(Asked("the window", "GET", W, b"", {}))[1])

    def state_of(self, invite: str) -> str:
        return json.loads(self.ask(Asked("an invite", "GET", f"{W}/invites/{invite}", b"", {}))[1])["state"]

    def press(self, level: int, invite: str) -> None:
        """Press a level's key at the terminal until the invite is rated; a page that is too new takes no press."""
        key = 6 - level

        deadline_s = time.monotonic() + WAIT_S
        while self.state_of(invite) != "rated":
            assert time.monotonic() < deadline_s, f"no press counted within {WAIT_S} s"
            if self.window()["state"] == "invited":
                self.terminal.press(key, PRESS_MS)
            time.sleep(3 * PRESS_MS / 1000)
        wait_until("the next citizen", lambda: self.window()["state"] in ("idle", "serving"))

    # --- looking

    def look(self) -> None:
        """Keep all pages, answers and reports of this moment, and the files as they are."""
        for path in (*PAGES, *ANSWERS):
            status, _ = self.ask(Asked(f"GET {path}", "GET", path, b"", {}))
            assert status == 200, path
        config = ("--config", str(self.agent.config))
        for words in (("agent", "status"), ("agent", "status", "--json"), ("staff", "list")):
            self.report(*words, *config)
        self.keep_files("while the agent runs")

    def end(self) -> None:
        """Stop the agent; keep what is left of it, and what went over the line and through the broker."""
        assert self.agent.stop() == 0
        self.keep_files("after its end")
        config = ("--config", str(self.agent.config))
        self.report("agent", "check", *config)
        self.report("agent", "check", "--json", *config)
        for name, data in (("to", self.tap.to_terminal), ("from", self.tap.from_terminal)):
            self.said[f"the line {name} the terminal"] = [bytes(data)]
            recording = self.folder / f"{name}.bin"
            recording.write_bytes(data)
            self.report("decode", "capture", str(recording))
            self.report("decode", "capture", "--json", str(recording))
        for topic, payload in self.ear.heard:
            self.said.setdefault(f"MQTT {topic}", []).append(payload)

    def report(self, *words: str) -> None:
        """Keep what a command says, under its words without files; whether all is well is not asked."""
        done = subprocess.run(yiping(*words), capture_output=True, timeout=WAIT_S, cwd=self.folder)
        assert b"Traceback" not in done.stderr, done.stderr
        named = " ".join(word for word in words if "/" not in word and word != "--config")
        self.said.setdefault(f"yiping {named}", []).append(done.stdout + done.stderr)

    def keep_files(self, when: str) -> None:
        for name, data in search.files(self.pc).items():
            self.said.setdefault(f"file {name} {when}", []).append(data)

    def opened(self, record: dict) -> dict[str, str]:
        """Open the identity in a record, as the city does."""
        command = yiping("identity", "open", "--key", "identity.key")
        done = subprocess.run(
            command, input=json.dumps(record).encode(), capture_output=True, timeout=WAIT_S, cwd=self.city
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
