"""The cuts of a run, and the judging of each by starting the product on what the cut left.

A cut is named RUN:SEED:OPERATIONS:TEAR, a second one while going on after it adds :OPERATIONS:TEAR. Cuts that leave the
same files at the same state of promises count as one.
"""

import copy
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.host_power_cut import vfs
from tests.host_power_cut.images import ALL, NONE, TEARS, TORN, Disk, Image
from tests.host_power_cut.promise import Broken, Mark
from tests.host_power_cut.runs import RUNS, Promise
from tests.host_power_cut.vfs import Operation, Recording

# Where files cost no disk's time, if the system has such a place: the disk is a model all the same.
RAM = Path("/dev/shm")
# What Python itself keeps in the folder; it holds nothing that was promised.
RESERVE = {"reserve.bin": b"!"}

Tears = Callable[[int], tuple[str, ...]]


@dataclass(frozen=True)
class Cut:
    """One cut: after how many operations of the run, torn how; `again` is a second one while going on."""

    run: str
    seed: int
    operations: int
    tear: str
    again: tuple[int, str] | None = None

    def __str__(self) -> str:
        text = f"{self.run}:{self.seed}:{self.operations}:{self.tear}"
        return text if self.again is None else f"{text}:{self.again[0]}:{self.again[1]}"

    @classmethod
    def parse(cls, text: str) -> "Cut":
        """Return the cut of an id; ValueError if it is none."""
        parts = text.split(":")
        if len(parts) not in (4, 6) or parts[0] not in RUNS or not {parts[3], parts[-1]} <= set(TEARS):
            raise ValueError(f"not the id of a cut: {text}")
        again = (int(parts[4]), parts[5]) if len(parts) == 6 else None
        return cls(parts[0], int(parts[1]), int(parts[2]), parts[3], again)


@dataclass
class Case:
    """A cut with the files it leaves, what was promised then, and the operation that was the last one."""

    cut: Cut
    image: Image
    promise: Promise
    marks: int  # that the promise has kept
    last: Operation | None

    def digest(self) -> bytes:
        """Return what is the same for cuts that count as one."""
        digest = hashlib.sha256(str(self.marks).encode())
        for name, content in sorted(self.image.items()):
            digest.update(f" {name} {len(content)} ".encode() + content)
        return digest.digest()


def every(_operations: int) -> tuple[str, ...]:
    """Tear after each operation in every way."""
    return TEARS


def in_turn(operations: int) -> tuple[str, ...]:
    """Cut after each operation cleanly, and after one in three also in one of the other ways."""
    return (ALL, NONE) if operations % 3 else (ALL, NONE, TORN[operations // 3 % len(TORN)])


def record(run_name: str, seed: int) -> tuple[Recording, list[Mark]]:
    """Carry a run out and return what was seen; raises vfs.Unreachable."""
    run = RUNS[run_name][0](seed)
    with _folder() as folder, vfs.recorded(Path(folder), seed) as recording:
        run.record(Path(folder), recording)
    return recording, run.marks


def first_cuts(run_name: str, seed: int, tears: Tears = every) -> Iterator[Case]:
    """Record a run and yield each cut of it; the promise of a case holds until the next is asked for."""
    recording, marks = record(run_name, seed)
    promise = RUNS[run_name][1]()
    for operations, tear, disk, kept in _moments(recording, marks, promise, tears):
        cut = Cut(run_name, seed, operations, tear)
        yield _case(cut, tear, disk, promise, kept)


def second_cuts(case: Case, tears: Tears = every) -> Iterator[Case]:
    """Let the product go on after a cut, and yield each cut of that."""
    promise, marks = copy.deepcopy(case.promise), []
    with _folder() as folder:
        _lay(Path(folder), case.image)
        with vfs.recorded(Path(folder), case.cut.seed) as recording:
            promise.go_on(Path(folder), recording, marks)
    for operations, tear, disk, kept in _moments(recording, marks, promise, tears):
        yield _case(replace(case.cut, again=(operations, tear)), tear, disk, promise, kept)


def _moments(
    recording: Recording, marks: list[Mark], promise: Promise, tears: Tears
) -> Iterator[tuple[int, str, Disk, int]]:
    """Yield (operations, tear, disk, marks kept) of each cut, keeping disk and promise up to date."""
    disk, kept = Disk(recording), 0
    for operations in range(len(recording.log) + 1):
        disk.go_to(operations)
        while kept < len(marks) and marks[kept].at <= operations:
            promise.keep(marks[kept])
            kept += 1
        for tear in tears(operations):
            yield operations, tear, disk, kept


def _case(cut: Cut, tear: str, disk: Disk, promise: Promise, kept: int) -> Case:
    return Case(cut, disk.image(tear, random.Random(str(cut))), promise, kept, disk.last)


def distinct(cases: Iterator[Case]) -> Iterator[Case]:
    """Yield of cuts that count as one only the first."""
    seen: set[bytes] = set()
    for case in cases:
        digest = case.digest()
        if digest not in seen:
            seen.add(digest)
            yield case


def judge(case: Case) -> None:
    """Raise Broken unless every promise holds on what the cut left, and after the product went on from there."""
    promise, marks = copy.deepcopy(case.promise), []
    with _folder() as folder, vfs.unsynced():
        _lay(Path(folder), case.image)
        promise.judge(Path(folder))
        promise.go_on(Path(folder), None, marks)
        for mark in marks:
            promise.keep(mark)
        promise.judge_after(Path(folder))


def judge_named(case: Case) -> None:
    """Judge one cut; whatever fails names it and how to repeat it."""
    try:
        judge(case)
    except Exception as error:
        raise Broken(f"{error!r}; repeat with: python -m tests.host_power_cut.replay {case.cut}") from error


def cut_everywhere(run_name: str, seed: int, tears: Tears = every, again_every: int = 0) -> int:
    """Cut a run after each operation in these ways; after one cut in `again_every` cut what follows, too, in turn.

    Return how many distinct cuts were judged; Broken names the one that fails.
    """
    cuts = 0
    for number, case in enumerate(distinct(first_cuts(run_name, seed, tears)), 1):
        judge_named(case)
        cuts += 1
        if again_every and number % again_every == 0:
            for second in distinct(second_cuts(case, in_turn)):
                judge_named(second)
                cuts += 1
    return cuts


def one_case(cut: Cut) -> Case:
    """Return the case of one cut again; ValueError when its run has no such cut."""
    case = next(first_cuts(cut.run, cut.seed, _only(cut.operations, cut.tear)), None)
    if case is not None and cut.again is not None:
        case = next(second_cuts(case, _only(*cut.again)), None)
    if case is None:
        raise ValueError(f"there is no such cut: {cut}")
    return case


def _only(operations: int, tear: str) -> Tears:
    return lambda at: (tear,) if at == operations else ()


def _folder() -> TemporaryDirectory[str]:
    """Return a new folder, removed at the end of a `with`."""
    return TemporaryDirectory(dir=RAM if os.access(RAM, os.W_OK) else None)


def _lay(folder: Path, image: Image) -> None:
    for name, content in (RESERVE | image).items():
        (folder / name).write_bytes(content)
