"""The rule of a roll-out: waves, observing, halting, resuming, in virtual time."""

import random

import pytest

from host_agent.rollout import overview, step
from host_agent.rollout.model import (
    BY_ADMINISTRATOR,
    DONE,
    ENDED,
    FAILED,
    GO,
    HALTED,
    RUNNING,
    SKIPPED,
    Limits,
    check_waves,
)
from tests.rollout.fleet import MANIFEST, OLD8, Fleet

LIMITS = Limits(waves=("1", "10%", "100%"), observe_s=1800)


def test_rollout_reaches_everyone_in_waves_and_observes_each():
    fleet = Fleet(50, 4, LIMITS)
    sizes = set()
    for _ in range(200):
        fleet.minute()
        sizes.add(len(fleet.touched))
        if len(fleet.touched) == 5:
            assert fleet.rollout.count(DONE) >= 1, "the canary was done before the next four began"
    assert sizes == {1, 5, 50} and fleet.rollout.state == ENDED and fleet.rollout.count(DONE) == 50
    first = {n: next(i for i, begun in enumerate(fleet.begun) if len(begun) == n) for n in (1, 5, 50)}
    assert first[5] - first[1] >= 30 and first[50] - first[5] >= 30


def test_rollout_second_wave_is_spread_over_the_agents():
    fleet = Fleet(40, 4, LIMITS)
    fleet.minutes(45)
    agents = [fleet.terminals[name].agent for name in fleet.touched]
    assert len(agents) == 4 == len(set(agents))


def test_rollout_halts_when_the_canary_fails_and_nobody_else_is_touched():
    fleet = Fleet(50, 4, LIMITS)
    for terminal in fleet.terminals.values():
        terminal.fate = "rolled_back"
    fleet.minutes(300)
    assert fleet.rollout.state == HALTED and "first wave" in fleet.rollout.why
    assert len(fleet.touched) == 1 and fleet.rollout.count(FAILED) == 1
    assert not any(step.words(fleet.rollout).values())


def test_rollout_halts_beyond_the_share_and_goes_on_below_it():
    for failing, state in ((2, ENDED), (3, HALTED)):
        fleet = Fleet(100, 4, LIMITS)
        for name in sorted(fleet.terminals)[-failing:]:
            fleet.terminals[name].fate = "rolled_back"
        fleet.minutes(400)
        assert fleet.rollout.state == state, failing
        assert fleet.rollout.count(FAILED) == failing


def test_rollout_resumed_goes_on_and_does_not_ask_the_failed_again():
    fleet = Fleet(20, 2, LIMITS)
    fleet.terminals["YP-0001"].fate = "rolled_back"
    fleet.minutes(60)
    assert fleet.rollout.state == HALTED
    step.resume(fleet.rollout, False, fleet.now_ms)
    fleet.minutes(200)
    assert fleet.rollout.state == ENDED and fleet.rollout.count(DONE) == 19 and fleet.rollout.count(FAILED) == 1


def test_rollout_resumed_with_retry_asks_the_failed_again_by_name():
    fleet = Fleet(20, 2, LIMITS)
    canary = fleet.terminals["YP-0001"]
    canary.fate = "rolled_back"
    fleet.minutes(60)
    step.resume(fleet.rollout, True, fleet.now_ms)
    (member,) = [one for members in step.words(fleet.rollout).values() for one in members]
    assert member.retry and member.terminal == "YP-0001"
    fleet.minute()
    assert fleet.rollout.members["YP-0001"].state == GO, "an old failure is no new one"
    canary.fate, canary.update, canary.began_ms = "done", ("none", None), None
    fleet.minutes(200)
    assert fleet.rollout.state == ENDED and fleet.rollout.count(DONE) == 20


def test_rollout_retry_that_is_refused_again_at_once_counts_as_a_failure():
    fleet = Fleet(20, 2, LIMITS)
    canary = fleet.terminals["YP-0001"]
    canary.fate = "needs_bootstrap"
    fleet.minutes(60)
    step.resume(fleet.rollout, True, fleet.now_ms)
    fleet.minutes(5)
    assert fleet.rollout.state == HALTED and fleet.touched == ["YP-0001"]
    assert not fleet.rollout.members["YP-0001"].retry


def test_rollout_whose_failed_canary_is_done_in_the_end_says_so_and_goes_on_when_resumed():
    fleet = Fleet(20, 2, LIMITS)
    canary = fleet.terminals["YP-0001"]
    canary.fate = "not_back"
    fleet.minutes(60)
    assert fleet.rollout.state == HALTED and not step.is_cleared(fleet.rollout)
    canary.running, canary.update = MANIFEST[:8], ("done", None)
    fleet.minutes(60)
    assert fleet.rollout.state == HALTED and fleet.touched == ["YP-0001"], "an administrator looks first"
    assert step.is_cleared(fleet.rollout) and fleet.rollout.members["YP-0001"].state == DONE
    said = overview.centre("C01", {}, fleet.rollout, fleet.now_ms)["message"]
    assert "1 failed in the first wave" in said and "runs it now" in said and "rollout resume --centre C01" in said
    step.resume(fleet.rollout, False, fleet.now_ms)
    fleet.minutes(200)
    assert fleet.rollout.state == ENDED and fleet.rollout.count(DONE) == 20


def test_rollout_halted_by_an_administrator_is_never_told_as_cleared():
    fleet = Fleet(20, 2, LIMITS)
    fleet.minute()
    fleet.rollout.state, fleet.rollout.why = HALTED, BY_ADMINISTRATOR
    fleet.minute()
    assert not step.is_cleared(fleet.rollout)


def test_rollout_forgives_no_other_failure_in_place_of_one_that_turned_out_to_be_none():
    fleet = Fleet(20, 2, LIMITS)
    for terminal in fleet.terminals.values():
        terminal.fate = "not_back"
    fleet.minutes(60)
    canary = fleet.terminals["YP-0001"]
    step.resume(fleet.rollout, False, fleet.now_ms)
    canary.running, canary.update = MANIFEST[:8], ("done", None)
    fleet.minutes(200)
    assert fleet.rollout.state == HALTED and len(fleet.touched) == 2


def test_rollout_absent_canary_gives_its_turn_to_another():
    fleet = Fleet(3, 1, LIMITS)
    fleet.minute()
    fleet.terminals[fleet.touched[0]].there = False
    fleet.minutes(60)
    assert len(fleet.touched) > 1 and fleet.rollout.state == RUNNING and fleet.rollout.count(DONE) >= 1


def test_rollout_waits_while_nobody_is_there():
    fleet = Fleet(3, 1, LIMITS)
    for terminal in fleet.terminals.values():
        terminal.there = False
    fleet.minutes(100)
    assert fleet.touched == [] and fleet.rollout.state == RUNNING


def test_rollout_without_any_terminal_is_not_done():
    fleet = Fleet(0, 1, LIMITS)
    fleet.minutes(100)
    assert fleet.rollout.state == RUNNING


def test_rollout_terminal_that_fails_while_it_is_observed_counts():
    fleet = Fleet(20, 2, LIMITS)
    fleet.minutes(20)
    (name,) = fleet.touched
    assert fleet.rollout.members[name].state == DONE
    fleet.terminals[name].running = OLD8
    fleet.minutes(60)
    assert fleet.rollout.state == HALTED and fleet.touched == [name]


def test_rollout_terminals_that_cannot_or_need_not_are_skipped_and_late_ones_taken_in():
    fleet = Fleet(10, 2, LIMITS)
    fleet.terminals["YP-0001"].update = ("unable", None)
    fleet.terminals["YP-0002"].running = MANIFEST[:8]
    late = fleet.terminals.pop("YP-0010")
    fleet.minutes(40)
    fleet.terminals["YP-0010"] = late
    fleet.minutes(200)
    assert fleet.rollout.members["YP-0001"].state == SKIPPED and "YP-0002" not in fleet.rollout.members
    assert fleet.rollout.state == ENDED and fleet.rollout.members["YP-0010"].state == DONE


@pytest.mark.parametrize("seed", range(20))
def test_rollout_never_touches_more_than_its_waves_allow(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    limits = Limits(waves=("1", "20%", "60%", "100%"), observe_s=rng.choice([0, 600]), failure_percent=5.0)
    fleet = Fleet(rng.randrange(1, 60), rng.randrange(1, 6), limits, seed)
    for terminal in fleet.terminals.values():
        terminal.fate = "rolled_back" if rng.random() < 0.1 else "done"
    for _ in range(300):
        for terminal in fleet.terminals.values():
            if rng.random() < 0.02:
                terminal.there = not terminal.there
        halted = fleet.rollout.state == HALTED
        before = len(fleet.begun[-1]) if fleet.begun else 0
        fleet.minute()
        assert not halted or len(fleet.touched) == before, "nobody begins in a halt"
        failed = fleet.rollout.count(FAILED)
        if fleet.rollout.state == RUNNING and fleet.rollout.wave == 0:
            assert failed < limits.canary_failures
    if fleet.rollout.state == ENDED:
        assert all(one.state in (DONE, FAILED) for one in fleet.rollout.members.values())


def test_waves_that_are_none_are_named():
    assert check_waves(("1", "10%", "100%")) is None
    for bad in ((), ("0",), ("101%",), ("x",), ("-1",)):
        assert check_waves(bad)
