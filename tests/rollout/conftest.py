"""Shared fixtures: one key pair a session, since making one takes a second."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_agent.bundle import keys
from tests.rollout.centre import Centre


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> keys.Key:
    return keys.make(tmp_path_factory.mktemp("key") / "bundle.pem")


@pytest.fixture
def make_centre(tmp_path: Path, key: keys.Key) -> Iterator[Callable[..., Centre]]:
    made: list[Centre] = []

    def make(agents: int, update: str = "") -> Centre:
        made.append(Centre(tmp_path, key, agents, update))
        return made[-1]

    yield make
    for centre in made:
        centre.close()
