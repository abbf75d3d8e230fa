"""An old rater's terminal with a clerk at it."""

import pytest

from tests.legacy.desk import Desk


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path).start()
    made.login()
    yield made
    made.stop()
