"""What a counter's PC would run instead of the agent, each as a process of its own.

    python -m tests.bench.agent_peers bare   PORT EVENTS_FILE LOOP IN_FLIGHT EVENTS
    python -m tests.bench.agent_peers script PORT LINK_FOLDER SECONDS
    python -m tests.bench.agent_peers queue  PORT LINK_FOLDER SECONDS

`bare` publishes from memory with paho, QoS 1, nothing stored; LOOP is "thread" (loop_start) or "own" (loop in the same
thread). `script` reads lines with pyserial's readline from whichever port has one and publishes them. `queue` puts
them into persist-queue's SQLite queue, from which a second thread publishes; an item is acknowledged at its PUBACK.
Each says "ready", begins at a line on standard input, and prints events to PUBACK and the seconds that they took.
"""

import json
import selectors
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as mqtt
import persistqueue
import serial

from tests.bench import agent_events
from tests.bench.agent_events import CENTRE, Terminal

# As many as the broker's default lets be under way; more wait in paho's own queue.
IN_FLIGHT = 20
CONNECT_S = 30.0
READ_S = 0.5


class Publisher:
    """A paho client that counts its PUBACKs."""

    def __init__(self, port: int, in_flight: int) -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="peer", protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(in_flight)
        self.client.on_connect = self._connected
        self.client.on_publish = self._published
        self.acked = 0
        self.up = threading.Event()
        self.client.connect("127.0.0.1", port)

    def start(self) -> None:
        """Run paho's thread and wait for the connection."""
        self.client.loop_start()
        assert self.up.wait(CONNECT_S), "no connection to the broker"

    def _connected(self, *_: object) -> None:
        self.up.set()

    def _published(self, *_: object) -> None:
        self.acked += 1


def topic(terminal: str) -> str:
    """Return the topic under which the agent publishes a terminal's events."""
    return f"yiping/v1/{CENTRE}/terminal/{terminal}/event"


def bare(port: int, events_file: Path, loop: str, in_flight: int, count: int) -> None:
    """Publish `count` events from memory."""
    publisher = Publisher(port, in_flight)
    messages = _interleaved(agent_events.load(events_file), count)
    client = publisher.client
    if loop == "thread":
        publisher.start()
        finished = threading.Event()

        def published(*_: object) -> None:
            publisher.acked += 1
            if publisher.acked == count:
                finished.set()

        client.on_publish = published
        begun_s = _begin()
        for name, payload in messages:
            client.publish(name, payload, 1)
        assert finished.wait(120), "PUBACKs are missing"
    else:
        while not publisher.up.is_set():
            client.loop(0.1)
        begun_s = _begin()
        sent = 0
        while publisher.acked < count:
            while sent < count and sent - publisher.acked < in_flight:
                client.publish(*messages[sent], 1)
                sent += 1
            client.loop(1.0)
    _end(count, begun_s)


def script(port: int, folder: Path, seconds: float) -> None:
    """Read lines, publish each."""
    publisher = Publisher(port, IN_FLIGHT)
    publisher.start()
    begun_s = _begin()
    for name, event in _lines(folder, begun_s + seconds):
        publisher.client.publish(topic(name), event, 1)
    _end(publisher.acked, begun_s)


def queue(port: int, folder: Path, seconds: float) -> None:
    """Read lines into a durable queue, publish from it."""
    publisher = Publisher(port, IN_FLIGHT)
    publisher.start()
    with tempfile.TemporaryDirectory() as store:
        waiting = persistqueue.SQLiteAckQueue(store, auto_commit=True, multithreading=True)
        settled: list[object] = []
        begun_s = _begin()
        end_s = begun_s + seconds

        def publish() -> None:
            under_way: deque[tuple[mqtt.MQTTMessageInfo, object]] = deque()
            while time.monotonic() < end_s:
                while under_way and (len(under_way) == IN_FLIGHT or under_way[0][0].is_published()):
                    info, item = under_way.popleft()
                    info.wait_for_publish(READ_S)
                    waiting.ack(item)
                    settled.append(item)
                try:
                    item = waiting.get(timeout=READ_S)
                except persistqueue.Empty:
                    continue
                under_way.append((publisher.client.publish(topic(item[0]), item[1], 1), item))

        sender = threading.Thread(target=publish)
        sender.start()
        for message in _lines(folder, end_s):
            waiting.put(message)
        sender.join()
        _end(len(settled), begun_s)


def _lines(folder: Path, end_s: float) -> Iterator[tuple[str, bytes]]:
    """Give (terminal, event) of each line, from whichever port has one; one thread is faster than one a port."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for path in sorted(folder.iterdir()):
            port = stack.enter_context(serial.Serial(str(path), 115200, timeout=READ_S))
            selector.register(port, selectors.EVENT_READ, path.name)
        while time.monotonic() < end_s:
            for key, _ in selector.select(READ_S):
                line = key.fileobj.readline()
                try:
                    yield key.data, bytes.fromhex(line.decode())
                except ValueError:  # opened in the middle of a line
                    continue


def _interleaved(terminals: list[Terminal], count: int) -> list[tuple[str, bytes]]:
    """Return (topic, event) from terminal to terminal."""
    rounds = zip(*(terminal.events for terminal in terminals), strict=True)
    names = [topic(terminal.id) for terminal in terminals]
    return [message for row in rounds for message in zip(names, row, strict=True)][:count]


def _begin() -> float:
    """Say that all is ready, wait for the word, return the time."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return time.monotonic()


def _end(events: int, begun_s: float) -> None:
    sys.stdout.write(json.dumps({"events": events, "seconds": time.monotonic() - begun_s}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run one peer."""
    kind, port, *rest = sys.argv[1:]
    if kind == "bare":
        bare(int(port), Path(rest[0]), rest[1], int(rest[2]), int(rest[3]))
    else:
        {"script": script, "queue": queue}[kind](int(port), Path(rest[0]), float(rest[1]))


if __name__ == "__main__":
    main()
