"""Fifty power cuts through updates of a flashed board by the real agent, which is killed now and then."""

import json
import random
from pathlib import Path

import pytest

from host_agent.update import states
from tests.rollout import update_story as story

CUTS = 50
DARK_MS = 10_000  # citizens see that the window is being maintained for at most so long
# Each in any order, and each roll-back with the cuts that use a trial's starts up; the others hit trials.
PLAN = (
    (story.RECEIVE,) * 10 + (story.SWITCH,) * 4 + (story.CONFIRM,) * 2 + (story.RATING,) * 2,
    (story.ROLL_BACK,),
    (story.RECEIVE,) * 6 + (story.SWITCH,) * 5 + (story.CONFIRM,) * 4 + (story.RATING,) * 2,
    (story.ROLL_BACK,),
)
RATE_P = 0.2  # how often a citizen rates between two cuts


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("seed", [1])
def test_updates_under_fifty_power_cuts_end_with_the_next_version_and_every_rating_at_the_city_once(
    tmp_path: Path, seed: int
) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    with story.Story(tmp_path, rng) as told:
        told.rate()
        for act in (act for part in PLAN for act in rng.sample(part, len(part))):
            told.cut(act)
            if rng.random() < RATE_P:
                told.rate()
        while len(told.cuts) < CUTS:
            told.cut(story.TRIAL)
        told.until(told.is_done, "the end of the update", offers=False)
        told.rate()
        ends_well(told)


def ends_well(told: story.Story) -> None:
    """Hold what was promised, and tell how it went."""
    story.wait_for(lambda: told.shown <= told.ratings().keys(), "every rating at the city")
    for invite, levels in told.ratings().items():
        assert levels == [told.levels[invite]]
    row = json.loads(told.command("update", "status", "--json"))["terminals"][0]
    version = told.bundles[-1].version
    assert (row["state"], row["firmware"], row["version"], row["why"]) == (states.DONE, version, version, None)
    assert told.failures.count(states.ROLLED_BACK) >= told.cuts.count(story.ROLL_BACK)
    assert told.watch.shown_us and told.watch.longest_ms <= DARK_MS
    told.board.unplug()
    told.look()
    assert (told.running, told.tries) == (version, 0)
    acts = {act: told.cuts.count(act) for act in story.SPAN_S}
    print(
        f"{acts}; the flash had {told.hit}; {len(told.bundles)} versions, {len(told.failures)} failures,"
        f" {len(told.shown)} ratings, agent killed {told.kills} times,"
        f" 维护中 for at most {told.watch.longest_ms} ms"
    )
