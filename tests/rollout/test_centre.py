"""Roll-outs in real time: real broker, receiver and agents, each by its own command; the terminals are of the tests."""

import pytest

from host_agent.update import states
from tests.rollout import small_bundles
from tests.unit.agent_support import wait_until


def test_rollout_of_a_bad_bundle_over_three_agents_halts_at_the_canary(tmp_path, key, make_centre):
    centre = make_centre(3)
    for terminal in centre.terminals:
        terminal.bad = True
    bundle = small_bundles.write(tmp_path, key, "0.7.0")
    centre.start()
    centre.offer(bundle)
    begun = centre.rollout("start", bundle, "--centre", "C01", "--observe-min", 0)
    assert begun.returncode == 0, begun.stderr
    second = centre.rollout("start", bundle, "--centre", "C01")
    assert second.returncode == 1 and "is running there" in second.stderr and "abort" in second.stderr

    wait_until("the roll-out halts", lambda: centre.rollouts()[0]["rollout"]["state"] == "halted")
    (row,) = centre.rollouts()
    told = row["rollout"]
    assert (told["failed"], told["done"], told["planned"]) == (1, 0, 2) and "resume or abort" in row["message"]
    (failed,) = [one for one in told["members"] if one["state"] == "failed"]
    assert failed["why"] == states.ROLLED_BACK
    canary = next(one for one in centre.terminals if one.terminal == failed["terminal"])
    others = [one for one in centre.terminals if one is not canary]
    assert canary.switches == ["0.7.0"] and all(one.switches == [] and one.shelf.opened == [] for one in others)
    plain = centre.rollout("status", "--centre", "C01")
    assert plain.returncode == 1 and "went back to the old firmware" in plain.stdout
    assert any(item["code"] == "rollout_halted" for item in centre.receiver.status()["attention"])

    # The agent says so too, and does not try again by itself, not even with the city's word.
    agent = centre.agents[centre.terminals.index(canary)]
    assert [one["code"] for one in agent.status()["warnings"]] == ["update_failed"]
    for terminal in centre.terminals:
        terminal.bad = False
    assert centre.rollout("resume", "--centre", "C01", "--retry-failed").returncode == 0
    wait_until("everyone runs it", lambda: centre.rollouts()[0]["rollout"]["state"] == "done")
    assert all(one.version == "0.7.0" for one in centre.terminals) and canary.switches == ["0.7.0"] * 2
    (row,) = centre.rollouts()
    assert row["versions"] == {"k5": {"0.7.0": 3}} and not row["mixed"]


@pytest.mark.slow
def test_rollout_aborted_half_way_says_that_two_versions_run(tmp_path, key, make_centre):
    centre = make_centre(2)
    bundle = small_bundles.write(tmp_path, key, "0.7.0")
    centre.start()
    centre.offer(bundle)
    assert centre.rollout("start", bundle, "--centre", "C01", "--observe-min", 60).returncode == 0
    wait_until("the canary is done", lambda: centre.rollouts()[0]["rollout"]["done"] == 1)
    aborted = centre.rollout("abort", "--centre", "C01")
    assert aborted.returncode == 0 and "1 of 2 terminals run it" in aborted.stdout
    (row,) = centre.rollouts()
    assert row["mixed"] and "two versions at once: k5 0.6.0 (1) and 0.7.0 (1)" in row["message"]
    wait_until(
        "the city says so",
        lambda: "mixed_versions" in [item["code"] for item in centre.receiver.status()["attention"]],
    )
    assert sum(len(one.switches) for one in centre.terminals) == 1


@pytest.mark.slow
@pytest.mark.parametrize("what", ["agent", "receiver"])
def test_rollout_goes_on_after_a_kill_and_loses_no_rating(tmp_path, key, make_centre, what):
    centre = make_centre(1)
    (terminal,), (agent,) = centre.terminals, centre.agents
    bundle = small_bundles.write(tmp_path, key, "0.7.0")
    centre.start()
    centre.offer(bundle)
    agent.call("POST", "/api/v1/windows/W01/login", {"number": "007"})
    assert centre.rollout("start", bundle, "--centre", "C01", "--observe-min", 0).returncode == 0
    wait_until("files travel", lambda: terminal.shelf.carried_bytes > 0)
    if what == "agent":
        agent.stop(9)
        terminal.seal(1, {6: 5}, invite=b"i" * 16)
        agent.start()
    else:
        centre.receiver.part.kill()
        terminal.seal(1, {6: 5}, invite=b"i" * 16)
        centre.receiver.part.start()
    wait_until("it is done", lambda: centre.rollouts()[0]["rollout"]["state"] == "done")
    assert terminal.version == "0.7.0" and terminal.switches == ["0.7.0"]
    assert terminal.shelf.carried_bytes < 2 * bundle.stat().st_size
    wait_until("the rating is at the city", lambda: len(centre.receiver.records()) == 1)
