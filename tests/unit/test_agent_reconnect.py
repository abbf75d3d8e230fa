"""Back-off: doubles from 0.5 to 10 s, jittered, and starts anew only after a connection that held."""

import random

from host_agent.reconnect import FIRST_S, JITTER, LAST_S, STEADY_S, Backoff


def test_backoff_pauses_double_to_the_limit_within_the_jitter():
    backoff = Backoff(random.Random(1))
    for wanted in (0.5, 1, 2, 4, 8, 10, 10, 10):
        pause = backoff.pause_s(0)
        assert wanted * (1 - JITTER) <= pause <= wanted * (1 + JITTER)
    assert (FIRST_S, LAST_S) == (0.5, 10.0)


def test_backoff_a_connection_that_held_starts_anew_and_a_flapping_one_does_not():
    backoff = Backoff(random.Random(1))
    for _ in range(5):
        backoff.pause_s(0)
    backoff.opened(100)
    assert backoff.pause_s(100 + STEADY_S - 1) > 7
    backoff.opened(200)
    assert backoff.pause_s(200 + STEADY_S) < 1


def test_backoff_many_agents_do_not_come_back_at_once():
    pauses = {round(Backoff(random.Random(seed)).pause_s(0), 6) for seed in range(100)}
    assert len(pauses) == 100
