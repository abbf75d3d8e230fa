"""Every flash operation of the recorded runs is cut in every way; the journal keeps its promises each time."""

import subprocess
import sys
from collections import Counter

import pytest

from protocol import record
from simulator.chips.nor_array import ERASE_BEGIN, ERASE_END, PROGRAM
from tests.power_cut.cutting import TEARS, Cut, cut_everywhere, first_cuts
from tests.power_cut.runs import PLANS, Run

SEED = 1
AGAIN_EVERY = 300
AT_LEAST = 10_000
CHANGED, WITH_DETAILS = 2, 4  # events of a rating: each change and each detail is one of its own


@pytest.mark.parametrize("plan", PLANS)
def test_cut_at_every_operation_and_again_while_recovering_keeps_every_promise(plan: str) -> None:
    cuts = cut_everywhere(plan, SEED, AGAIN_EVERY)
    print(f"{plan}: {cuts} cuts, seed {SEED}")
    assert cuts > 1_000


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    recorded = {}
    for name, plan in PLANS.items():
        recorded[name] = Run(plan, SEED)
        recorded[name].record()
    return recorded


def test_runs_hold_at_least_ten_thousand_distinct_cuts(runs: dict[str, Run]) -> None:
    names = {
        str(Cut(name, SEED, operation, tear))
        for name, run in runs.items()
        for operation in range(run.warm, len(run.log))
        for tear in TEARS
    }
    assert len(names) >= AT_LEAST


def test_runs_hold_everything_that_can_be_cut(runs: dict[str, Run]) -> None:
    """Boot, append, change of mind, details, acknowledgement, wrap, erase ahead, program in a suspended erase, full."""
    for name, run in runs.items():
        cut_calls = [call for call in run.calls if call.end > run.warm]
        assert {"boot", "event", "invite", "ack", "idle"} - {"idle" if not run.plan.idle_calls else ""} <= {
            call.what for call in cut_calls
        }, name
        events = Counter(call.invite for call in cut_calls if call.what == "event" and call.invite)
        assert {1, CHANGED, WITH_DETAILS} <= set(events.values()), name
    wrapped = [name for name, run in runs.items() if min(run.array.wear) > 1]
    assert {"wrap", "busy", "starved", "known"} <= set(wrapped)
    assert runs["full"].refused > 10
    assert sum(suspended_programs(run) for run in runs.values()) > 50
    types = {
        data[1] for run in runs.values() for kind, _, data in run.log[run.warm :] if kind == PROGRAM and len(data) > 9
    }
    assert {record.EVENT, record.BOOT, record.INVITE, record.KNOWN, record.PREPARE} <= types


def suspended_programs(run: Run) -> int:
    """Return how many of the programs that are cut happened while an erase was suspended."""
    count, erasing = 0, False
    for kind, _, _ in run.log[run.warm :]:
        if kind == PROGRAM:
            count += erasing
        else:
            erasing = kind == ERASE_BEGIN and kind != ERASE_END
    return count


def test_undisturbed_runs_break_no_rule_of_the_chip(runs: dict[str, Run]) -> None:
    for name, run in runs.items():
        assert run.array.violations == [], name
        assert max(run.array.wear) - min(run.array.wear) <= 2, name  # a restart during an erase repeats it


def test_same_id_gives_the_same_cut() -> None:
    first = [
        (str(case.cut), bytes(case.image)) for case, _ in zip(first_cuts("first_lap", SEED), range(200), strict=False)
    ]
    again = [
        (str(case.cut), bytes(case.image)) for case, _ in zip(first_cuts("first_lap", SEED), range(200), strict=False)
    ]
    assert first == again and len({name for name, _ in first}) == 200


@pytest.mark.parametrize("name", ["first_lap:1:40:noise", "wrap:1:600:last:2:faint"])
def test_replay_repeats_a_cut_by_its_id(name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.power_cut.replay", name], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "call under way" in result.stdout and "every promise holds" in result.stdout


@pytest.mark.parametrize(
    "name", ["wrap:1:2", "nonsense:1:2:noise", "wrap:1:99999:noise", "first_lap:1:40:noise:999:first"]
)
def test_replay_refuses_an_id_that_names_nothing(name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.power_cut.replay", name], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2 and "cut" in result.stdout + result.stderr or "operation" in result.stdout
