"""What the agent's bench stands on: a broker with somebody who listens, an agent as its user starts it, feeders."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulator.demo.broker import BrokerPart
from simulator.demo.http_json import answers, call
from simulator.demo.parts import ROOT, Part, free_port, run_once, yiping
from tests.bench import agent_events
from tests.bench.agent_events import CENTRE, Terminal

# The slowest machine that runs this may need several times what a fast one does.
WAIT_S = 120.0
_CONNECT = b"\x00\x04MQTT\x04\x02\x00\x00\x00\x06listen"  # 3.1.1, clean session, no keep-alive
_SUBSCRIBE_ID = b"\x00\x01"
EVENTS_TOPIC = f"yiping/v1/{CENTRE}/terminal/+/event"
AGENT_ID = "pc-01"


def until(what: str, true: Callable[[], object], every_s: float = 0.02) -> None:
    """Wait for a named thing to become true."""
    end_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end_s, f"not within {WAIT_S} s: {what}"
        time.sleep(every_s)


class Listener:
    """Subscribe to all events, QoS 0, and count them: without a subscriber the broker answers 0x10 and drops them."""

    def __init__(self, port: int) -> None:
        self.messages = 0
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.sendall(b"\x10" + bytes([len(_CONNECT)]) + _CONNECT)
        assert self._exactly(4)[3] == 0, "the broker refuses the listener"
        topic = EVENTS_TOPIC.encode()
        body = _SUBSCRIBE_ID + struct.pack(">H", len(topic)) + topic + b"\x00"
        self._sock.sendall(b"\x82" + bytes([len(body)]) + body)
        assert self._exactly(5)[4] == 0, "the broker refuses the subscription"
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave."""
        self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self._sock.recv(size - len(data))
        return data

    def _count(self) -> None:
        left = b""
        while data := self._sock.recv(1 << 20):
            found, left = count_packets(left + data)
            self.messages += found


class Child:
    """A process of the bench that is told what to do line by line."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, word: str) -> None:
        """Give it one line."""
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Return its next line; an AssertionError when it ends instead."""
        line = self._process.stdout.readline()
        assert line, f"{self._process.args} ended with {self._process.wait()}"
        return line.strip()

    def expect(self, word: str) -> None:
        """Wait for one word."""
        line = self.hear()
        assert line == word, f"{word} expected, {line} came"

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait(10)


class Agent:
    """`yiping agent run` over ptys in a folder, with a store of its own."""

    def __init__(self, folder: Path, links: Path, terminals: list[Terminal], broker_port: int, receipts: str) -> None:
        self._url = f"http://127.0.0.1:{free_port()}/api/v1/status"
        text = (
            f'[agent]\nid = "{AGENT_ID}"\ncentre = "{CENTRE}"\nlisten = "{self._url.split("/")[2]}"\n'
            f'data_dir = "data"\n[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\nreceipts = "{receipts}"\n'
        )
        for terminal in terminals:
            text += (
                f'[[window]]\nid = "{terminal.window}"\nname = "{terminal.window}"\nterminal = "{terminal.id}"\n'
                f'port = "{links / terminal.id}"\n'
            )
        folder.mkdir()
        config = folder / "agent.toml"
        config.write_text(text, encoding="utf-8")
        self._part = Part("agent", yiping("agent", "run", "--config", str(config)), folder, answers(self._url))

    def start(self) -> None:
        """Start it and wait until every terminal answers."""
        self._part.start()
        until("all terminals are connected", self._all_connected, 0.1)

    def _all_connected(self) -> bool:
        status = self.status()
        return status["broker"]["connected"] and all(one["connected"] for one in status["terminals"])

    def status(self) -> dict:
        """Return what the local API says."""
        return call("GET", self._url)[1]

    def settled(self) -> int:
        """Return how many events are noted as done: PUBACK or receipt, and committed."""
        return self.status()["store"]["receipted_total"]

    def cpu_s(self) -> float:
        """Return the processor time used so far."""
        return cpu_s(self.pid)

    def memory_bytes(self) -> int:
        """Return the most memory that was ever resident."""
        return peak_bytes(self.pid)

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._part.process is not None
        return self._part.process.pid

    def stop(self) -> None:
        """End it in good order."""
        self._part.stop()


class Receiver:
    """`yiping receiver run` with these terminals in its registry, handing on to a file."""

    def __init__(self, folder: Path, terminals: list[Terminal], broker_port: int) -> None:
        folder.mkdir()
        paths = []
        for terminal in terminals:
            path = folder / f"{terminal.id}.json"
            path.write_text(json.dumps(terminal.provision()), encoding="utf-8")
            paths.append(str(path))
        run_once("registry", yiping("registry", "add", "--registry", "registry.db", *paths), folder)
        listen = f"127.0.0.1:{free_port()}"
        config = folder / "receiver.toml"
        config.write_text(
            f'[receiver]\nname = "city-01"\ndata_dir = "data"\nregistry = "registry.db"\nlisten = "{listen}"\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\n[forward]\nfile = "ratings.jsonl"\n',
            encoding="utf-8",
        )
        self._part = Part(
            "receiver",
            yiping("receiver", "run", "--config", str(config)),
            folder,
            answers(f"http://{listen}/api/v1/status"),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._part.start()

    def stop(self) -> None:
        """End it in good order."""
        self._part.stop()


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Give the port of a new mosquitto, and of nothing else: ratios to another broker would not compare."""
    folder.mkdir()
    part = BrokerPart(folder, free_port(), prefer="mosquitto")
    part.start()
    try:
        yield part.port
    finally:
        part.stop()


@contextmanager
def listener(port: int) -> Iterator[Listener]:
    """Give somebody who listens."""
    found = Listener(port)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def child(module: str, *arguments: object) -> Iterator[Child]:
    """Give a process of the bench."""
    found = Child(module, *arguments)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def hall(
    folder: Path, terminals: list[Terminal], broker_port: int, receipts: str, rate: float | None = None
) -> Iterator[tuple[Agent, Child]]:
    """Give an agent to which all terminals are connected, and the feeder that begins at "go"."""
    links, file = folder / "links", folder / "events"
    links.mkdir()
    agent_events.save(terminals, file)
    with child("tests.bench.agent_feeder", "link", file, links, *([] if rate is None else [rate])) as feeder:
        feeder.expect("ready")
        agent = Agent(folder / "agent", links, terminals, broker_port, receipts)
        try:
            agent.start()
            feeder.say("prepare")
            feeder.expect("prepared")
            yield agent, feeder
        finally:
            agent.stop()


@contextmanager
def receiver(folder: Path, terminals: list[Terminal], broker_port: int) -> Iterator[None]:
    """Keep a receiver running that knows these terminals."""
    found = Receiver(folder, terminals, broker_port)
    try:
        found.start()
        yield
    finally:
        found.stop()


def count_packets(data: bytes) -> tuple[int, bytes]:
    """Return how many MQTT packets are whole, and the rest. MQTT 3.1.1 §2.2.3: the length has up to four bytes."""
    packets, at, size = 0, 0, len(data)
    while at + 2 <= size:
        length, shift, end = 0, 0, at + 1
        while end < size:
            byte = data[end]
            length |= (byte & 0x7F) << shift
            shift, end = shift + 7, end + 1
            if byte < 0x80:
                break
        else:
            break
        if end + length > size:
            break
        packets += 1
        at = end + length
    return packets, data[at:]


def cpu_s(pid: int) -> float:
    """Return the processor time of a process, user and system (proc(5): stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    """Return the peak of a process's resident memory (proc(5): status, VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel tells no VmHWM")
