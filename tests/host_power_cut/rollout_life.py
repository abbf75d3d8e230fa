"""One life of a roll-out between two power cuts: the real store and the receiver's step on it; no broker, no agents."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from host_agent import store as agent_store
from host_agent.rollout import step
from host_agent.rollout.control import Control
from host_agent.rollout.model import Report, Rollout
from host_agent.rollout.store import RolloutStore
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.vfs import Recording

# tried, kept: what the store holds, see `held`; said: the names of terminals that were given the word
TRIED, KEPT, SAID = "tried", "kept", "said"
CENTRE, PREFIX = "C01", "yiping/v1"

Held = tuple[list[Rollout], dict[str, Report]]


def held(store: RolloutStore) -> Held:
    """Return all that a store says of the centre."""
    return store.newest(), store.reports(CENTRE)


class _Watched(RolloutStore):
    """A store that notes what it is about to make durable, and that it did."""

    def __init__(self, folder: Path, life: "Life") -> None:
        super().__init__(folder)
        self._life = life

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        with super().change():
            yield
            now = held(self)
            self._life.mark(TRIED, now)
        self._life.mark(KEPT, now)


class Life:
    """Own the parts from opening to closing."""

    def __init__(
        self, folder: Path, checkpoint_pages: int, now_ms: int, recording: Recording | None, marks: list[Mark]
    ) -> None:
        """Open the store; `marks` goes on from an earlier life."""
        self._recording = recording
        self._marks = marks
        self.now_ms = now_ms
        with mock.patch.object(agent_store, "CHECKPOINT_PAGES", checkpoint_pages):
            self.store = _Watched(folder, self)
        self._control = Control(self.store, PREFIX, lambda topic, payload: None, lambda: self.now_ms)

    def close(self) -> None:
        """End in good order."""
        self._control.close()

    def start(self, rollout: Rollout) -> None:
        """Begin a roll-out, as an administrator does."""
        with self.store.change():
            self.store.put(rollout)

    def resume(self) -> None:
        """Go on after a halt, as an administrator does."""
        with self.store.change():
            rollout = self.store.of_centre(CENTRE)
            step.resume(rollout, True, self.now_ms)
            self.store.put(rollout)

    def look(self, reports: list[Report], agents: dict[str, bool]) -> tuple[Rollout, set[str]]:
        """Move on by what was heard; return the newest roll-out and the terminals that are given the word."""
        heard = {(CENTRE, report.terminal): report for report in reports}
        rollouts, _ = self._control._step(heard, {(CENTRE, agent): there for agent, there in agents.items()})
        said = {member.terminal for rollout in rollouts for some in step.words(rollout).values() for member in some}
        self.mark(SAID, said)
        return rollouts[-1], said

    def mark(self, what: str, value: object) -> None:
        """Note something at the present operation."""
        self._marks.append(Mark(len(self._recording.log) if self._recording is not None else 0, what, value))
