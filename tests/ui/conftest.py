"""Draw the scenes once."""

import pytest

from tests.ui.gallery import Scene, draw_all


@pytest.fixture(scope="session")
def gallery() -> dict[str, Scene]:
    """Return every scene by name."""
    return draw_all()
