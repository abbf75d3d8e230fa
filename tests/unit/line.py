"""Two link ends and the line between them, in virtual time: what the link must stand, with every step from a seed."""

import math
import random
from collections import deque
from dataclasses import dataclass, field

from protocol.link_agent import AgentLink
from protocol.link_bulk_terminal import BulkReceiver
from protocol.link_terminal import TerminalLink
from tests.both.link_ends import IDENTITY, Shelf


@dataclass
class Channel:
    """How one direction treats its bytes."""

    baud: int = 115200  # 10 bits a byte
    delay_ms: float = 1.0
    loss: float = 0.0  # share of frames that vanish
    duplicate: float = 0.0  # share of frames that come twice
    bit_error: float = 0.0
    garbage: float = 0.0  # share of frames before which random bytes come
    bytewise: bool = False  # deliver one byte at a time
    buffer_bytes: int = 128  # room of the driver


@dataclass
class Outbox:
    """The terminal's journal as the link sees it; survives restarts."""

    evidence: dict[int, bytes] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)
    on_acknowledge: object = None

    def add(self, evidence: bytes) -> int:
        seq = self.last() + 1
        self.evidence[seq] = evidence
        return seq

    def first(self) -> int:
        seq = 1
        while seq in self.acknowledged:
            seq += 1
        return seq

    def last(self) -> int:
        return len(self.evidence)

    def read(self, seq: int) -> tuple[int | None, bytes] | None:
        return None if seq in self.unreadable or seq not in self.evidence else (0, self.evidence[seq])

    def acknowledge(self, seq: int) -> None:
        self.on_acknowledge(seq)
        self.acknowledged.add(seq)


class Wire:
    """One direction: takes bytes from a link as the baud rate allows and delivers them damaged as told."""

    def __init__(self, channel: Channel, rng: random.Random) -> None:
        self.channel = channel
        self.rng = rng
        self.free_ms = 0.0
        self.deliveries: deque[tuple[float, bytes]] = deque()
        self.sent_bytes = 0
        self._frame = b""
        self._bits_to_error = self._next_error()

    def send(self, data: bytes, now_ms: float) -> None:
        """Put bytes on the line from `now_ms` on."""
        self.sent_bytes += len(data)
        self.free_ms = max(self.free_ms, now_ms) + len(data) * 10000 / self.channel.baud
        due = self.free_ms + self.channel.delay_ms
        data = self._treat_frames(data)
        data = self._flip_bits(data)
        if not data:
            return
        if self.channel.bytewise:
            self.deliveries.extend((due, data[at : at + 1]) for at in range(len(data)))
        else:
            self.deliveries.append((due, data))

    def _treat_frames(self, data: bytes) -> bytes:
        """Lose, double or precede whole frames; frames are told apart by their delimiters."""
        channel = self.channel
        if not (channel.loss or channel.duplicate or channel.garbage):
            return data
        out = b""
        for byte in data:
            if byte:
                self._frame += bytes([byte])
                continue
            frame, self._frame = self._frame, b""
            if not frame:
                out += b"\x00"
                continue
            if self.rng.random() < channel.garbage:
                out += self.rng.randbytes(self.rng.randrange(1, 40))
            if self.rng.random() < channel.loss:
                continue
            out += b"\x00" + frame + b"\x00"
            if self.rng.random() < channel.duplicate:
                out += b"\x00" + frame + b"\x00"
        return out

    def _next_error(self) -> int:
        if not self.channel.bit_error:
            return 1 << 62
        return int(math.log(1 - self.rng.random()) / math.log1p(-self.channel.bit_error))

    def _flip_bits(self, data: bytes) -> bytes:
        bits = len(data) * 8
        if self._bits_to_error >= bits:
            self._bits_to_error -= bits
            return data
        damaged = bytearray(data)
        while self._bits_to_error < bits:
            damaged[self._bits_to_error // 8] ^= 1 << self._bits_to_error % 8
            self._bits_to_error += 1 + self._next_error()
        self._bits_to_error -= bits
        return bytes(damaged)


class World:
    """A terminal, an agent with a store, and the line between them."""

    def __init__(
        self,
        seed: int,
        up: Channel | None = None,
        down: Channel | None = None,
        commit_ms: float = 3.0,
        proto_agent: tuple[int, int] = (1, 1),
        proto_terminal: tuple[int, int] = (1, 1),
        agent_link: type[AgentLink] = AgentLink,
        terminal_link: type[TerminalLink] = TerminalLink,
        shelf: Shelf | None = None,
    ) -> None:
        self.shelf = shelf
        self.rng = random.Random(seed)
        self.now_ms = 0.0
        self.up, self.down = Wire(up or Channel(), self.rng), Wire(down or Channel(), self.rng)
        self.commit_ms = commit_ms
        self.protos = {"proto_agent": proto_agent, "proto_terminal": proto_terminal}
        self.agent_link, self.terminal_link = agent_link, terminal_link
        self.outbox = Outbox(on_acknowledge=self._check_acknowledged)
        self.store: dict[int, bytes] = {}
        self.stored_twice = 0
        self.commits: deque[tuple[float, list]] = deque()
        self.log: list[tuple] = []  # ("agent" or "terminal", event)
        self.session = 0
        self.restarts = 0
        self.kills: list[tuple[int, str]] = []  # (delivered bytes, side), ascending
        self.delivered_bytes = 0
        self.reconnect_ms: float | None = None
        self.on_request = self.answer_ok
        self.start_terminal()
        self.start_agent()

    # Lives and deaths

    def start_terminal(self) -> None:
        """Start the terminal anew: only its outbox is what it was."""
        proto = self.protos["proto_terminal"]
        identity = dict(IDENTITY, caps=["bulk"]) if self.shelf else IDENTITY
        self.terminal = self.terminal_link(identity, self.outbox, self._whole_ms(), proto)
        self.terminal.set_status(lambda: {"state": "idle", "tq": 1, "up_ms": 7})
        if self.shelf:
            self.terminal.take_content(lambda: BulkReceiver(self.shelf))

    def start_agent(self) -> None:
        """Start the agent anew: only what its store committed is what it was."""
        self.session = self.session % 255 + 1
        self.commits.clear()
        self.reconnect_ms = None
        highest = max(self.store, default=0)
        nonce, proto = self.rng.randbytes(8), self.protos["proto_agent"]
        self.agent = self.agent_link(self._whole_ms(), nonce, self.session, 1790000000000, 1, highest, proto)

    def kill(self, side: str) -> None:
        """Restart one side in the middle of whatever it did."""
        self.restarts += 1
        if side == "agent":
            self.start_agent()
        else:
            self.start_terminal()

    def answer_ok(self, type_: int, id_: int, fields: dict) -> None:
        """Answer each request with OK."""
        self.terminal.reply(id_, 0)

    def _check_acknowledged(self, seq: int) -> None:
        void = seq in self.outbox.unreadable
        assert void or self.store.get(seq) == self.outbox.evidence[seq], f"{seq} acknowledged, not durable"

    # Time

    def run(self, until_ms: float, done: object = None) -> bool:
        """Let time pass until `done()` or `until_ms`; tell whether it was `done`."""
        while self.now_ms < until_ms:
            if done and done():
                return True
            self._move_bytes()
            self.now_ms = min(max(self._next_ms(), self.now_ms), until_ms)
            self._deliver()
            self._commit()
            self._tick()
        return bool(done and done())

    def _next_ms(self) -> float:
        times = [wire.deliveries[0][0] for wire in (self.up, self.down) if wire.deliveries]
        if self.commits:
            times.append(self.commits[0][0])
        if self.reconnect_ms is not None:
            times.append(self.reconnect_ms)
        for link, wire in ((self.terminal, self.up), (self.agent, self.down)):
            deadline = link.deadline_ms()
            if deadline is not None:
                times.append(max(deadline, self._whole_ms() + (1 if deadline <= self._whole_ms() else 0)))
            if link.has_output():
                times.append(self._room_ms(wire))
        return min(times, default=self.now_ms + 1000)

    def _whole_ms(self) -> int:
        return int(self.now_ms)

    def _room_ms(self, wire: Wire) -> float:
        """Return when half of the driver's buffer is empty, as an interrupt would tell it."""
        return wire.free_ms - wire.channel.buffer_bytes // 2 * 10000 / wire.channel.baud

    def _move_bytes(self) -> None:
        for link, wire in ((self.terminal, self.up), (self.agent, self.down)):
            backlog = max(0.0, wire.free_ms - self.now_ms) * wire.channel.baud / 10000
            room = wire.channel.buffer_bytes - math.ceil(backlog - 1e-6)
            data = link.take_output(room, self._whole_ms()) if room >= wire.channel.buffer_bytes // 2 else b""
            if data:
                wire.send(data, self.now_ms)

    def _deliver(self) -> None:
        for wire, side in ((self.up, "agent"), (self.down, "terminal")):
            while wire.deliveries and wire.deliveries[0][0] <= self.now_ms:
                data = wire.deliveries.popleft()[1]
                while self.kills and self.delivered_bytes + len(data) >= self.kills[0][0]:
                    cut, victim = self.kills[0][0] - self.delivered_bytes, self.kills.pop(0)[1]
                    self._receive(side, data[: max(0, cut)])
                    data = data[max(0, cut) :]
                    self.kill(victim)
                self._receive(side, data)

    def _receive(self, side: str, data: bytes) -> None:
        self.delivered_bytes += len(data)
        if side == "agent":
            self._on_agent(self.agent.receive(data, self._whole_ms()))
        else:
            self._on_terminal(self.terminal.receive(data, self._whole_ms()))

    def _tick(self) -> None:
        self._on_terminal(self.terminal.tick(self._whole_ms()))
        self._on_agent(self.agent.tick(self._whole_ms()))
        if self.reconnect_ms is not None and self.now_ms >= self.reconnect_ms:
            self.start_agent()

    def _commit(self) -> None:
        while self.commits and self.commits[0][0] <= self.now_ms:
            rows = self.commits.popleft()[1]
            for seq, _, evidence in rows:
                self.stored_twice += seq in self.store
                assert self.store.setdefault(seq, evidence) == evidence, f"{seq} came with other bytes"
            self.agent.stored([row[0] for row in rows])
            self.agent.acknowledge(self._whole_ms())

    def _on_agent(self, events: list) -> None:
        for event in events:
            self.log.append(("agent", event))
            if event[0] == "events":
                self.commits.append((self.now_ms + self.commit_ms, event[1]))
            elif event[0] == "lost":
                self.reconnect_ms = self.now_ms + 500

    def _on_terminal(self, events: list) -> None:
        for event in events:
            if event[0] != "acknowledged":
                self.log.append(("terminal", event))
            if event[0] == "request":
                self.on_request(*event[1:])

    # Convenience

    def add_events(self, count: int, size: int = 165) -> None:
        """Put events with random bytes into the outbox."""
        for _ in range(count):
            self.outbox.add(self.rng.randbytes(size))
        self.terminal.event_added(self._whole_ms())

    def is_all_stored(self) -> bool:
        """Tell whether every event is durable at the agent and acknowledged at the terminal."""
        return len(self.outbox.acknowledged) == len(self.outbox.evidence)

    def check_all_stored(self) -> None:
        """Assert that the agent has exactly the terminal's events."""
        readable = {seq: data for seq, data in self.outbox.evidence.items() if seq not in self.outbox.unreadable}
        assert self.store == readable

    def of(self, side: str, name: str) -> list[tuple]:
        """Return the events of one side that bear this name."""
        return [event for where, event in self.log if where == side and event[0] == name]
