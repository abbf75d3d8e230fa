"""Run `yiping` under a wall clock that somebody else can turn: python -m tests.soak.shifted_clock FILE agent run …

FILE holds the offset to the true time in seconds, as text; it is looked at each time the clock is read. Only this
process's `time.time` and `time.time_ns` are shifted, as when a person or a time server sets the PC's clock; monotonic
time runs on, as it does then.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path


def shift(file: Path, real_ns: Callable[[], int] = time.time_ns) -> Callable[[], int]:
    """Return a `time_ns` that adds what stands in `file`; a file that cannot be read means no offset."""

    def time_ns() -> int:
        try:
            return real_ns() + int(float(file.read_text()) * 1e9)
        except (OSError, ValueError):
            return real_ns()

    return time_ns


def main() -> None:
    """Shift the clock and hand over to the command line."""
    time_ns = shift(Path(sys.argv[1]))
    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
    from host_agent.cli import main as yiping

    yiping(sys.argv[2:], prog_name="yiping")


if __name__ == "__main__":
    main()
