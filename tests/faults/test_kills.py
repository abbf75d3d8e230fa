"""kill -9 of agents, alone and together with the receiver, at random moments: nothing lost, nothing doubled."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.kill_hall import Desk, KillHall

DESKS = 4
AGENT_KILLS = 200
BOTH_KILLS = 50  # of the receiver, each together with all agents


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[KillHall]:
    hall = KillHall(tmp_path, DESKS)
    yield hall
    hall.close()


def new_seed() -> int:
    seed = random.randrange(2**32)
    print("seed", seed)
    return seed


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_agent_killed_two_hundred_times_loses_and_doubles_nothing(hall: KillHall) -> None:
    seed = new_seed()

    def kill_again_and_again(number: int, desk: Desk) -> None:
        rng = random.Random(f"{seed}/{number}")
        for _ in range(AGENT_KILLS // DESKS):
            desk.start()
            desk.live(rng)
            desk.kill()
            desk.judge()

    with ThreadPoolExecutor(DESKS) as pool:
        for work in [pool.submit(kill_again_and_again, number, desk) for number, desk in enumerate(hall.desks)]:
            work.result()
    events = hall.drain()
    kills = sum(desk.kills for desk in hall.desks)
    print(f"{kills} kills, {events} events, {sum(len(desk.invited) for desk in hall.desks)} invites")
    assert kills >= AGENT_KILLS


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_agents_and_receiver_killed_at_once_lose_and_double_nothing(hall: KillHall) -> None:
    seed = new_seed()
    rng = random.Random(seed)
    with ThreadPoolExecutor(DESKS) as pool:
        for turn in range(BOTH_KILLS):
            hall.receiver.part.start(wait=False)
            for desk in hall.desks:
                desk.start()
            # One desk says when; the others are killed wherever they are.
            hall.desks[turn % DESKS].live(rng)
            killing = [pool.submit(desk.kill) for desk in hall.desks]
            assert hall.receiver.part.alive, hall.receiver.part.last_line()
            hall.receiver.part.kill()
            for work in killing:
                work.result()
            for desk in hall.desks:
                desk.judge()
    events = hall.drain()
    print(f"{BOTH_KILLS} kills of the receiver, {sum(desk.kills for desk in hall.desks)} of agents, {events} events")
    assert sum(desk.kills for desk in hall.desks) == BOTH_KILLS * DESKS
