"""One hall with every dialect for all tests of this folder: it is costly to start, and each test begins afresh."""

import pytest

from tests.dialects.hall import DialectHall


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    made = DialectHall(tmp_path_factory.mktemp("dialects"))
    yield made
    made.close()


@pytest.fixture
def hall(running):
    return running.begin()
