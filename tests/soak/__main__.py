"""`python -m tests.soak`: see the package."""

import argparse
import contextlib
import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

from simulator.demo.parts import ROOT, exit_on_signals
from simulator.errors import UserError
from tests.soak import __doc__ as how_to
from tests.soak.faults import CLAIMS
from tests.soak.real import run_real
from tests.soak.report import Soak
from tests.soak.virtual import RESULT, VirtualRun, run_apart

BUILD = ROOT / "build"


def main(arguments: list[str] | None = None) -> int:
    """Soak, tell, and return the exit code."""
    options = _options(arguments)
    exit_on_signals()
    folder = BUILD / f"soak-{options.seed}"
    _clear(folder)
    started_s = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started_s:7.1f} s  {text}", flush=True)

    say(f"seed {options.seed}, files in {folder}")
    soak = Soak(options.seed, options.minutes, options.weeks, options.terminals, 0.0, None, None)
    with _virtual(folder / "virtual", options.seed, options.weeks) as process:
        if options.minutes > 0:
            kinds = options.faults.split(",") if options.faults else None
            seconds = options.minutes * 60
            try:
                soak.real = run_real(
                    folder / "real", options.seed, seconds, options.terminals, say, options.broker, kinds
                )
            except UserError as error:
                soak.problems.append(f"the chain does not start: {error}")
        if process is not None:
            process.join()
            try:
                soak.virtual = VirtualRun.read(folder / "virtual" / RESULT)
            except OSError:
                soak.problems.append(f"the virtual mode ended without a result, code {process.exitcode}")
    soak.seconds = time.monotonic() - started_s
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(soak.flat(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(soak.table())
    if soak.ok:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    print(f"yiping: the soak failed (seed {options.seed}): everything is in {folder}", file=sys.stderr)
    return 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=how_to, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="chaos in real time; 0: none (default %(default)s)")
    parser.add_argument("--weeks", type=float, default=2, help="of unplugged terminals; 0: none (default %(default)s)")
    parser.add_argument("--terminals", type=int, default=3, help="windows in real mode (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="without it a new one, which is printed")
    parser.add_argument("--json", type=Path, default=BUILD / "soak.json", help="where to put the figures")
    parser.add_argument("--broker", choices=("mosquitto", "iotcore"), help="without it mosquitto if installed")
    parser.add_argument("--faults", help=f"only these kinds, by commas: {','.join(CLAIMS)}")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    if options.minutes <= 0 and options.weeks <= 0:
        parser.error("nothing to do: give --minutes or --weeks")
    unknown = set((options.faults or "").split(",")) - set(CLAIMS) - {""}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    return options


def _clear(folder: Path) -> None:
    """Make an empty folder; one of an earlier run of this seed goes, with the disk that a killed run left mounted."""
    disk = folder / "real" / "agent"
    if disk.is_mount():
        subprocess.run(["umount", "-l", str(disk)], check=False)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


@contextlib.contextmanager
def _virtual(folder: Path, seed: int, weeks: float) -> Iterator[BaseProcess | None]:
    """Run the virtual mode beside; None when it is not wanted."""
    if weeks <= 0:
        yield None
        return
    folder.mkdir()
    process = multiprocessing.get_context("spawn").Process(
        target=run_apart, args=(str(folder), seed, weeks), name="virtual", daemon=True
    )
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    sys.exit(main())
