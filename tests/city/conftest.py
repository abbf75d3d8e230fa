"""Shared fixtures of the city's tests."""

from collections.abc import Iterator

import pytest

from tests.city.attacked_hall import Hall
from tests.city.terminals import City, Invite, Terminal


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def city(tmp_path, terminal) -> Iterator[City]:
    city = City(tmp_path, terminal)
    yield city
    city.close()


@pytest.fixture
def hall(tmp_path):
    hall = Hall(tmp_path)
    yield hall
    hall.receiver.close()
    hall.city.close()


@pytest.fixture
def rated(hall) -> tuple[Invite, bytes]:
    """One bad rating, sealed, in the PC's hands; the boot before it has been delivered."""
    hall.honest(hall.terminal.boots())
    invite = hall.terminal.invite()
    return invite, hall.terminal.rates(1, invite)
