"""What the agent's tests stand on: a real broker, a stand-in receiver, the agent as a process, and its API."""

import base64
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt

from protocol import evidence
from simulator.demo.broker import RUMQTTD_CONF
from simulator.demo.parts import free_port

ROOT = Path(__file__).parents[2]
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
MOSQUITTO = shutil.which("mosquitto", path=SBIN)


# For whatever is waited for by name; a slow machine needs a third of it.
WAIT_S = 60.0
# How long the agent waits for a terminal before it answers without it: in use 1 to 3 s, here never by chance.
PATIENT = {
    "host_agent.agent.FIRST_ANSWER_S": WAIT_S,
    "host_agent.orders.TERMINAL_S": WAIT_S,
    "host_agent.orders.OUTCOME_S": WAIT_S,
}
RUN = """
import importlib, json, sys
for name, value in json.loads(sys.argv.pop(1)).items():
    module, _, constant = name.rpartition(".")
    assert hasattr(importlib.import_module(module), constant), name
    setattr(importlib.import_module(module), constant, value)
from host_agent.cli import main
main()
"""


def wait_until(what, condition, timeout_s=WAIT_S):
    """Wait for a named condition; the assertion names it."""
    end_s = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


class Broker:
    """Run mosquitto, or iotcore where it is absent, on a port of its own."""

    def __init__(self, folder, extra=""):
        self.folder = Path(folder)
        self.port = free_port()
        self.extra = extra
        self.process = None

    def start(self):
        command = self._mosquitto() if MOSQUITTO else self._iotcore()
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE
        )
        wait_until("the broker listens", self._listens)
        return self

    def _mosquitto(self):
        config = self.folder / "mosquitto.conf"
        # Started by root it would change to a user of its own, which cannot read the test's folder.
        user = f"user {getpass.getuser()}\n"
        listener = self.extra or f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
        config.write_text(user + listener, encoding="utf-8")
        return [MOSQUITTO, "-c", str(config)]

    def _iotcore(self):
        config = self.folder / "iotcore.toml"
        config.write_text(RUMQTTD_CONF.format(port=self.port, limit=65_536), encoding="ascii")
        return [sys.executable, "-m", "iotcore", "--config", str(config)]

    def _listens(self):
        assert self.process.poll() is None, "the broker ended"
        with socket.socket() as sock:
            sock.settimeout(WAIT_S)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(WAIT_S)
            self.process = None


class StandInReceiver:
    """Subscribe to events as the city does, open nothing, answer with receipts."""

    def __init__(self, port, prefix="yiping/v1", client_id="receiver"):
        self.prefix = prefix
        self.received: list[dict] = []
        self.status = "stored"
        self.code = ""
        self.answer = True
        self.other: dict[str, list[bytes]] = {}
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port, 30)
        self.client.loop_start()
        assert self._ready.wait(WAIT_S), "the stand-in receiver cannot subscribe"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client, _data, _flags, _reason, _properties):
        client.subscribe(f"{self.prefix}/#", qos=1)

    def _on_message(self, client, _data, message):
        if message.topic.endswith("/event"):
            event = json.loads(message.payload)
            with self._changed:
                self.received.append(event)
                self._changed.notify_all()
            if self.answer:
                self.receipt(event, self.status, self.code)
        elif not message.topic.endswith("/receipt"):
            with self._changed:
                self.other.setdefault(message.topic, []).append(message.payload)
            if self.answer and message.topic.endswith("/service"):
                self.receipt(json.loads(message.payload), self.status, self.code)

    def receipt(self, event, status="stored", code=""):
        topic = f"{self.prefix}/{event['source'].split('/')[1]}/agent/{event['agent']}/receipt"
        self.client.publish(topic, json.dumps([{"id": event["id"], "status": status, "code": code}]), qos=1)

    def ids(self):
        with self._changed:
            return [event["id"] for event in self.received]

    def evidence(self):
        with self._changed:
            return [base64.b64decode(event["data"]["evidence"]) for event in self.received]

    def clear(self):
        return [evidence.parse(event) for event in self.evidence()]


class AgentProcess:
    """Run `yiping agent run` as a user does, but for the constants of the agent that `constants` names."""

    def __init__(self, folder, broker_port, windows, extra_agent="", extra_broker="", policy="", constants=None):
        self.folder = Path(folder)
        self.constants = PATIENT | (constants or {})
        self.port = free_port()
        self.config = self.folder / "agent.toml"
        self.log = self.folder / "agent.out"
        self.process = None
        text = (
            f'[agent]\nid = "pc-01"\ncentre = "C01"\nlisten = "127.0.0.1:{self.port}"\n{extra_agent}\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\n{extra_broker}\n'
        )
        for name, terminal, port in windows:
            text += f'[[window]]\nid = "{name}"\nname = "{name}号窗口"\nterminal = "{terminal}"\nport = "{port}"\n'
        self.config.write_text(text + policy, encoding="utf-8")

    def start(self, *options, ready=True):
        out = self.log.open("ab")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                RUN,
                json.dumps(self.constants),
                "agent",
                "run",
                "--config",
                str(self.config),
                *options,
            ],
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
        out.close()
        if ready:
            wait_until("the agent's API answers", self.answers)
        return self

    def answers(self):
        assert self.process.poll() is None, f"the agent ended: {self.output()}"
        try:
            return self.status()
        except (urllib.error.URLError, OSError):
            return None

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            code = self.process.wait(WAIT_S)
            self.process = None
            return code
        return None

    def status(self):
        return self.call("GET", "/api/v1/status")[1]

    def call(self, method, path, body=None, headers=None):
        """Return (HTTP status, JSON)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data,
            method=method,
            headers={**({"Content-Type": "application/json"} if data is not None else {}), **(headers or {})},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=2 * WAIT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
