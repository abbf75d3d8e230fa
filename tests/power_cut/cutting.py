"""The images that a power cut can leave, and the judging of each by starting the journal on it.

A cut is named RUN:SEED:OPERATION:TEAR, a second one during the recovery from it adds :OPERATION:TEAR.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulator.chips import nor_array
from simulator.chips.nor_array import ERASE_BEGIN, ERASE_END, PROGRAM, TEARS, NorArray
from store.journal import Journal, JournalFull
from tests.power_cut import events
from tests.power_cut.nor import ArrayNor
from tests.power_cut.promise import Broken, Call, Promise
from tests.power_cut.runs import JOURNAL_ID, PLANS, Run

_UPKEEP_CALLS = 60


@dataclass(frozen=True)
class Cut:
    """One cut: at which operation of the run, torn how; `again` is a second one while recovering."""

    run: str
    seed: int
    operation: int
    tear: str
    again: tuple[int, str] | None = None

    def __str__(self) -> str:
        text = f"{self.run}:{self.seed}:{self.operation}:{self.tear}"
        return text if self.again is None else f"{text}:{self.again[0]}:{self.again[1]}"

    @classmethod
    def parse(cls, text: str) -> "Cut":
        """Return the cut of an id; ValueError if it is none."""
        parts = text.split(":")
        again = (int(parts[4]), parts[5]) if len(parts) == 6 else None
        if len(parts) not in (4, 6) or parts[0] not in PLANS or parts[3] not in TEARS:
            raise ValueError(f"not the id of a cut: {text}")
        return cls(parts[0], int(parts[1]), int(parts[2]), parts[3], again)

    def rng(self) -> random.Random:
        """Return the source of this cut's noise."""
        return random.Random(str(self))


class Images:
    """Step through a log; at each operation give the image that a cut there leaves."""

    def __init__(self, image: bytearray, log: list) -> None:
        self.image = image
        self.log = log
        self.at = 0
        self._erasing: int | None = None

    def go_to(self, operation: int) -> None:
        """Carry out all operations before this one."""
        while self.at < operation:
            kind, address, data = self.log[self.at]
            if kind == PROGRAM:
                nor_array.program_bytes(self.image, address, data)
            elif kind == ERASE_BEGIN:
                self._erasing = address
            else:
                self._erasing = None
                self.image[address : address + nor_array.SECTOR_BYTES] = b"\xff" * nor_array.SECTOR_BYTES
            self.at += 1

    def cut(self, tear: str, rng: random.Random) -> bytearray:
        """Return the image after a cut during the operation that comes next."""
        kind, address, data = self.log[self.at]
        image = bytearray(self.image)
        erasing = address if kind in (ERASE_BEGIN, ERASE_END) else self._erasing
        if erasing is not None:
            nor_array.tear_erase(image, erasing, tear, rng)
        if kind == PROGRAM:
            nor_array.tear_program(image, address, data, tear, rng)
        return image


class Recovery:
    """Start the journal on the image of a cut, judge it, and use it a little as the terminal does after a power cut."""

    def __init__(self, image: bytearray, known_limit: int, rng: random.Random) -> None:
        self.log: list = []
        self.array = NorArray(image, self.log)
        self.nor = ArrayNor(self.array)
        self.known_limit = known_limit
        self.rng = rng
        self.calls: list[Call] = []

    def start(self) -> Journal:
        """Return the started journal."""
        start = len(self.log)
        journal = Journal(self.nor, JOURNAL_ID, self.known_limit)
        journal.mount()
        self.calls.append(Call("boot", start, len(self.log), boot=journal.boot))
        return journal

    def use(self, journal: Journal, promise: Promise) -> None:
        """End the interrupted invite, report the start, rate once more, keep `promise` up to date."""
        if journal.open_invite is not None:
            self._event(journal, promise, journal.open_invite)
        self._event(journal, promise, None)
        invite = self.rng.randbytes(16)
        try:
            start = len(self.log)
            journal.append_invite(invite, 1)
        except JournalFull:
            return
        self._keep(promise, Call("invite", start, len(self.log), invite=invite))
        self._event(journal, promise, invite)
        for clock_ms in range(_UPKEEP_CALLS):
            start = len(self.log)
            more = journal.idle(clock_ms * 10)
            if len(self.log) > start:
                self._keep(promise, Call("idle", start, len(self.log)))
            if not more:
                break
        self._event(journal, promise, invite)

    def _event(self, journal: Journal, promise: Promise, invite: bytes | None) -> None:
        if invite is None and not journal.room_for_other():
            return
        seq = journal.last_seq + 1
        event = events.make(self.rng, journal.boot, seq, journal.prev_hash, invite)
        start = len(self.log)
        journal.append_event(seq, event)
        call = Call("event", start, len(self.log), seq=seq, boot=journal.boot, event=event, invite=invite)
        self._keep(promise, call)

    def _keep(self, promise: Promise, call: Call) -> None:
        self.calls.append(call)
        promise.keep(call)


def settled(promise: Promise, journal: Journal, pending: Call | None) -> Promise:
    """Return a copy of the promise that counts what a started journal found done of the call under way."""
    copy = promise.copy()
    if pending is not None and (
        (pending.what == "event" and journal.last_seq == pending.seq)
        or (pending.what == "invite" and pending.invite in journal.known_invites)
        or (pending.what == "ack" and journal.first_unacked > pending.seq)
    ):
        copy.keep(pending)
    return copy


def judge(image: bytearray, promise: Promise, pending: Call | None, rng: random.Random) -> tuple[Recovery, Promise]:
    """Recover from one image; Broken unless every promise holds then, after some use, and at the next start.

    Return the recovery with its log, and the promise at its beginning.
    """
    recovery = Recovery(image, promise.known_limit, rng)
    journal = recovery.start()
    promise.judge(journal, image, pending)
    before = settled(promise, journal, pending)
    after = before.copy()
    after.keep(recovery.calls[0])
    first = journal.last_seq
    recovery.use(journal, after)
    after.judge_chain(first, journal.last_seq)
    recovery.nor.wait()
    again = Recovery(image, promise.known_limit, rng)
    after.judge(again.start(), image, None)
    violations = recovery.array.violations + again.array.violations
    if violations:
        raise Broken(violations[0])
    return recovery, before


def moments(calls: list[Call], start: int, promise: Promise, operations: int) -> Iterator[tuple[int, Call | None]]:
    """Yield (operation, call under way) for each operation from `start` on, keeping `promise` up to date."""
    at = 0
    for operation in range(start, operations):
        while at < len(calls) and calls[at].end <= operation:
            promise.keep(calls[at])
            at += 1
        under_way = calls[at] if at < len(calls) and calls[at].start <= operation else None
        yield operation, under_way


def cut_everywhere(run_name: str, seed: int, again_every: int) -> int:
    """Cut a run at each operation in every way, and one cut in `again_every` again everywhere in its recovery.

    Return how many cuts were judged; Broken names the one that fails.
    """
    cuts = 0
    for cut, image, promise, under_way in first_cuts(run_name, seed):
        twice = cuts % again_every == 0
        before = bytearray(image) if twice else image
        recovery, settled_promise = judge_named(cut, image, promise, under_way)
        cuts += 1
        if twice:
            for second, second_image, second_promise, second_call in second_cuts(cut, before, recovery, settled_promise):
                judge_named(second, second_image, second_promise, second_call)
                cuts += 1
    return cuts


def first_cuts(run_name: str, seed: int) -> Iterator[tuple[Cut, bytearray, Promise, Call | None]]:
    """Record a run and yield each cut with its image, what was promised by then, and the call under way."""
    run = Run(PLANS[run_name], seed)
    run.record()
    images = Images(bytearray(b"\xff" * len(run.array.image)), run.log)
    promise = Promise(run.plan.known_limit)
    for operation, under_way in moments(run.calls, run.formatted, promise, len(run.log)):
        images.go_to(operation)
        for tear in TEARS:
            cut = Cut(run_name, seed, operation, tear)
            yield cut, images.cut(tear, cut.rng()), promise, under_way


def second_cuts(
    cut: Cut, image: bytearray, recovery: Recovery, promise: Promise
) -> Iterator[tuple[Cut, bytearray, Promise, Call | None]]:
    """Yield each cut of a recovery that began on `image` with `promise`."""
    images = Images(image, recovery.array.log)
    for operation, under_way in moments(recovery.calls, 0, promise, len(recovery.array.log)):
        images.go_to(operation)
        for tear in TEARS:
            twice = replace(cut, again=(operation, tear))
            yield twice, images.cut(tear, twice.rng()), promise, under_way


def judge_named(cut: Cut, image: bytearray, promise: Promise, under_way: Call | None) -> tuple[Recovery, Promise]:
    """Judge one cut; whatever fails names it and how to repeat it."""
    try:
        return judge(image, promise, under_way, cut.rng())
    except Exception as error:
        raise Broken(f"{error!r}; repeat with: python -m tests.power_cut.replay {cut}") from error
