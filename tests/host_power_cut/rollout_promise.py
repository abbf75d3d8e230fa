"""What a roll-out's store has promised at a moment of a run, and the judging of it after a power cut."""

from dataclasses import dataclass, field
from pathlib import Path

from host_agent.rollout.model import ENDED, PLANNED, Limits, Offer, Rollout
from host_agent.rollout.store import FILE_NAME, RolloutStore
from tests.host_power_cut import rollout_life
from tests.host_power_cut.promise import Mark, opened, require
from tests.host_power_cut.rollout_life import CENTRE, Held, Life, held
from tests.host_power_cut.vfs import Recording
from tests.rollout.fleet import MANIFEST, MINUTE_MS, FleetTerminal

START_MS = 1_790_000_000_000
LIMITS = Limits(waves=("1", "50%", "100%"), observe_s=60)
_MINUTES_MAX = 90


@dataclass
class RolloutPromise:
    """What is on the disk, what may be there beside it, and who was given the word."""

    kept: Held | None = None
    tried: Held | None = None
    said: set[str] = field(default_factory=set)

    def keep(self, mark: Mark) -> None:
        """Take what happened."""
        if mark.what == rollout_life.KEPT:
            self.kept, self.tried = mark.value, None
        elif mark.what == rollout_life.TRIED:
            self.tried = mark.value
        elif mark.what == rollout_life.SAID:
            self.said |= mark.value

    def judge(self, folder: Path) -> None:
        """Raise Broken unless the store in the folder holds the last plan that was kept, or the one after it."""
        with opened(folder / FILE_NAME, self.kept is not None, "rollouts") as conn:
            if conn is None:
                return
        found = _found(folder)
        allowed = [one for one in (self.kept or ([], {}), self.tried) if one is not None]
        require(found in allowed, f"the plan is neither the one that was kept nor the next one: {found}")
        begun = {one.terminal for plan in found[0] for one in plan.members.values() if one.state != PLANNED}
        require(self.said <= begun, f"the word was given to {self.said - begun} and the plan does not know it")

    def go_on(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        """Start the receiver's part again, and bring what there is of a roll-out to its end."""
        life = Life(folder, 8, START_MS + 10_000_000, recording, marks)
        if life.store.of_centre(CENTRE) is None:
            life.start(new_rollout())
        plan = life.store.of_centre(CENTRE)
        fleet = [FleetTerminal(one.terminal, one.agent) for one in plan.members.values()] or new_fleet(2)
        for _ in range(_MINUTES_MAX):
            if plan.state == ENDED:
                break
            if plan.state == "halted":
                life.resume()
            plan, said = life.look([one.report(life.now_ms) for one in fleet], {one.agent: True for one in fleet})
            for terminal in fleet:
                terminal.hear(terminal.name in said, life.now_ms)
            life.now_ms += MINUTE_MS
        life.close()

    def judge_after(self, folder: Path) -> None:
        """Raise Broken unless the roll-out came to its end."""
        self.judge(folder)
        require(_found(folder)[0][-1].state == ENDED, "the roll-out does not end")


def _found(folder: Path) -> Held:
    store = RolloutStore(folder)
    try:
        return held(store)
    finally:
        store.close()


def new_rollout() -> Rollout:
    """Return one that an administrator begins."""
    return Rollout("r-1", CENTRE, "0.7.0", {"k5": Offer("k5", MANIFEST, None)}, LIMITS, started_ms=START_MS)


def new_fleet(count: int) -> list[FleetTerminal]:
    """Return terminals of two agents."""
    return [FleetTerminal(f"YP-{number:04}", f"pc-{number % 2:02}") for number in range(1, count + 1)]
