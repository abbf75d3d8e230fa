"""A board's files behind its prompt: a real MicroPython on a littlefs, which stays as it is when a run is stopped."""

import hashlib
import random
from pathlib import Path

import pytest

from host_agent.board.faults import StoppedError
from host_agent.board.files import PIECE_BYTES, BoardFiles
from host_agent.board.prompt import Prompt
from simulator.bare_board import BareBoard
from tests.unit.simulated import wait_for

PATH = "a/app.lib"


def stop(_bytes: int) -> None:
    raise StoppedError


def test_file_that_a_stopped_run_left_open_does_not_come_over_the_one_that_is_written_next(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(3 * PIECE_BYTES)
    with BareBoard(tmp_path, micropython=True) as board:
        wait_for(lambda: board.port is not None, "the console's port")
        with Prompt(str(board.port)) as prompt, pytest.raises(StoppedError):
            BoardFiles(prompt).write(PATH, bytes(2 * PIECE_BYTES), stop)
        with Prompt(str(board.port)) as prompt:
            files = BoardFiles(prompt)
            files.write(PATH, data)
            prompt.run("import gc\ngc.collect()")  # which closes what nobody has any more
            assert files.hashes({PATH: len(data)}) == {PATH: hashlib.sha256(data).hexdigest()}
