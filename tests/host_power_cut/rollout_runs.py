"""The recorded runs of a roll-out: waves, terminals that come and go, a failure that halts, a resume, restarts."""

import random
from dataclasses import dataclass
from pathlib import Path

from host_agent.rollout.model import ENDED, HALTED
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.rollout_life import Life
from tests.host_power_cut.rollout_promise import START_MS, new_fleet, new_rollout
from tests.host_power_cut.vfs import Recording
from tests.rollout.fleet import MINUTE_MS


@dataclass(frozen=True)
class Plan:
    """What a run is like; a round is one look of the receiver."""

    name: str
    rounds: int
    terminals: int
    restart_every: int
    checkpoint_pages: int = 16


class RolloutRun:
    """One run on an empty folder."""

    def __init__(self, plan: Plan, seed: int) -> None:
        """Keep the plan; `record` carries it out."""
        self._plan = plan
        self._rng = random.Random(f"{plan.name}:{seed}")
        self._fleet = new_fleet(plan.terminals)
        self._fleet[0].fate = "rolled_back"  # the canary
        self.marks: list[Mark] = []

    def record(self, folder: Path, recording: Recording) -> None:
        """Live through the plan."""
        life, now_ms = self._begin(folder, START_MS, recording), START_MS
        life.start(new_rollout())
        for number in range(1, self._plan.rounds + 1):
            plan, said = life.look(self._reports(now_ms), {"pc-00": self._rng.random() < 0.9, "pc-01": True})
            if plan.state == HALTED:
                self._fleet[0].fate, self._fleet[0].update, self._fleet[0].began_ms = "done", ("none", None), None
                life.resume()
            for terminal in self._fleet:
                terminal.hear(terminal.name in said, now_ms)
                terminal.there = self._rng.random() < 0.9
            life.now_ms = now_ms = now_ms + MINUTE_MS
            if number % self._plan.restart_every == 0:
                life.close()
                life = self._begin(folder, now_ms, recording)
        assert self._plan.rounds < 20 or plan.state == ENDED
        life.close()

    def _reports(self, now_ms: int) -> list:
        return [terminal.report(now_ms) for terminal in self._fleet if self._rng.random() < 0.7]

    def _begin(self, folder: Path, now_ms: int, recording: Recording) -> Life:
        return Life(folder, self._plan.checkpoint_pages, now_ms, recording, self.marks)
