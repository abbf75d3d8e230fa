"""Say why nothing can be cut where the SQLite of this Python cannot be watched."""

import pytest

from tests.host_power_cut import vfs


@pytest.fixture(autouse=True, scope="session")
def watched() -> None:
    """Skip all here unless the library can be watched."""
    try:
        with vfs.unsynced():
            return
    except vfs.Unreachable as error:
        pytest.skip(str(error))
