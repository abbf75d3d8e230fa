"""The terminals of the agent's bench: a process of its own that feeds many ptys.

    python -m tests.bench.agent_feeder link|hex EVENTS_FILE LINK_FOLDER [EVENTS_A_SECOND]

`link` speaks the terminal's side of the link protocol with frames made beforehand, so that it is never the bottleneck;
`hex` writes the same events as lines. Says "ready" when the ptys are there, begins at "go" on standard input, says
"done" when every event is acknowledged (link). With a pace each event leaves in a frame of its own, and the moments at
which the frames were written follow as one line of JSON, event id → monotonic ns.
"""

import json
import os
import pty
import selectors
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path

from protocol import frame, messages, reasons
from protocol.link_window import WINDOW
from tests.bench import agent_events
from tests.bench.agent_events import EPOCH, Terminal

# As the terminal fills its frames on a sound line (protocol/link_terminal.py, link_window.py).
ROWS = 5
ROOM_BYTES = 1000
ROW_OVERHEAD_BYTES = 24
# Without an acknowledgement for so long something is wrong: on a pty nothing is lost.
STALLED_S = 30.0
_IDS = 255


class Port:
    """One pty."""

    def __init__(self, terminal: Terminal, link: Path) -> None:
        self.terminal = terminal
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        link.symlink_to(os.ttyname(self._slave))
        self.waiting = bytearray()

    def readable(self, running: bool) -> None:
        """Take what the other side wrote."""
        raise NotImplementedError

    def flush(self) -> bool:
        """Write what waits; say whether all is written."""
        while self.waiting:
            try:
                del self.waiting[: os.write(self.master, self.waiting)]
            except BlockingIOError:
                return False
        return True


class LinkPort(Port):
    """The terminal's side of the link: window of 64, acknowledged by `next`; requests are answered OK."""

    def __init__(self, terminal: Terminal, link: Path, rows: int) -> None:
        super().__init__(terminal, link)
        self._bodies = bodies(terminal.events, rows)
        self._reader = frame.Reader()
        self._session = 0
        self._frames: list[tuple[int, bytes]] = []  # last seq, bytes
        self._sent = 0
        self.acked = 0

    @property
    def done(self) -> bool:
        """Say whether every event is acknowledged."""
        return self.acked == len(self.terminal.events)

    @property
    def unsent(self) -> bool:
        """Say whether events are left to send."""
        return self._sent < len(self._frames)

    def prepare(self) -> None:
        """Make the frames of this session."""
        assert self._session, f"{self.terminal.id}: no HELLO came"
        self._frames = [
            (last, frame.encode(messages.EVENTS, self._session, number % _IDS + 1, body))
            for number, (last, body) in enumerate(self._bodies)
        ]

    def send_next(self) -> int:
        """Send one frame; return the seq of its last event."""
        last, data = self._frames[self._sent]
        self._sent += 1
        self.waiting += data
        return last

    def fill(self) -> None:
        """Send as much as the window lets."""
        end = self.acked + WINDOW
        while self.unsent and self._frames[self._sent][0] <= end:
            self.send_next()

    def readable(self, running: bool) -> None:
        """Answer what the agent sent."""
        for type_, session, id_, body in self._reader.feed(os.read(self.master, 65536)):
            if type_ == messages.ACK:
                self.acked = messages.decode(type_, body)["next"] - 1
            elif type_ == messages.HELLO:
                self._session = session
                self._answer(messages.HELLO_REPLY, 0, self._hello_reply(messages.decode(type_, body)))
            elif type_ == messages.HEARTBEAT:
                self._answer(messages.HEARTBEAT_REPLY, id_, messages.decode(type_, body) | {"status": {}})
            elif messages.is_request(type_):
                self._answer(messages.REPLY, id_, {"reason": reasons.OK, "detail": None})
        if running:
            self.fill()

    def _answer(self, type_: int, id_: int, fields: dict) -> None:
        self.waiting += frame.encode(type_, self._session, id_, messages.encode(type_, fields))

    def _hello_reply(self, hello: dict) -> dict:
        return {
            "nonce": hello["nonce"], "terminal": self.terminal.id, "board": "k5", "firmware": "bench",
            "proto": messages.PROTO_MAX, "epoch": EPOCH, "first": 1, "last": 0, "utc_ms": hello["utc_ms"], "tq": 3,
            "up_ms": 1, "caps": [], "tagver": None, "assets": {}, "journal_id": bytes(8), "reason": reasons.OK,
            "proto_min": messages.PROTO_MIN, "proto_max": messages.PROTO_MAX,
        }  # fmt: skip


class HexPort(Port):
    """A terminal that just writes lines."""

    def __init__(self, terminal: Terminal, link: Path, _rows: int) -> None:
        super().__init__(terminal, link)
        self._lines = "".join(f"{event.hex()}\n" for event in terminal.events).encode()

    def prepare(self) -> None:
        """Nothing to make."""

    def fill(self) -> None:
        """Give it all; the pty takes what is read."""
        self.waiting += self._lines

    def readable(self, _running: bool) -> None:
        """Nobody speaks to it."""
        os.read(self.master, 65536)


def bodies(events: list[bytes], rows: int) -> list[tuple[int, bytes]]:
    """Return (last seq, body) of each EVENTS frame, filled as the terminal fills them."""
    found, start = [], 0
    while start < len(events):
        end, size = start, 0
        while end < min(start + rows, len(events)):
            size += len(events[end]) + ROW_OVERHEAD_BYTES
            if end > start and size > ROOM_BYTES:
                break
            end += 1
        batch = [(seq, 5, events[seq - 1]) for seq in range(start + 1, end + 1)]
        found.append((end, messages.encode(messages.EVENTS, {"events": batch})))
        start = end
    return found


class Feeder:
    """Serve all ptys from one loop."""

    def __init__(self, ports: list) -> None:
        self._ports = ports
        self._running = False
        self._selector = selectors.DefaultSelector()
        self._writing: set[int] = set()
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)
        for port in ports:
            self._selector.register(port.master, selectors.EVENT_READ, port)

    def serve(self, until: Callable[[], bool], stalled_s: float | None = STALLED_S) -> None:
        """Move bytes until a condition holds; a SystemExit says what did not come."""
        heard_s = time.monotonic()
        while not until():
            ready = self._selector.select(1.0)
            if ready:
                heard_s = time.monotonic()
            elif stalled_s is not None and time.monotonic() - heard_s > stalled_s:
                raise SystemExit(f"feeder: nothing was heard for {stalled_s} s")
            for key, events in ready:
                if key.data is None:
                    self._command()
                    continue
                if events & selectors.EVENT_READ:
                    key.data.readable(self._running)
                self.flush(key.data)

    def wait_go(self) -> None:
        """Serve until "go"."""
        self.serve(lambda: self._running, stalled_s=None)

    def flush(self, port: Port) -> None:
        """Write what waits at one port, and watch for room only while some is left."""
        left = not port.flush()
        if left != (port.master in self._writing):
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if left else 0)
            self._selector.modify(port.master, wanted, port)
            (self._writing.add if left else self._writing.discard)(port.master)

    def flood(self) -> None:
        """Send everything as fast as it is taken."""
        for port in self._ports:
            port.fill()
            self.flush(port)

    def pace(self, rate: float) -> dict[str, int]:
        """Send one event after the other, `rate` a second, from terminal to terminal; return when each was written."""
        written_ns: dict[str, int] = {}
        start_s = time.monotonic()
        sent = 0
        while any(port.unsent for port in self._ports):
            port = self._ports[sent % len(self._ports)]
            due_s = start_s + sent / rate
            while (left_s := due_s - time.monotonic()) > 0:
                for key, _ in self._selector.select(left_s):
                    if key.data is not None:
                        key.data.readable(False)
                        self.flush(key.data)
            seq = port.send_next()
            self.flush(port)
            written_ns[f"{port.terminal.id}-{EPOCH}-{seq}"] = time.monotonic_ns()
            sent += 1
        return written_ns

    def _command(self) -> None:
        word = sys.stdin.readline().strip()
        if word == "prepare":
            for port in self._ports:
                port.prepare()
            _say("prepared")
        elif word == "go":
            self._running = True
        else:
            raise SystemExit(0)


def main() -> None:
    """Feed until standard input ends."""
    kind, events_file, folder = sys.argv[1:4]
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    rows = 1 if rate else ROWS
    make = {"link": LinkPort, "hex": HexPort}[kind]
    ports = [make(terminal, Path(folder) / terminal.id, rows) for terminal in agent_events.load(Path(events_file))]
    feeder = Feeder(ports)
    _say("ready")
    feeder.wait_go()
    written_ns = feeder.pace(rate) if rate else feeder.flood()
    if kind == "link":
        feeder.serve(lambda: all(port.done for port in ports))
        _say("done")
    if written_ns is not None:
        _say(json.dumps(written_ns))
    feeder.serve(lambda: False, stalled_s=None)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
