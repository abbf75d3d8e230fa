"""The images that a power cut can leave, and the judging of each by starting the journal on it.

Beside the chip model's four tears there is FAINT: the cells read as if nothing had been programmed, or as if all had
been erased, and only later show that they were caught half-way. A journal must use neither.
A cut is named RUN:SEED:OPERATION:TEAR, a second one during the recovery from it adds :OPERATION:TEAR.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from simulator.chips import nor_array
from simulator.chips.nor_array import ERASE_BEGIN, ERASE_END, NOISE, PROGRAM, SECTOR_BYTES, NorArray
from store.journal import Journal, JournalFull
from tests.power_cut import events
from tests.power_cut.nor import ArrayNor
from tests.power_cut.promise import Broken, Call, Promise, events_on
from tests.power_cut.runs import JOURNAL_ID, PLANS, Run

FAINT = "faint"
TEARS = (*nor_array.TEARS, FAINT)
_UPKEEP_CALLS = 60
_ACKNOWLEDGED = 3  # after a recovery


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
                self.image[address : address + SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
            self.at += 1

    def cut(self, cut: Cut) -> "Case":
        """Return what a cut during the operation that comes next leaves."""
        kind, address, data = self.log[self.at]
        rng = cut.rng()
        tear = cut.again[1] if cut.again is not None else cut.tear
        case = Case(cut, bytearray(self.image))
        erasing = address if kind in (ERASE_BEGIN, ERASE_END) else self._erasing
        if erasing is not None:
            if tear == FAINT:
                case.faint.append((erasing, bytes(self.image[erasing : erasing + SECTOR_BYTES])))
                case.image[erasing : erasing + SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
            nor_array.tear_erase(case.image, erasing, tear, rng)
        if kind == PROGRAM:
            if tear == FAINT and len(data) > 1:  # one byte alone is an acknowledgement, which may come and go
                case.faint.append((address, data))
            nor_array.tear_program(case.image, address, data, tear, rng)
        return case


@dataclass
class Case:
    """A cut with the image it leaves, what was promised, the call under way, and cells that will fade in."""

    cut: Cut
    image: bytearray
    promise: Promise = field(default_factory=lambda: Promise(0))
    under_way: Call | None = None
    faint: list[tuple[int, bytes]] = field(default_factory=list)

    def fade_in(self, log: list) -> None:
        """Let the faint cells show, except where they were erased since."""
        erased = {address for kind, address, _ in log if kind == ERASE_END}
        for address, data in self.faint:
            if address // SECTOR_BYTES * SECTOR_BYTES not in erased:
                nor_array.tear_program(self.image, address, data, NOISE, self.cut.rng())


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
        """End the interrupted invite, report the start, hear from the agent, rate; keep `promise` up to date."""
        if journal.open_invite is not None:
            self._event(journal, promise, journal.open_invite)
        self._event(journal, promise, None)
        for _ in range(_ACKNOWLEDGED):
            self._acknowledge(journal, promise)
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

    def _acknowledge(self, journal: Journal, promise: Promise) -> None:
        seq, start = journal.first_unacked, len(self.log)
        if seq <= journal.last_seq:
            journal.acknowledge(seq)
            self._keep(promise, Call("ack", start, len(self.log), seq=seq))

    def _keep(self, promise: Promise, call: Call) -> None:
        self.calls.append(call)
        promise.keep(call)


def settled(promise: Promise, journal: Journal, image: bytearray, pending: Call | None) -> Promise:
    """Return a copy of the promise that counts what of the call under way stands on the chip."""
    copy = promise.copy()
    if pending is not None and (
        (pending.what == "event" and journal.last_seq == pending.seq)
        or (pending.what == "invite" and pending.invite in journal.known_invites)
        or (pending.what == "ack" and any(seq == pending.seq and acked for seq, _, acked in events_on(image)))
    ):
        copy.keep(pending)
    return copy


def judge(case: Case) -> tuple[Recovery, Promise]:
    """Recover from one cut; Broken unless every promise holds then, after some use, and at the next start.

    Return the recovery with its log, and the promise at its beginning.
    """
    promise, pending, rng = case.promise, case.under_way, case.cut.rng()
    recovery = Recovery(case.image, promise.known_limit, rng)
    journal = recovery.start()
    promise.judge(journal, case.image, pending)
    before = settled(promise, journal, case.image, pending)
    after = before.copy()
    after.keep(recovery.calls[0])
    first = journal.last_seq
    recovery.use(journal, after)
    after.judge_chain(first, journal.last_seq)
    recovery.nor.wait()
    case.fade_in(recovery.log)
    again = Recovery(case.image, promise.known_limit, rng)
    after.judge(again.start(), case.image, None)
    violations = recovery.array.violations + again.array.violations
    if violations:
        raise Broken(violations[0])
    return recovery, before


def judge_named(case: Case) -> tuple[Recovery, Promise]:
    """Judge one cut; whatever fails names it and how to repeat it."""
    try:
        return judge(case)
    except Exception as error:
        raise Broken(f"{error!r}; repeat with: python -m tests.power_cut.replay {case.cut}") from error


def cut_everywhere(run_name: str, seed: int, again_every: int) -> int:
    """Cut a run at each operation in every way, and one cut in `again_every` again everywhere in its recovery.

    Return how many cuts were judged; Broken names the one that fails.
    """
    cuts = 0
    for case in first_cuts(run_name, seed):
        twice = again_every and cuts % again_every == 0
        image = bytearray(case.image) if twice else case.image
        recovery, promise = judge_named(case)
        cuts += 1
        if twice:
            for second in second_cuts(case.cut, image, recovery, promise):
                judge_named(second)
                cuts += 1
    return cuts


def first_cuts(run_name: str, seed: int) -> Iterator[Case]:
    """Record a run and yield each cut of it."""
    run = Run(PLANS[run_name], seed)
    run.record()
    images = Images(bytearray(b"\xff" * len(run.array.image)), run.log)
    promise = Promise(run.plan.known_limit)
    for operation, under_way in moments(run.calls, run.warm, promise, len(run.log)):
        images.go_to(operation)
        for tear in TEARS:
            case = images.cut(Cut(run_name, seed, operation, tear))
            case.promise, case.under_way = promise, under_way
            yield case


def second_cuts(cut: Cut, image: bytearray, recovery: Recovery, promise: Promise) -> Iterator[Case]:
    """Yield each cut of a recovery that began on `image` with `promise`."""
    images = Images(image, recovery.log)
    for operation, under_way in moments(recovery.calls, 0, promise, len(recovery.log)):
        images.go_to(operation)
        for tear in TEARS:
            case = images.cut(replace(cut, again=(operation, tear)))
            case.promise, case.under_way = promise, under_way
            yield case


def moments(calls: list[Call], start: int, promise: Promise, operations: int) -> Iterator[tuple[int, Call | None]]:
    """Yield (operation, call under way) for each operation from `start` on, keeping `promise` up to date."""
    at = 0
    for operation in range(start, operations):
        while at < len(calls) and calls[at].end <= operation:
            promise.keep(calls[at])
            at += 1
        under_way = calls[at] if at < len(calls) and calls[at].start <= operation else None
        yield operation, under_way


def one_case(cut: Cut) -> Case:
    """Return the case of one cut again; ValueError when its run has no such operation."""
    first = replace(cut, again=None)
    case = next((case for case in first_cuts(cut.run, cut.seed) if case.cut == first), None)
    if case is not None and cut.again is not None:
        image = bytearray(case.image)
        recovery, promise = judge_named(case)
        case = next((second for second in second_cuts(first, image, recovery, promise) if second.cut == cut), None)
    if case is None:
        raise ValueError(f"there is no such operation: {cut}")
    return case
