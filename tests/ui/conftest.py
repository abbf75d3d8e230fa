"""Draw the scenes of each board once."""

import attrs
import pytest

from tests.ui.gallery import SIZES, Scene, draw_all


@attrs.frozen
class Gallery:
    """One board's scenes by name, and the size of its screen in px."""

    board: str
    wide: int
    high: int
    scenes: dict[str, Scene]

    def __getitem__(self, name: str) -> Scene:
        """Return a scene in Chinese."""
        return self.scenes[f"{name}.zh"]


@pytest.fixture(scope="session", params=sorted(SIZES))
def gallery(request: pytest.FixtureRequest) -> Gallery:
    """Return every scene of a board."""
    return Gallery(request.param, *SIZES[request.param], draw_all(request.param))
