"""A board whose littlefs runs out of blocks, at whatever call: the flash is said to be full, and nothing else."""

import pytest

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.board.files import BoardFiles
from host_agent.board.prompt import Prompt
from simulator.bare_board import BareBoard
from simulator.board_faults import plan
from tests.unit.simulated import wait_for

ONE_BLOCK = bytes(4_000)
FOLDER_BLOCKS = 2


def outcome(files: BoardFiles, path: str, data: bytes) -> str:
    """Write a file; return what was said: ok, or the code of the fault."""
    try:
        files.write(path, data)
    except BoardFault as fault:
        assert "take a board with more flash" in fault.cure
        return fault.code
    return "ok"


@pytest.mark.parametrize("path", ["new", "folder/new"])
def test_flash_that_runs_full_is_told_as_such_wherever_it_happens(tmp_path, path):
    with BareBoard(tmp_path / "board", micropython=True, faults=plan(["small@65536"])) as board:
        wait_for(lambda: board.port is not None, "the port")
        with Prompt(str(board.port)) as prompt:
            files = BoardFiles(prompt)
            count = 0
            while (said := outcome(files, f"filler{count}", ONE_BLOCK)) == "ok":
                count += 1
            assert (said, count > 4) == (faults.FULL, True)
            files.remove([f"filler{count}"])
            found = []
            while "ok" not in found:
                found.append(outcome(files, path, ONE_BLOCK))
                count -= 1
                files.remove([f"filler{count}"])
            assert set(found[:-1]) == {faults.FULL} and len(found) > (FOLDER_BLOCKS if "/" in path else 0), found
