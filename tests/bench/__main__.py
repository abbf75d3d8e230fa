"""Measure the parts and say what is met: `python -m tests.bench [--only NAME …] [--repetitions N] [--long] [--strict]`.

A part is a module of this package with `measure(repetitions, say)`, which returns figures, name → number; where it has
a `measure_long`, that is what takes minutes. Exit code 1 when a part could not be measured, 2 with --strict when a
target is missed.
"""

import argparse
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from tests.bench import figures

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "build" / "bench.json"
PARTS = ("agent", "receiver", "link", "journal", "firmware", "update")

Say = Callable[[str], None]
Load = Callable[[str], ModuleType]


def load(part: str) -> ModuleType:
    """Return a part's module; the firmware's packages are at the top, as on the device."""
    device = str(ROOT / "firmware")
    if device not in sys.path:
        sys.path.append(device)
    return importlib.import_module(f"tests.bench.{part}")


def measure(part: str, repetitions: int, long: bool, say: Say, load: Load = load) -> dict[str, float]:
    """Return a part's figures. Raises what the part raises; LookupError when one with a target is not among them."""
    module = load(part)
    found = dict(module.measure(repetitions, say))
    wanted = set(figures.TARGETS[part])
    if long and hasattr(module, "measure_long"):
        found |= module.measure_long(repetitions, say)
        wanted |= set(figures.LONG_TARGETS[part])
    if wanted - set(found):
        raise LookupError(f"{part} did not measure {', '.join(sorted(wanted - set(found)))}")
    return found


def run(options: argparse.Namespace, result: Path = RESULT, load: Load = load) -> int:
    """Measure what was asked for, print it, keep it; return the exit code."""
    parts = list(dict.fromkeys(options.only or PARTS))
    print(
        f"{options.repetitions} repetitions, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}", flush=True
    )
    found: dict[str, float] = {}
    failed = []
    for part in parts:
        began = time.monotonic()
        try:
            found |= measure(part, options.repetitions, options.long, lambda text, part=part: _say(part, text), load)
        except Exception:  # noqa: BLE001 - the other parts can still be measured
            traceback.print_exc()
            failed.append(part)
        _say(part, f"{'FAILED' if part in failed else 'done'} after {time.monotonic() - began:.0f} s")
    figures.keep(found, result, merge=bool(options.only))
    print("\n" + figures.table(found))
    missed = figures.missed(found)
    print(f"\nmissed: {', '.join(missed) or 'none'}")
    print(f"could not be measured: {', '.join(failed) or 'none'}")
    print(f"kept in {result}")
    return 1 if failed else 2 if missed and options.strict else 0


def _say(part: str, text: str) -> None:
    print(f"[{part}] {text}", flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure what the project claims.")
    parser.add_argument("--only", nargs="+", action="extend", choices=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--repetitions", type=_count, default=5, metavar="N", help="5 unless told otherwise")
    parser.add_argument("--long", action="store_true", help="also what takes minutes: the memory after 10,000 events")
    parser.add_argument("--strict", action="store_true", help="end with exit code 2 when a target is missed")
    parser.add_argument("--list", action="store_true", help="name the parts and the targets, measure nothing")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    options = parse(arguments)
    if options.list:
        for part in PARTS:
            print(part)
            for name, target in (figures.TARGETS[part] | figures.LONG_TARGETS.get(part, {})).items():
                print(f"    {name} {target}")
        return 0
    return run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
