"""A station with one window, whose boards and files a test ends with."""

import pytest

from tests.flash.hall import Hall


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path, 1)
    yield made
    made.close()
