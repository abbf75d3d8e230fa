"""Run MicroPython scripts in forked children of one small process: about 2 ms each instead of a start per script.

A process of its own (`python -m tests.micropython_server`), because a fork of pytest's process would take its threads
and open files along. One request a line on stdin, one answer a line on stdout, both JSON.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

MAX_OUTPUT_BYTES = 1 << 20  # a test that prints for ever is cut off


def run_forked(args: list[str], path: str, heap: str, timeout_s: float) -> tuple[int, str]:
    """Run `micropython args` in a forked child; return its exit code (-9 on timeout) and its output."""
    import micropython_run

    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_micropython(micropython_run, write_fd, args, path, heap)
    os.close(write_fd)
    output = _read_until(read_fd, time.monotonic() + timeout_s)
    os.close(read_fd)
    if output is None:
        os.kill(pid, signal.SIGKILL)
        output = b"timed out\n"
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), output.decode(errors="replace")


def _become_micropython(interpreter: object, write_fd: int, args: list[str], path: str, heap: str) -> None:
    """Never return: replace this child's standard streams, run the script and exit with its code."""
    code = 70
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(write_fd, 1)
        os.dup2(write_fd, 2)
        os.environ["MICROPYPATH"] = path
        code = interpreter.run_main(["micropython", "-X", "heapsize=" + heap, *args]) & 255
    finally:
        os._exit(code)


def _read_until(fd: int, deadline: float) -> bytes | None:
    output = b""
    while len(output) < MAX_OUTPUT_BYTES:
        ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        piece = os.read(fd, 65536)
        if not piece:
            break
        output += piece
    return output


class MicroPython:
    """Own the server process; started at the first run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen | None = None

    def run(self, args: list[str], path: str, heap: str, timeout_s: float) -> tuple[int, str]:
        """Run a script in a fresh interpreter; return its exit code and everything it printed."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.micropython_server"],
                cwd=self._root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        request = {"args": args, "path": path, "heap": heap, "timeout_s": timeout_s}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            return 70, f"the MicroPython server ended with {self._process.wait()}\n"
        return tuple(json.loads(answer))

    def close(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


def main() -> None:
    """Serve until stdin closes; stdout belongs to the answers, so children write into a pipe."""
    for line in sys.stdin:
        request = json.loads(line)
        answer = run_forked(request["args"], request["path"], request["heap"], request["timeout_s"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
