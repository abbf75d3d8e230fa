"""What breaks, when, and how it is mended: drawn from the seed, several at a time, each kind about equally often.

A fault claims what it breaks ("agent", "power 2"); one whose claim is taken waits until it is free. `mend` of each is
what `break` returned. The table says what a fault stands for:

cable            the data cable pulled, and put in again; the terminal has its own supply
renamed          the same, and the port comes back under another name
power            the terminal's power cut at any moment, also while its chip works
power_at_press   the power cut within a tenth of a second after a key went down
firmware_hangs   the firmware stands still (SIGSTOP): beyond eight seconds the watchdog bites
line_noise       bits turned over, pieces lost and doubled on the line
line_silent      the port is open and nothing comes through, either way
agent_killed     kill -9; receiver_killed, city_killed, broker_killed likewise
agent_hangs      the agent does not read its ports or answer anything (SIGSTOP)
broker_forgets   killed, and its persistence is gone when it comes back
nobody_subscribed  receiver stopped and the broker forgot its session: PUBACK says "no matching subscribers"
broker_refuses   nobody may publish any more (0x87), receipts included
disk_full        somebody fills the agent's disk, and frees it
disk_read_only   the agent comes back from a kill and its disk is read-only
writes_refused   every write of the running agent fails
disk_lost        the agent is killed and comes back with an empty disk (RESEND)
agent_locked     another program holds the agent's database; receiver_locked the receiver's
clock_jumps      the PC's clock is set wrong, either way, by seconds, hours or weeks, and later right again
"""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from simulator.demo.parts import Part
from simulator.faults import Noise
from simulator.terminal import SimTerminal
from tests.soak.citizens import Citizen
from tests.soak.disk import can_limit, refuse_writes
from tests.soak.hall import Hall, HeldDatabase

EVERY_S = 3.5
FIRST_S = 2.0
LASTS_S = (0.5, 9.0)
REST_S = (0.5, 6.0)
"""What was mended is left alone for so long: what never works takes no press that could be lost."""
LONG_S = (6.0, 14.0)
LONG = ("firmware_hangs", "agent_locked", "receiver_locked", "agent_hangs", "line_silent", "clock_jumps")
JUMPS_S = (3.0, 90.0, 7_200.0, 40 * 86_400.0)
BIT_ERRORS = (1e-5, 1e-4, 1e-3)
SPARE_PORTS = 3

CLAIMS: dict[str, tuple[str, ...]] = {
    "cable": ("cable {}",),
    "renamed": ("cable {}",),
    "power": ("power {}",),
    "power_at_press": ("power {}",),
    "firmware_hangs": ("power {}",),
    "line_noise": ("line {}",),
    "line_silent": ("line {}",),
    "agent_killed": ("agent",),
    "receiver_killed": ("receiver", "receiver store"),
    "city_killed": ("city",),
    "broker_killed": ("broker",),
    "agent_hangs": ("agent",),
    "broker_forgets": ("broker",),
    "nobody_subscribed": ("broker", "receiver", "receiver store"),
    "broker_refuses": ("rules",),
    "disk_full": ("disk",),
    "disk_read_only": ("agent", "disk"),
    "writes_refused": ("agent",),
    "disk_lost": ("agent", "disk"),
    "agent_locked": ("disk",),
    "receiver_locked": ("receiver store",),
    "clock_jumps": ("clock",),
}
OF_THE_STORE = ("disk_full", "disk_read_only", "writes_refused", "disk_lost", "agent_locked", "receiver_locked")
"""While one of these lasts, a program that cannot open its store may end by itself."""
MISSING = {"agent": "agent", "receiver": "receiver", "city": "city", "broker": "broker"}


@dataclass(frozen=True)
class Coming:
    """One fault to come: at second `at_s` of the run, for `seconds`, at place number `place` (from 0)."""

    at_s: float
    kind: str
    seconds: float
    place: int

    @property
    def claims(self) -> frozenset[str]:
        """Return what it breaks."""
        return frozenset(claim.format(self.place) for claim in CLAIMS[self.kind])


def schedule(rng: random.Random, seconds: float, kinds: list[str], places: int) -> list[Coming]:
    """Draw the faults of a run; the kinds come in shuffled rounds."""
    coming: list[Coming] = []
    round_: list[str] = []
    at_s = FIRST_S
    while at_s < seconds:
        if not round_:
            round_ = rng.sample(kinds, len(kinds))
        kind = round_.pop()
        coming.append(Coming(at_s, kind, rng.uniform(*(LONG_S if kind in LONG else LASTS_S)), rng.randrange(places)))
        at_s += rng.expovariate(1 / EVERY_S)
    return coming


class Breaker:
    """Break and mend; `tick` is called often, from one thread."""

    def __init__(
        self, hall: Hall, citizens: list[Citizen], coming: list[Coming], rng: random.Random, say: Callable[[str], None]
    ) -> None:
        self.done: Counter[str] = Counter()
        self._hall = hall
        self._citizens = citizens
        self._coming = list(coming)
        self._rng = rng
        self._say = say
        self._lasting: list[tuple[Coming, float, Callable[[], object]]] = []
        self._spares: list[int] = []
        self._rests_until_s: dict[str, float] = {}
        self._store_fault_s = 0.0

    @staticmethod
    def kinds(hall: Hall) -> list[str]:
        """Return the kinds that can be done here."""
        left_out = set() if hall.has_rules else {"broker_refuses", "nobody_subscribed"}
        if not hall.disk.mounted:
            left_out |= {"disk_full", "disk_read_only"}
        if not can_limit():
            left_out.add("writes_refused")
        return [kind for kind in CLAIMS if kind not in left_out]

    @property
    def lasting(self) -> list[str]:
        """Return what is broken now."""
        return sorted(fault.kind for fault, _, _ in self._lasting)

    @property
    def kept_down(self) -> frozenset[str]:
        """Return the parts that are down because a fault wants it."""
        return frozenset(claim for fault, _, _ in self._lasting for claim in fault.claims if claim in MISSING)

    @property
    def store_may_fail(self) -> bool:
        """Tell whether a store is broken or was a moment ago."""
        return time.monotonic() < self._store_fault_s

    def tick(self, at_s: float) -> None:
        """Mend what has lasted long enough, break what is due and free to be broken."""
        for entry in [entry for entry in self._lasting if at_s >= entry[1]]:
            self._end(entry)
            rest_s = at_s + self._rng.uniform(*REST_S)
            self._rests_until_s |= dict.fromkeys(entry[0].claims, rest_s)
        taken = {claim for claim, until_s in self._rests_until_s.items() if at_s < until_s}
        taken |= {claim for fault, _, _ in self._lasting for claim in fault.claims}
        for fault in [fault for fault in self._coming if fault.at_s <= at_s]:
            if not taken & fault.claims:
                taken |= fault.claims
                self._coming.remove(fault)
                self._begin(fault, at_s)
        if any(fault.kind in OF_THE_STORE for fault, _, _ in self._lasting):
            self._store_fault_s = time.monotonic() + 15.0

    def mend_all(self) -> None:
        """Mend everything, and break nothing more."""
        self._coming.clear()
        for entry in list(self._lasting):
            self._end(entry)
        for spare in self._spares:
            os.close(spare)
        self._spares.clear()

    def _begin(self, fault: Coming, at_s: float) -> None:
        where = f" at {self._hall.places[fault.place].window}" if "{" in CLAIMS[fault.kind][0] else ""
        mend = getattr(self, f"_{fault.kind}")(fault)
        if mend is None:
            self._say(f"{fault.kind}{where} could not be done")
            return
        self._say(f"{fault.kind}{where} for {fault.seconds:.1f} s")
        if fault.kind != "power_at_press":  # counted when it strikes
            self.done[fault.kind] += 1
        self._lasting.append((fault, at_s + fault.seconds, mend))

    def _end(self, entry: tuple[Coming, float, Callable[[], object]]) -> None:
        self._lasting.remove(entry)
        entry[2]()
        self._say(f"{entry[0].kind} is mended")

    # --- at one window

    def _terminal(self, fault: Coming) -> SimTerminal:
        return self._hall.places[fault.place].terminal

    def _cable(self, fault: Coming) -> Callable[[], object]:
        terminal = self._terminal(fault)
        terminal.unplug()
        return terminal.plug

    def _renamed(self, fault: Coming) -> Callable[[], object]:
        terminal = self._terminal(fault)
        terminal.unplug()
        for _ in range(SPARE_PORTS):  # they take the lowest free names
            self._spares += os.openpty()
        return terminal.plug

    def _power(self, fault: Coming) -> Callable[[], object]:
        terminal = self._terminal(fault)
        terminal.power_off()
        return terminal.power_on

    def _power_at_press(self, fault: Coming) -> Callable[[], object]:
        citizen, terminal = self._citizens[fault.place], self._terminal(fault)
        citizen.cut_at_press.set()

        def mend() -> None:
            if citizen.cut_at_press.is_set():
                citizen.cut_at_press.clear()
            else:
                self.done["power_at_press"] += 1
            terminal.power_on()

        return mend

    def _firmware_hangs(self, fault: Coming) -> Callable[[], object] | None:
        pid = self._terminal(fault).engine.firmware_pid
        if pid is None:
            return None
        return _stopped(pid)

    def _line_noise(self, fault: Coming) -> Callable[[], object]:
        terminal, rng = self._terminal(fault), self._rng
        noise = [
            Noise(random.Random(rng.random()), rng.choice(BIT_ERRORS), rng.choice((0.0, 0.2)), rng.choice((0.0, 0.1)))
            for _ in range(2)
        ]
        terminal.set_line_faults(*noise)
        return terminal.set_line_faults

    def _line_silent(self, fault: Coming) -> Callable[[], object]:
        terminal = self._terminal(fault)
        terminal.set_line_faults(lambda _data: b"", lambda _data: b"")
        return terminal.set_line_faults

    # --- processes

    def _killed(self, part: Part) -> Callable[[], object]:
        part.kill()
        return lambda: part.start(wait=False)

    def _agent_killed(self, _fault: Coming) -> Callable[[], object]:
        return self._killed(self._hall.agent)

    def _receiver_killed(self, _fault: Coming) -> Callable[[], object]:
        return self._killed(self._hall.receiver)

    def _city_killed(self, _fault: Coming) -> Callable[[], object]:
        return self._killed(self._hall.city)

    def _broker_killed(self, _fault: Coming) -> Callable[[], object]:
        return self._killed(self._hall.broker)

    def _agent_hangs(self, _fault: Coming) -> Callable[[], object] | None:
        process = self._hall.agent.process
        return None if process is None or not self._hall.agent.alive else _stopped(process.pid)

    def _broker_forgets(self, _fault: Coming) -> Callable[[], object]:
        start = self._killed(self._hall.broker)
        self._hall.forget()
        return start

    def _nobody_subscribed(self, fault: Coming) -> Callable[[], object]:
        self._hall.receiver.stop()
        self._broker_forgets(fault)()
        return lambda: self._hall.receiver.start(wait=False)

    def _broker_refuses(self, _fault: Coming) -> Callable[[], object]:
        self._hall.allow_writing(False)
        return lambda: self._hall.allow_writing(True)

    # --- disks, databases, clock

    def _disk_full(self, _fault: Coming) -> Callable[[], object]:
        self._hall.disk.fill()
        return self._hall.disk.free

    def _disk_read_only(self, _fault: Coming) -> Callable[[], object] | None:
        hall = self._hall
        hall.agent.kill()
        done = hall.disk.read_only(True)
        hall.agent.start(wait=False)

        def mend() -> None:
            hall.agent.kill()
            hall.disk.read_only(False)
            hall.agent.start(wait=False)

        return mend if done else None

    def _writes_refused(self, _fault: Coming) -> Callable[[], object] | None:
        process = self._hall.agent.process
        if process is None or not self._hall.agent.alive:
            return None
        refuse_writes(process.pid, True)
        return lambda: refuse_writes(process.pid, False)

    def _disk_lost(self, _fault: Coming) -> Callable[[], object]:
        start = self._killed(self._hall.agent)
        self._hall.disk.empty()
        return start

    def _agent_locked(self, _fault: Coming) -> Callable[[], object] | None:
        return _held(self._hall.agent_database)

    def _receiver_locked(self, _fault: Coming) -> Callable[[], object] | None:
        return _held(self._hall.receiver_database)

    def _clock_jumps(self, _fault: Coming) -> Callable[[], object]:
        self._hall.turn_clock(self._rng.choice(JUMPS_S) * self._rng.choice((-1, 1)))
        return lambda: self._hall.turn_clock(0)


def _stopped(pid: int) -> Callable[[], object]:
    """Stop a process; return what lets it go on, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)

    def mend() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return mend


def _held(path: object) -> Callable[[], object] | None:
    try:
        return HeldDatabase(path).let_go
    except sqlite3.Error:
        return None
