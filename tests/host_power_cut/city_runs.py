"""The receiver's recorded runs: any order, duplicates, conflicts, a terminal known late, a full disk, restarts."""

import copy
import random
from dataclasses import dataclass
from pathlib import Path

from host_agent.receiver.intake import Raw
from tests.city.terminals import Terminal, message
from tests.host_power_cut.city_life import Life, Registered, evidence_of
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.vfs import Recording


@dataclass(frozen=True)
class Plan:
    """What a run is like; a round is a batch of messages and some records handed on."""

    name: str
    rounds: int
    terminals: int = 2
    most: int = 4  # messages of one terminal in one round
    checkpoint_pages: int = 16  # small, so that the log is folded in and begun anew again and again
    restart_every: int = 0
    full_every: int = 0


class CityRun:
    """One run on an empty folder."""

    def __init__(self, plan: Plan, seed: int) -> None:
        """Keep the plan; `record` carries it out."""
        self._plan = plan
        self._rng = random.Random(f"{plan.name}:{seed}")
        self.marks: list[Mark] = []
        self._registered = Registered()
        self._terminals = [Terminal(f"YP-{number:04}", seed=seed) for number in range(plan.terminals)]
        self._late = Terminal("YP-9999", seed=seed)
        self._given: list[Raw] = []

    def record(self, folder: Path, recording: Recording) -> None:
        """Live through the plan."""
        plan = self._plan
        life = self._begin(folder, recording)
        for terminal in self._terminals:
            life.register(terminal.entry())
        for number in range(1, plan.rounds + 1):
            if plan.full_every and number % plan.full_every == 0:
                self._fill(life, recording)
            self._take(life, self._batch(number))
            if number == plan.rounds // 2:
                life.register(self._late.entry())
                life.retry_shelf([evidence_of(raw) for raw in self._given])
            life.hand_on(self._rng.randrange(1, 2 * plan.most * plan.terminals))
            if plan.restart_every and number % plan.restart_every == 0:
                life.close()
                life = self._begin(folder, recording)
        life.close()

    def _begin(self, folder: Path, recording: Recording) -> Life:
        return Life(folder, self._registered, self._plan.checkpoint_pages, recording, self.marks)

    def _take(self, life: Life, batch: list[Raw]) -> None:
        assert life.take(batch)
        self._given += batch

    def _batch(self, number: int) -> list[Raw]:
        """Return new messages in any order, some of earlier ones again, and at times other bytes under one number."""
        batch = []
        for terminal in (*self._terminals, self._late):
            if self._rng.random() < 0.15 and terminal.events:
                twin = copy.deepcopy(terminal)
                batch.append(message(twin, twin.boots()))
            for _ in range(self._rng.randint(1, self._plan.most)):
                invite = terminal.invite()
                event = terminal.rates(1 + number % 5, invite) if self._rng.random() < 0.7 else terminal.marks()
                batch.append(message(terminal, event, invite.preimage if self._rng.random() < 0.8 else None))
        self._rng.shuffle(batch)
        return batch + self._rng.sample(self._given, min(2, len(self._given)))

    def _fill(self, life: Life, recording: Recording) -> None:
        """Let the disk take less than the next batch needs, then bring the batch again."""
        batch = self._batch(0)
        recording.room_bytes = self._rng.randrange(1, 30_000)
        assert not life.take(batch)
        recording.room_bytes = None
        self._take(life, batch)
