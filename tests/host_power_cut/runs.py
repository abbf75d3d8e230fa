"""The runs that are cut, by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.host_power_cut.agent_promise import AgentPromise
from tests.host_power_cut.agent_runs import AgentRun
from tests.host_power_cut.agent_runs import Plan as AgentPlan
from tests.host_power_cut.city_promise import CityPromise
from tests.host_power_cut.city_runs import CityRun
from tests.host_power_cut.city_runs import Plan as CityPlan
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.rater_promise import RaterPromise
from tests.host_power_cut.rater_runs import Plan as RaterPlan
from tests.host_power_cut.rater_runs import RaterRun
from tests.host_power_cut.rollout_promise import RolloutPromise
from tests.host_power_cut.rollout_runs import Plan as RolloutPlan
from tests.host_power_cut.rollout_runs import RolloutRun
from tests.host_power_cut.vfs import Recording


class Run(Protocol):
    """One run to record."""

    marks: list[Mark]

    def record(self, folder: Path, recording: Recording) -> None:
        """Carry it out in an empty folder."""


class Promise(Protocol):
    """What must hold of a folder."""

    def keep(self, mark: Mark) -> None:
        """Take what happened."""

    def judge(self, folder: Path) -> None:
        """Raise Broken unless the store in the folder keeps the promise."""

    def go_on(self, folder: Path, recording: Recording | None, marks: list[Mark]) -> None:
        """Start the product on the folder and let it work; mark what it promises."""

    def judge_after(self, folder: Path) -> None:
        """Judge once more after that."""


_AGENT_PLANS = (
    AgentPlan("agent-first", rounds=2, terminals=2, purge_every=2),
    AgentPlan("agent-day", rounds=18, restart_every=7, purge_every=8, full_every=5),
    AgentPlan("agent-crowd", rounds=8, terminals=16, most=24, checkpoint_pages=500, restart_every=4),
)
_CITY_PLANS = (
    CityPlan("city-first", rounds=2, terminals=1, most=2),
    CityPlan("city-day", rounds=10, restart_every=4, full_every=3),
)
_RATER_PLANS = (
    RaterPlan("rater-first", rounds=2, restart_every=1),
    RaterPlan("rater-day", rounds=24, restart_every=6),
)
_ROLLOUT_PLANS = (
    RolloutPlan("rollout-first", rounds=4, terminals=2, restart_every=3),
    RolloutPlan("rollout-day", rounds=40, terminals=5, restart_every=9),
)

RUNS: dict[str, tuple[Callable[[int], Run], Callable[[], Promise]]] = {
    **{plan.name: (lambda seed, plan=plan: AgentRun(plan, seed), AgentPromise) for plan in _AGENT_PLANS},
    **{plan.name: (lambda seed, plan=plan: CityRun(plan, seed), CityPromise) for plan in _CITY_PLANS},
    **{plan.name: (lambda seed, plan=plan: RaterRun(plan, seed), RaterPromise) for plan in _RATER_PLANS},
    **{plan.name: (lambda seed, plan=plan: RolloutRun(plan, seed), RolloutPromise) for plan in _ROLLOUT_PLANS},
}
