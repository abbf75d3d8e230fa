"""Two link ends joined by hand, for tests that decide about each frame."""

from hashlib import sha256

from protocol import frame, messages, reasons
from protocol.link import AgentLink, TerminalLink
from protocol.link_bulk_terminal import BulkReceiver

IDENTITY = {
    "terminal": "YP-0001",
    "board": "k5",
    "firmware": "0.1.0",
    "epoch": 1,
    "journal_id": b"JJJJJJJJ",
    "caps": ["resend"],
    "tagver": None,
    "assets": {"glyphs": b"\x01"},
}


class Outbox:
    """Events 1…n in memory; `first` is the lowest that is not acknowledged."""

    def __init__(self, count: int) -> None:
        self.events = {}
        for seq in range(1, count + 1):
            self.events[seq] = b"event %d" % seq
        self.acknowledged = []

    def first(self) -> int:
        seq = 1
        while seq in self.acknowledged:
            seq += 1
        return seq

    def last(self) -> int:
        return max(self.events) if self.events else 0

    def read(self, seq: int) -> tuple | None:
        return (5, self.events[seq]) if self.events.get(seq) else None

    def acknowledge(self, seq: int) -> None:
        self.acknowledged.append(seq)


class Shelf:
    """Content files in memory, as a terminal keeps them; what was written outlives the link."""

    def __init__(self) -> None:
        self.files = {}  # (kind, name) → data
        self.busy = False
        self.part = b""
        self.written = 0  # bytes
        self.opened = []
        self.refuses = reasons.OK
        self.ends = 0
        self._for = None

    def is_busy(self) -> bool:
        return self.busy

    def open(self, kind: int, name: str, size: int, digest: bytes) -> tuple:
        if self._for != (kind, name, size, digest):
            self.part = b""
        self._for = (kind, name, size, digest)
        self.opened.append(len(self.part))
        return self.refuses, len(self.part)

    def write(self, data: bytes) -> int:
        self.part += data
        self.written += len(data)
        return reasons.OK

    def close(self) -> int:
        kind, name, size, digest = self._for
        part, self.part = self.part, b""
        if not size:
            self.files.pop((kind, name), None)
        elif sha256(part).digest() != digest:
            return reasons.BAD_HASH
        else:
            self.files[kind, name] = part
        return reasons.OK

    def end(self) -> None:
        self.ends += 1


class Ends:
    """Both ends; nothing moves and no time passes unless a test says so."""

    def __init__(
        self,
        events: int = 0,
        hello_seq: int = 0,
        agent_proto: tuple = (1, 1),
        proto: tuple = (1, 1),
        shelf: Shelf | None = None,
    ) -> None:
        self.now_ms = 1000
        self.outbox = Outbox(events)
        self.shelf = shelf
        self.proto = proto
        self.new_terminal()
        self.hello_seq = hello_seq
        self.agent_proto = agent_proto
        self.agent = None
        self.new_agent(7)
        self.at_agent = []
        self.at_terminal = []

    def new_terminal(self) -> None:
        """Start the terminal anew; its outbox and its shelf are what they were."""
        identity = dict(IDENTITY)
        if self.shelf:
            identity["caps"] = ["resend", "bulk"]
        self.terminal = TerminalLink(identity, self.outbox, self.now_ms, self.proto)
        self.terminal.set_status(lambda: {"state": "idle", "tq": 2, "up_ms": 77, "utc_ms": 1790000000000})
        if self.shelf:
            self.terminal.take_content(lambda: BulkReceiver(self.shelf))

    def new_agent(self, session: int) -> None:
        """Give the line to another agent."""
        nonce = bytes([session]) * 8
        self.agent = AgentLink(self.now_ms, nonce, session, 1790000000000, 1, self.hello_seq, self.agent_proto)

    def pass_ms(self, duration_ms: int) -> None:
        """Let time pass on both sides."""
        self.now_ms += duration_ms
        self.at_agent += self.agent.tick(self.now_ms)
        self.at_terminal += self.terminal.tick(self.now_ms)

    def up(self) -> list:
        """Take what the terminal sends now, as frames (type, session, id, body)."""
        return frame.Reader().feed(self.terminal.take_output(None, self.now_ms))

    def down(self) -> list:
        """Take what the agent sends now, as frames."""
        return frame.Reader().feed(self.agent.take_output(None, self.now_ms))

    def give_agent(self, frames: list) -> list:
        """Deliver frames to the agent; return its events."""
        events = self.agent.receive(b"".join([frame.encode(*one) for one in frames]), self.now_ms)
        self.at_agent += events
        return events

    def give_terminal(self, frames: list) -> list:
        """Deliver frames to the terminal; return its events."""
        events = self.terminal.receive(b"".join([frame.encode(*one) for one in frames]), self.now_ms)
        self.at_terminal += events
        return events

    def exchange(self) -> None:
        """Carry frames both ways until none is left; events are not stored."""
        for _ in range(50):
            down, up = self.down(), self.up()
            self.give_terminal(down)
            self.give_agent(up)
            if not down and not up:
                return
        raise AssertionError("the ends never fall silent")

    def connect(self) -> None:
        """HELLO, its reply, and the first heartbeats; events of the outbox stay on the way."""
        self.give_terminal(self.down())
        self.give_agent([one for one in self.up() if one[0] == messages.HELLO_REPLY])
        self.at_agent.clear()
        self.at_terminal.clear()

    def quiet(self) -> None:
        """Connect and let the first heartbeats and all events pass, durable and acknowledged."""
        self.connect()
        for _ in range(9):
            self.pass_ms(100)
            self.exchange()
            self.store_all()
            self.at_agent.clear()
        self.exchange()
        assert self.outbox.first() == self.outbox.last() + 1
        self.at_agent.clear()
        self.at_terminal.clear()

    def store_all(self) -> list:
        """Store whatever the agent has received, acknowledge it, return the seqs."""
        seqs = []
        for event in self.at_agent:
            if event[0] == "events":
                seqs += [row[0] for row in event[1]]
        self.agent.stored(seqs)
        self.agent.acknowledge(self.now_ms)
        return seqs


def types(frames: list) -> list:
    """Return the names of frames."""
    return [messages.name(one[0]) for one in frames]


def only(events: list, name: str) -> list:
    """Return the events of that name."""
    return [event for event in events if event[0] == name]
