"""Name the CPython side of each test in this folder."""

import pytest


@pytest.fixture(autouse=True, params=["cpython"])
def interpreter(request: pytest.FixtureRequest) -> str:
    """Put the interpreter's name into the test's id."""
    return request.param
