"""The counter's side for device tests: an agent without a disk, and a city that opens what it took.

All of it lives in the terminal's virtual clock; nothing waits in real time.
"""

import json
from collections.abc import Callable
from pathlib import Path

from host_agent.receiver.aes import Aes
from protocol import evidence, messages, rating, reasons, record, record_scan
from protocol.link import AgentLink
from protocol.link_base import HEARTBEAT_MS
from simulator.peer import Link
from simulator.terminal import VIRTUAL_UTC_US, SimTerminal

CLERK = {"number": "3017", "name": "欧阳晓静", "post": "综合受理窗口", "stars": 4}
ANSWER_MS = 3_000
BOOT_MS = 5_000
SETTLE_MS = 10_000
HEAP_FLOOR_BYTES = 24_576  # below it the terminal's self-test fails


def invite_id(n: int) -> bytes:
    """Return the n-th invite id of a test."""
    return bytes([0xA0]) + n.to_bytes(15, "big")


class Counter:
    """One terminal in virtual time with its agent; `ask` sends a request and returns the reason of its answer."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.terminal = SimTerminal(state_dir=folder / "state", clock="virtual", **options)
        self.events: dict[int, bytes] = {}  # seq → what the agent holds
        self.states: list[tuple[str, bytes | None]] = []
        self.status: dict = {}
        self.hello: dict | None = None
        self.lost: list[str] = []
        self.answers: dict[int, tuple[int, dict | None]] = {}
        self.failed: set[int] = set()  # requests that were given up
        self.acknowledges = True
        self.agent_link = AgentLink
        self.over: Callable[[AgentLink], Link] = lambda link: link  # puts a line between cable and agent
        self.peer = None
        self._session = 0

    def start(self, connect: bool = True) -> "Counter":
        """Give power, and connect."""
        self.terminal.start()
        provision = json.loads(self.terminal.state.provision.read_text())
        self.epoch = provision["epoch"]
        self.key = evidence.event_key(bytes.fromhex(provision["secret"]), self.epoch)
        if connect:
            self.connect()
        return self

    def __enter__(self) -> "Counter":
        return self.start()

    def __exit__(self, *exc: object) -> None:
        try:
            if exc[0] is None:
                self._hold_heap_floor()
        finally:
            self.terminal.close()
        if exc[0] is None:
            assert self.terminal.violations == []

    def _hold_heap_floor(self) -> None:
        """Hold that a terminal that still talks has heap left at the end of a test, after its next heartbeat."""
        if not (self.terminal.powered and self.terminal.engine.soc.usb.opened) or self.peer is None:
            return
        self.status = {}
        self.terminal.run_until(lambda: bool(self.status), HEARTBEAT_MS + 1_000)
        free = self.status.get("heap_free")
        assert free is None or free >= HEAP_FLOOR_BYTES, f"{free} bytes of heap left"

    # -- link

    @property
    def now_ms(self) -> int:
        """Return the virtual time."""
        return self.terminal.now_us // 1000

    def open_link(self, seq: int | None = None) -> None:
        """Put a new agent on the cable, which says HELLO until it is answered."""
        self._session = self._session % 255 + 1
        self.hello = None
        utc_ms = VIRTUAL_UTC_US // 1000 + self.now_ms
        held = max(self.events, default=0) if seq is None else seq
        nonce = self._session.to_bytes(8, "big")
        link = self.agent_link(self.now_ms, nonce, self._session, utc_ms, self.epoch if held else 0, held)
        self.peer = self.terminal.attach(self.over(link))
        self.peer.on_event = self._on_event

    def connect(self, seq: int | None = None) -> None:
        """Connect and wait for the answer to HELLO."""
        self.open_link(seq)
        self.until(lambda: self.hello is not None, "HELLO is answered", BOOT_MS)

    def _on_event(self, event: tuple) -> None:
        name = event[0]
        if name == "established":
            self.hello = event[1]
        elif name == "events" and self.acknowledges:
            self._store(event[1])
        elif name == "replied":
            self.answers[event[1]] = (event[2], event[3])
        elif name == "failed":
            self.failed.add(event[1])
        elif name == "state":
            self.states.append((event[1]["state"], event[1]["invite"]))
        elif name == "status":
            self.status = event[1]
        elif name == "lost":
            self.lost.append(event[1])

    def _store(self, rows: list) -> None:
        for seq, _, data in rows:
            assert self.events.setdefault(seq, data) == data, f"seq {seq} came with other bytes"
        self.peer.link.stored([seq for seq, _, _ in rows])
        self.peer.link.acknowledge(self.now_ms)

    def send(self, type_: int, **fields: object) -> int:
        """Send a request; return its id."""
        id_ = self.peer.link.request(type_, fields, self.now_ms)
        self.answers.pop(id_, None)
        self.peer.pump()
        return id_

    def ask(self, type_: int, **fields: object) -> int:
        """Send a request and wait; return the reason of the answer."""
        id_ = self.send(type_, **fields)
        self.until(lambda: id_ in self.answers, f"an answer to {messages.name(type_)}", ANSWER_MS)
        return self.answers[id_][0]

    def login(self) -> None:
        """Log a clerk in."""
        assert self.ask(messages.CLERK, clerk=CLERK) == reasons.OK

    def invite(self, n: int = 1, **changes: object) -> int:
        """Invite; return the reason of the answer."""
        fields = {"age_ms": 0, "ttl_ms": 10_000, "timeout_ms": 0, "origin": rating.ORIGIN_COUNTER, "qr": None} | changes
        return self.ask(messages.INVITE, invite=invite_id(n), **fields)

    def open_invite(self, n: int = 1, **changes: object) -> None:
        """Invite and let the guard time pass."""
        assert self.invite(n, **changes) == reasons.OK
        self.run(750)

    # -- time

    def run(self, ms: int) -> None:
        """Let time pass."""
        self.terminal.run_for(ms)

    def until(self, condition: Callable[[], bool], what: str, limit_ms: int = 60_000) -> None:
        """Run until it holds; fail naming `what`."""
        assert self.terminal.run_until(condition, limit_ms), (
            f"{what}: not within {limit_ms} ms\n{self.terminal.console()}"
        )

    def until_state(self, state: str, limit_ms: int = 60_000) -> None:
        """Run until the terminal tells this state."""
        self.until(lambda: self.state == state, f"state {state}", limit_ms)

    @property
    def state(self) -> str | None:
        """Return the state told last."""
        return self.states[-1][0] if self.states else None

    def press(self, key: int | str, hold_ms: int = 120) -> None:
        """Press a key through its pin, with bounce, and wait until it is up again."""
        self.terminal.press(key, hold_ms)
        self.run(hold_ms + 60)

    def cut_power(self) -> None:
        """Cut the power at this instant; the agent has lost its port."""
        self.terminal.power_off()
        if self.peer is not None:
            self.peer.detach()

    def restart(self) -> None:
        """Cut the power for a moment; the agent finds the terminal again."""
        self.cut_power()
        self.run(200)
        self.terminal.power_on()
        self.connect()

    # -- what the city would see

    def settle(self) -> None:
        """Run until everything sealed is acknowledged."""
        for _ in range(SETTLE_MS // 50):
            self.run(50)  # a look at the whole chip at every step would take longer than the run
            if not self.unacknowledged():
                return
        raise AssertionError(f"not acknowledged: {self.unacknowledged()}\n{self.terminal.console()}")

    def opened(self, seq: int) -> tuple[evidence.Clear, dict]:
        """Return an event as the city opens it, fields by name."""
        clear, fields = evidence.open_event(Aes, self.key, self.events[seq])
        return clear, {evidence.FIELD_NAMES[key]: value for key, value in fields.items()}

    def told(self, *kinds: int) -> list[tuple[evidence.Clear, dict]]:
        """Return the events of these kinds that the agent holds, in order; all without kinds."""
        found = [self.opened(seq) for seq in sorted(self.events)]
        return [event for event in found if not kinds or event[0].kind in kinds]

    def kinds(self) -> list[str]:
        """Return the names of the kinds that the agent holds, in order."""
        return [rating.KIND_NAMES[clear.kind] for clear, _ in self.told()]

    def levels(self, n: int = 1) -> list[int]:
        """Return the levels of the n-th invite, in order."""
        return [fields["level"] for clear, fields in self.told(rating.RATED) if clear.invite == invite_id(n)]

    def check_chain(self) -> None:
        """Hold that sequence and chain have no hole, and that no nonce came twice."""
        before, nonces = bytes(8), set()
        for seq in range(1, max(self.events) + 1):
            clear, fields = self.opened(seq)
            assert (clear.seq, clear.epoch) == (seq, self.epoch)
            assert fields["prev"] == before, f"seq {seq} does not follow"
            assert (clear.boot, clear.seq) not in nonces
            nonces.add((clear.boot, clear.seq))
            before = evidence.prev_hash(self.events[seq])

    # -- what lies on the chip

    def records(self) -> list[record_scan.Record]:
        """Return the records on the NOR chip now."""
        return record_scan.scan(self.terminal.wiring.nor.array.image)

    def sealed(self) -> list[evidence.Clear]:
        """Return the clear parts of the events on the chip."""
        return [evidence.parse(entry.payload) for entry in self.records() if entry.type == record.EVENT]

    def journalled(self, kind: int) -> list[evidence.Clear]:
        """Return those of one kind."""
        return [clear for clear in self.sealed() if clear.kind == kind]

    def unacknowledged(self) -> list[int]:
        """Return the seqs on the chip that are not marked as acknowledged."""
        return [entry.seq for entry in self.records() if entry.type == record.EVENT and not entry.acknowledged]
