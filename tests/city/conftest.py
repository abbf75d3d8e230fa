"""Shared fixtures of the city's tests."""

from collections.abc import Iterator

import pytest

from tests.city.terminals import City, Terminal


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def city(tmp_path, terminal) -> Iterator[City]:
    city = City(tmp_path, terminal)
    yield city
    city.close()
