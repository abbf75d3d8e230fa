"""Updates that an agent does by itself, without a city's roll-out: `go = "agent"`; and bundles that are refused."""

import json

import pytest

from host_agent.bundle import keys
from host_agent.update import states
from protocol import messages, reasons
from tests.rollout import small_bundles
from tests.rollout.centre import yiping
from tests.unit.agent_support import wait_until


def update_of(agent) -> dict:
    (terminal,) = agent.status()["terminals"]
    return terminal["update"]


@pytest.fixture
def alone(make_centre):
    return make_centre(1, 'go = "agent"')


def test_agent_updates_while_ratings_go_on_and_none_is_lost(tmp_path, key, alone):
    (terminal,), (agent,) = alone.terminals, alone.agents
    alone.start(receiver=False)
    agent.call("POST", "/api/v1/windows/W01/login", {"number": "007"})
    alone.offer(small_bundles.write(tmp_path, key, "0.7.0"))
    for level in (1, 2, 3, 4, 5):
        status, _ = agent.call("POST", "/api/v1/windows/W01/invites", {})
        assert status in (201, 503), "the terminal may be restarting"
        if status == 201:
            wait_until("the invite is there", lambda: terminal.open_invite is not None)  # it may have restarted
            terminal.rate(level)
            terminal.show("idle")
    wait_until("the update is done", lambda: update_of(agent)["state"] == states.DONE)
    assert terminal.version == "0.7.0" and update_of(agent)["running"] == terminal.running
    wait_until("every rating is here", lambda: terminal.acked() == len(terminal.outbox.events))
    shown = yiping("update", "status", "--config", agent.config, "--json")
    (row,) = json.loads(shown.stdout)["terminals"]
    assert shown.returncode == 0 and row["firmware"] == "0.7.0" and row["state"] == "done"
    assert messages.UPDATE in [type_ for type_, _ in terminal.requests]


@pytest.mark.slow
def test_agent_refusal_of_the_terminal_is_told_with_cause_and_cure_until_it_is_retried(tmp_path, key, alone):
    (terminal,), (agent,) = alone.terminals, alone.agents
    terminal.refuses = reasons.NEEDS_BOOTSTRAP
    alone.start(receiver=False)
    alone.offer(small_bundles.write(tmp_path, key, "0.7.0"))
    wait_until("it is refused", lambda: update_of(agent)["state"] == states.FAILED)
    plain = yiping("update", "status", "--config", agent.config)
    assert plain.returncode == 1 and "bootstrap is too old" in plain.stdout and "jumper" in plain.stdout
    agent.stop()
    terminal.refuses = None
    agent.start()
    wait_until("the terminal is there", lambda: agent.status()["terminals"][0]["connected"])
    assert update_of(agent)["state"] == states.FAILED, "a restart forgets no failure"
    wrong = yiping("update", "retry", "YP-9999", "--config", agent.config)
    assert wrong.returncode == 1 and "has failed" in wrong.stderr
    assert yiping("update", "retry", "YP-0001", "--config", agent.config).returncode == 0
    wait_until("the update is done", lambda: update_of(agent)["state"] == states.DONE)


def test_offer_refuses_bad_bundles_with_cause_and_cure(tmp_path, key, alone):
    (agent,) = alone.agents
    newest = small_bundles.write(tmp_path, key, "0.8.0")
    other = keys.make(tmp_path / "other.pem")
    folder = tmp_path / "other"
    folder.mkdir()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(newest.read_bytes()[:-400])
    alone.start(receiver=False)
    wait_until("the terminal is there", lambda: agent.status()["terminals"][0]["connected"])
    assert offer(agent, newest).returncode == 0
    for bundle, said in (
        (small_bundles.write(folder, other, "0.9.0"), "signature"),
        (small_bundles.altered(newest, tmp_path), "ui/screens.mpy"),
        (small_bundles.write(tmp_path, key, "0.7.0"), "older than 0.8.0"),
        (small_bundles.write(tmp_path, key, "0.9.0", board="t35"), "no window of this agent has board t35"),
        (cut, "bundle"),
        (tmp_path / "none.zip", "none.zip"),
    ):
        refused = offer(agent, bundle)
        assert refused.returncode == 1 and said in refused.stderr, (said, refused.stderr)
        assert refused.stderr.count("\n") == 1 and refused.stderr.startswith("yiping: ") and ": " in refused.stderr
        assert "Traceback" not in refused.stderr
    assert [path.name for path in (agent.folder / "data" / "bundles").iterdir()] != []
    assert len(list((agent.folder / "data" / "bundles").iterdir())) == 1


def offer(agent, bundle):
    return yiping("update", "offer", bundle, "--config", agent.config)
