"""One old rater's terminal in virtual time: its real parts and journal, an agent's link, and the rater's frames."""

from pathlib import Path

from host_agent.legacy.bus import Bus, Rater
from host_agent.legacy.key_file import Key
from host_agent.legacy.pc_clock import PcClock
from host_agent.legacy.recorder import Recorder
from host_agent.legacy.session import RaterSession
from host_agent.legacy.store import RaterStore
from host_agent.legacy.terminal import RaterTerminal
from host_agent.receiver.aes import Aes
from protocol import evidence, messages, reasons
from protocol.link import AgentLink
from protocol.sealing import Sealer
from simulator.legacy_rater import frame

SECRET, JOURNAL_ID = bytes(range(32)), b"journal1"
KEY = evidence.event_key(SECRET, 1)
GRADES = {0: 1, 1: 2, 2: 3, 3: 4}  # four of the five: grade 4 has no level
UTC_MS = 1_795_600_000_000
CLERK = {"number": "007"}
TERMINAL = "YP-L001"


def invite_id(number: int) -> bytes:
    """Return the id of an invite by number."""
    return number.to_bytes(16, "big")


class Desk:
    """The terminal between a rater and an agent; `start` again after `stop` or `die` is a restart."""

    def __init__(self, folder: Path, make: bool = True, keep_agent: bool = True) -> None:
        self.folder = folder
        self.make = make
        self.now = 0
        self.utc_ms = UTC_MS
        self.events: dict[int, bytes] = {}  # what the agent holds
        self.sent: list[bytes] = []  # what stood on the bus
        self.states: list[dict] = []
        self.replies: dict[int, int] = {}
        self.answers_agent = True

    def start(self) -> "Desk":
        """Switch on and let the link come up."""
        self.store = RaterStore(self.folder, TERMINAL, 1, JOURNAL_ID, self.make)
        self.make = False
        began = self.now
        clock = PcClock(lambda: self.now - began, self.utc_ms)
        self.boot = self.store.begin_boot(self.utc_ms // 1000 - 1_735_689_600)
        key = Key(TERMINAL, 1, SECRET, JOURNAL_ID)
        self.recorder = Recorder(self.store, Sealer(Aes, KEY, key.terminal, key.epoch), clock, self.boot)
        self.session = RaterSession(GRADES, 1_500, self.recorder.known)
        identity = {"firmware": "agent 1", "epoch": 1, "journal_id": JOURNAL_ID}
        self.terminal = RaterTerminal(TERMINAL, 1, self.session, self.recorder, clock, identity)
        self.began = began
        self.terminal.start(self.store.open_invite)
        self.bus: Bus | None = None
        self.plug()
        self.connect()
        return self

    def stop(self) -> None:
        """Switch off in order."""
        self.store.close()

    def connect(self, known_seq: int | None = None) -> None:
        """Begin a session of the agent."""
        seq = max(self.events, default=0) if known_seq is None else known_seq
        self.link = AgentLink(self.now, bytes((len(self.states) % 256,)) * 8, self.now % 254 + 1, self.utc_ms, 1, seq)
        self.hello: dict | None = None
        self.terminal.attach(self._to_agent)
        self._agent(self.link.tick(self.now))

    def plug(self) -> None:
        """Put the adapter in."""
        self.bus = Bus([Rater(1)], self.now - self.began)
        self.terminal.line(self.bus)

    def unplug(self) -> None:
        """Pull it."""
        self.bus = None
        self.terminal.line(None)

    # --- time

    def pass_time(self, ms: int) -> None:
        """Let everything that is due happen in its order."""
        end = self.now + ms
        while self.now < end:
            self._out()
            dues = [end, self.began + self.terminal.deadline_ms()]
            if self.bus is not None:
                dues += [self.now + 100, self.began + (self.bus.deadline_ms() or 1 << 60)]
            if (due := self.link.deadline_ms()) is not None:
                dues.append(due)
            step = max(self.now + 1, min(dues))
            self.utc_ms += min(step, end) - self.now
            self.now = min(step, end)
            self.terminal.tick()
            if self.bus is not None:
                self._heard(self.bus.tick(self.now - self.began))
            self._agent(self.link.tick(self.now))
        self._out()

    def _out(self) -> None:
        if self.bus is not None:
            data = self.bus.take_output(self.now - self.began)
            if data:
                self.sent.append(data)

    # --- the rater

    def grade(self, grade: int, address: int = 0x81) -> None:
        """Let the rater say a grade."""
        if self.bus is not None:
            self._heard(self.bus.receive(frame(address, 0x11, bytes((grade,))), self.now - self.began))
            self._out()

    def _heard(self, events: list[tuple]) -> None:
        for name, _, *rest in events:
            self.terminal.bus_event((name, *rest))

    # --- the agent

    def ask(self, type_: int, **fields: object) -> int:
        """Send a request and return the reason it is answered with."""
        request = self.link.request(type_, fields, self.now)
        self._agent([])
        self.pass_time(20)
        return self.replies.pop(request)

    def login(self) -> None:
        """Log the clerk in."""
        assert self.ask(messages.CLERK, clerk=CLERK) == reasons.OK

    def invite(self, number: int, timeout_ms: int = 0, age_ms: int = 0) -> int:
        """Invite; return the reason."""
        return self.ask(
            messages.INVITE, invite=invite_id(number), age_ms=age_ms, ttl_ms=15_000, timeout_ms=timeout_ms, origin=1,
            qr=None,
        )  # fmt: skip

    def _to_agent(self, data: bytes) -> None:
        self._agent(self.link.receive(data, self.now))

    def _agent(self, happened: list[tuple]) -> None:
        for event in happened:
            if event[0] == "events" and self.answers_agent:
                for seq, _age, evidence_ in event[1]:
                    assert self.events.setdefault(seq, evidence_) == evidence_, "other bytes under one number"
                self.link.stored([row[0] for row in event[1]])
                self.link.acknowledge(self.now)
            elif event[0] == "replied":
                self.replies[event[1]] = event[2]
            elif event[0] == "state":
                self.states.append(event[1])
            elif event[0] == "established":
                self.hello = event[1]
        data = self.link.take_output(None, self.now)
        if data:
            self.terminal.receive(data)

    # --- what is known afterwards

    def opened(self) -> list[tuple[evidence.Clear, dict]]:
        """Open all that the agent holds, in order; the chain must be whole."""
        found, prev = [], bytes(8)
        for number, (seq, event) in enumerate(sorted(self.events.items()), 1):
            assert seq == number, "a gap"
            clear, fields = evidence.open_event(Aes, KEY, event)
            assert fields[5] == prev and fields[21] is True
            prev = evidence.prev_hash(event)
            found.append((clear, fields))
        return found

    def outcomes(self) -> dict[int, list[tuple[int, int | None]]]:
        """Return (kind, level) of every outcome by invite."""
        found: dict[int, list[tuple[int, int | None]]] = {}
        for clear, fields in self.opened():
            if clear.invite is not None:
                found.setdefault(int.from_bytes(clear.invite, "big"), []).append((clear.kind, fields.get(6)))
        return found

    def kinds(self) -> list[int]:
        """Return the kinds of all events in order."""
        return [clear.kind for clear, _ in self.opened()]

    @property
    def condition(self) -> str | None:
        """Return the condition told last."""
        return self.states[-1]["detail"]["condition"]
