"""Processes of the demo: started by the same commands a user would type, watched, and always taken down again.

Every part runs in a process group of its own, so that Ctrl-C reaches the demo alone and the parts end in good order,
on any way out of the program short of kill -9.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from simulator.errors import UserError

READY_S = 60.0
"""How long a part may take to answer; a cold start on two busy cores takes about five seconds."""
TERM_S = 5.0
"""How long a part may take to end itself before it is killed."""
POLL_S = 0.05
PORTS_KEPT = 64
"""How many ports are kept from everybody else: more than a run asks for, far less than the files it may open."""
ROOT = Path(__file__).parents[2]


class Part:
    """One process of the demo, its log file, and how to tell that it is ready."""

    def __init__(self, name: str, argv: list[str], folder: Path, ready: Callable[[], bool] | None = None) -> None:
        self.name = name
        self.argv = argv
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._ready = ready

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, wait: bool = True) -> None:
        """Start the process unless it runs; with `wait`, until it answers. Raise UserError when it does not."""
        if self.alive:
            return
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Block until the part answers. Raise UserError when it ends or stays mute."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if not self.alive:
                raise UserError(f"{self.name} ended at once: {self.last_line()}", str(self.log_path), "read its log")
            if time.monotonic() > deadline:
                raise UserError(f"{self.name} does not answer", str(self.log_path), "read its log")
            time.sleep(POLL_S)

    def is_ready(self) -> bool:
        """Tell whether the part runs and answers now."""
        return self.alive and (self._ready is None or self._ready())

    def stop(self) -> None:
        """End the process in good order; kill it when it does not follow within TERM_S."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process as a power failure would."""
        self._end(signal.SIGKILL)

    def last_line(self) -> str:
        """Return the last line of the log that says something."""
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "no message")

    def _end(self, how: signal.Signals) -> None:
        process = self.process
        if process is None:
            return
        _signal_group(process, how)
        try:
            process.wait(TERM_S)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self.process = None


def yiping(*arguments: str) -> list[str]:
    """Return the command line of a `yiping` sub-command in this very environment."""
    beside = shutil.which("yiping", path=str(Path(sys.executable).parent))
    return [beside, *arguments] if beside else [sys.executable, "-m", "host_agent", *arguments]


def run_once(name: str, argv: list[str], folder: Path) -> str:
    """Run a command to its end and return what it printed. Raise UserError with its own words when it fails."""
    done = subprocess.run(
        argv,
        check=False,
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_S,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"{name} failed: {said}", " ".join(argv), "see the message")
    return done.stdout


def _environment() -> dict[str, str]:
    """Return this process's environment, with these very sources findable from any folder."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


_kept: deque[socket.socket] = deque()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody holds now.

    On Linux nobody gets it by chance either while this process lives, not even while the server that it is for is
    being started again: a socket stays bound to it without listening, beside which a server with SO_REUSEADDR may
    listen (socket(7), ip(7)). Elsewhere that socket would be in the server's way.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port = int(probe.getsockname()[1])
    _kept.append(probe)
    if sys.platform != "linux" or len(_kept) > PORTS_KEPT:
        _kept.popleft().close()
    return port


def listens(port: int) -> bool:
    """Tell whether something accepts connections on 127.0.0.1:port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def exit_on_signals() -> None:
    """Turn SIGTERM and SIGHUP into an ordinary exit, so that every `finally` runs."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: sys.exit(128 + signum))


def shut_off_signals() -> None:
    """Ignore further Ctrl-C and SIGTERM while parts are taken down; only the main thread may call it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _signal_group(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    try:
        os.killpg(process.pid, how)
    except (ProcessLookupError, PermissionError):
        pass  # already gone; macOS says EPERM for a group of zombies
