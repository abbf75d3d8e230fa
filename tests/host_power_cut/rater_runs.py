"""The recorded runs of an old rater's journal: visits, marks, acknowledgements, restarts with an invite open."""

import random
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from host_agent import store as store_module
from protocol import codes
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.rater_life import Life
from tests.host_power_cut.vfs import Recording


@dataclass(frozen=True)
class Plan:
    """What a run is like; a round is a visit and what is around it."""

    name: str
    rounds: int
    restart_every: int
    checkpoint_pages: int = 12


class RaterRun:
    """One run on an empty folder."""

    def __init__(self, plan: Plan, seed: int) -> None:
        """Keep the plan; `record` carries it out."""
        self._plan = plan
        self._rng = random.Random(f"{plan.name}:{seed}")
        self.marks: list[Mark] = []

    def record(self, folder: Path, recording: Recording) -> None:
        """Live through the plan."""
        with mock.patch.object(store_module, "CHECKPOINT_PAGES", self._plan.checkpoint_pages):
            life = Life(folder, recording, self.marks)
            life.start()
            for number in range(1, self._plan.rounds + 1):
                life.visit(number, self._rng.randint(1, 5))
                if self._rng.random() < 0.5:
                    life.recorder.seal(codes.MARK, None, {})
                if self._rng.random() < 0.5:
                    life.acknowledge_all()
                if number % self._plan.restart_every == 0:
                    life.invite(1_000 + number)
                    life.stop()
                    life = Life(folder, recording, self.marks)
                    life.start()
            life.stop()
