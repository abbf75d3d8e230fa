"""The two ways of bringing files onto a bare board: the writing stage of `yiping flash`, and mpremote's cp."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from host_agent.board.prompt import Prompt
from host_agent.bundle import make
from host_agent.flash.stages_write import Write, placed
from simulator.bare_board import BareBoard
from simulator.stage import signing_key

OWN, MPREMOTE_PORT, MPREMOTE_PTY = "flash", "mpremote_cp", "mpremote_cp_by_its_pty"
PORT_S = 20.0
COPY_S = 600.0


def files_of(board: str) -> dict[str, bytes]:
    """Return what `yiping flash` writes to a board before it gives it an identity, path → content."""
    return placed(make.build(board, signing_key()).flash_files())


def rate(folder: Path, way: str, files: dict[str, bytes]) -> float:
    """Return bytes of files a second of the clock. Raises RuntimeError when they do not lie on the board afterwards."""
    source = folder / "source"
    for path, data in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    board = BareBoard(folder / "board", seed=1, micropython=True).start()
    try:
        port = _port(board)
        copies = {
            OWN: lambda: own(port, files),
            MPREMOTE_PORT: lambda: mpremote(port, source),
            MPREMOTE_PTY: lambda: mpremote(port.resolve(), source),
        }
        took_s = _timed(copies[way])
        board.unplug()
        if board.files() != files:
            raise RuntimeError(f"{way}: other files lie on the board than were written")
    finally:
        board.close()
    return sum(map(len, files.values())) / took_s


def own(port: Path, files: dict[str, bytes]) -> None:
    """Write the files as the stage `write` does, which also hashes each on the board."""
    prompt = Prompt(str(port))
    # The stage gives the starters the names under which they wait by itself.
    image = SimpleNamespace(flash_files=lambda: {path.removesuffix(".new"): data for path, data in files.items()})
    job = SimpleNamespace(
        image=image, open_prompt=prompt, port=str(port), progress=lambda done, total: None, check_stop=lambda: None
    )
    try:
        Write().run(job)
    finally:
        prompt.close()


def mpremote(port: Path, source: Path) -> None:
    """Copy a folder with plain `mpremote cp`. Raises subprocess.CalledProcessError."""
    command = [sys.executable, "-m", "mpremote", "connect", str(port), "resume", "cp", "-r", f"{source}/.", ":"]
    subprocess.run(command, check=True, capture_output=True, timeout=COPY_S)


def _timed(copy: Callable[[], None]) -> float:
    began = time.monotonic()
    copy()
    return time.monotonic() - began


def _port(board: BareBoard) -> Path:
    deadline = time.monotonic() + PORT_S
    while board.port is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no prompt within {PORT_S:.0f} s\n{board.console()}")
        time.sleep(0.01)
    return board.port
