"""The recorded runs. Each is a plan of days; what a day does is drawn from the run's seed."""

import random
from dataclasses import dataclass

from simulator.chips.nor_array import NorArray
from store.journal import Journal, JournalFull, format_chip
from tests.power_cut import events
from tests.power_cut.nor import ArrayNor
from tests.power_cut.promise import Call

JOURNAL_ID = b"journal1"
SECTOR_BYTES = 4096


@dataclass(frozen=True)
class Plan:
    """What a run is like. `idle_calls` is how often the upkeep is called after each step; 0 = erases are in the way."""

    name: str
    sectors: int
    ratings: int
    known_limit: int = 12
    idle_calls: int = 3
    lag: int = 4  # events that wait for their acknowledgement
    restart_every: int = 25  # ratings
    warm: int = 0  # ratings before the first cut
    offline: tuple[int, int] = (0, 0)  # ratings between which nothing is acknowledged


PLANS = {
    plan.name: plan
    for plan in (
        Plan("first_lap", sectors=8, ratings=40),
        Plan("wrap", sectors=8, ratings=140, warm=85),
        Plan("busy", sectors=8, ratings=110, warm=50, idle_calls=1, lag=12, restart_every=35),
        Plan("starved", sectors=8, ratings=110, warm=60, idle_calls=0, restart_every=35),
        Plan("restarts", sectors=8, ratings=70, warm=30, restart_every=2),
        Plan("full", sectors=9, ratings=125, warm=30, offline=(30, 105), restart_every=40),
        Plan("known", sectors=8, ratings=110, warm=60, known_limit=40, lag=0),
    )
}


class Run:
    """One run on a fresh chip; `log` holds its flash operations, `calls` what the terminal asked for."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.rng = random.Random(f"{plan.name}:{seed}")
        self.log: list = []
        self.calls: list[Call] = []
        self.array = NorArray(bytearray(b"\xff" * (plan.sectors * SECTOR_BYTES)), self.log)
        self.nor = ArrayNor(self.array)
        self.refused = 0
        self.warm = 0  # operations before the first cut
        self._clock_ms = 0
        self._waiting: list[int] = []

    def record(self) -> None:
        """Format the chip, then live through the plan."""
        format_chip(self.nor, JOURNAL_ID)
        self.warm = len(self.log)
        self._start()
        for rating in range(self.plan.ratings):
            if rating == self.plan.warm and rating:
                self.warm = len(self.log)
            if rating and rating % self.plan.restart_every == 0:
                self._start()
            self._rating()
            if self.rng.random() < 0.25:
                self._event(None)
            online = not self.plan.offline[0] <= rating < self.plan.offline[1]
            self._acknowledge(self.plan.lag if online else 10_000)
        self._acknowledge(0)
        for _ in range(40):
            self._idle()

    def _start(self) -> None:
        """Restart the terminal; its chip keeps power, so an erase under way ends."""
        self.nor.wait()
        start = len(self.log)
        self.journal = Journal(self.nor, JOURNAL_ID, self.plan.known_limit)
        self.journal.mount()
        self.calls.append(Call("boot", start, len(self.log), boot=self.journal.boot))
        self._event(None)

    def _rating(self) -> None:
        """Invite, press, sometimes change one's mind and give details; or let the invite end without a press."""
        invite = self.rng.randbytes(16)
        start = len(self.log)
        try:
            self.journal.append_invite(invite, 1)
        except JournalFull:
            self.refused += 1
            return
        self.calls.append(Call("invite", start, len(self.log), invite=invite))
        self._upkeep()
        for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
            self._event(invite)

    def _event(self, invite: bytes | None) -> None:
        journal = self.journal
        if invite is None and not journal.room_for_other():
            self.refused += 1
            return
        seq = journal.last_seq + 1
        event = events.make(self.rng, journal.boot, seq, journal.prev_hash, invite)
        start = len(self.log)
        journal.append_event(seq, event)
        self.calls.append(Call("event", start, len(self.log), seq=seq, boot=journal.boot, event=event, invite=invite))
        self._waiting.append(seq)
        self._upkeep()

    def _acknowledge(self, leave: int) -> None:
        """Acknowledge all but the last `leave`, now and then out of order as after a lost frame."""
        while len(self._waiting) > leave:
            at = 1 if len(self._waiting) > 1 and self.rng.random() < 0.2 else 0
            seq = self._waiting.pop(at)
            start = len(self.log)
            self.journal.acknowledge(seq)
            self.calls.append(Call("ack", start, len(self.log), seq=seq))
            self._upkeep()

    def _upkeep(self) -> None:
        for _ in range(self.rng.randint(0, self.plan.idle_calls)):
            self._idle()

    def _idle(self) -> None:
        start = len(self.log)
        self._clock_ms += 10
        self.journal.idle(self._clock_ms)
        if len(self.log) > start:
            self.calls.append(Call("idle", start, len(self.log)))
