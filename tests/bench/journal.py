"""Measures what a rating costs on the NOR chip: the journal beside littlefs, same days, same driver, same chip model.

Each repetition lives through other days (its seed). Erases, programs and bytes are counted over everything that a day
brings (boots, marks, invites, acknowledgements, work ahead), on a chip whose log has wrapped, and divided by the
invites that were rated. An append lasts from the call to its return, in bus and chip time; see journal_chip.py.
"""

import random
from collections.abc import Callable, Iterable

from simulator.chips.nor_array import NorArray
from simulator.chips.w25q import TYPICAL, WORST, Timing
from tests.bench import figures, journal_days
from tests.bench.journal_chip import Chip, VirtualTime
from tests.bench.journal_days import ACKNOWLEDGE, BOOT, INVITE, Step
from tests.bench.journal_stores import JournalStore, LittlefsAppend, LittlefsFiles
from tests.power_cut.nor import ArrayNor

CHIP_BYTES = 4_194_304
DAYS = 20  # two of them with a late PC
PEER_WARM_DAYS, PEER_DAYS = 2, 6
AGED_DAYS = 200  # the log goes once around the chip in some 140
MET_ERASES = 50
PEERS = {"littlefs_log": LittlefsAppend, "littlefs_files": LittlefsFiles}
TIMINGS = {"typical": TYPICAL, "worst": WORST}

Say = Callable[[str], None]


class Tally:
    """What some days cost one store on one chip."""

    def __init__(self, chip: Chip) -> None:
        self.took_us: list[int] = []  # of each append of an event or invite
        self.boots_us: list[int] = []
        self.ratings = 0
        self._chip = chip
        array = chip.array
        self._start = (array.erases, array.programs, array.programmed_bytes)
        self._waits = chip.waited_erases, chip.suspended

    def figures(self, name: str) -> dict[str, float]:
        """Return what one rating cost, counted."""
        array, ratings = self._chip.array, self.ratings
        erases, programs, bytes_ = self._start
        return {
            f"{name}_erases_per_rating": (array.erases - erases) / ratings,
            f"{name}_programs_per_rating": (array.programs - programs) / ratings,
            f"{name}_programmed_bytes_per_rating": (array.programmed_bytes - bytes_) / ratings,
            f"{name}_erases_in_the_way_of_a_press": self.waited_erases,
        }

    def times(self, name: str, timing: str) -> dict[str, float]:
        """Return median, 99th percentile and longest append, ms."""
        took = sorted(self.took_us)
        return {
            f"{name}_append_p50_{timing}_ms": took[len(took) // 2] / 1000,
            f"{name}_append_p99_{timing}_ms": took[len(took) * 99 // 100] / 1000,
            f"{name}_append_max_{timing}_ms": took[-1] / 1000,
        }

    @property
    def waited_erases(self) -> int:
        """Return how many erases began, or were waited for, inside an append."""
        return self._chip.waited_erases - self._waits[0]

    @property
    def suspended(self) -> int:
        """Return how many appends met an erase of the work ahead, which stepped aside."""
        return self._chip.suspended - self._waits[1]


def live(store: object, chip: Chip, steps: Iterable[Step], tally: Tally) -> Tally:
    """Let a store live through the steps on the chip's clock."""
    clock, start_ms = chip.clock, chip.clock.now_us // 1000
    for step in steps:
        at_ms = start_ms + step.at_ms
        store.upkeep(at_ms)
        clock.now_us = max(clock.now_us, 1000 * at_ms)
        if step.what == BOOT:
            began_us = clock.now_us
            store.boot()
            tally.boots_us.append(clock.now_us - began_us)
        if step.what == ACKNOWLEDGE:
            store.acknowledge(step.number)
            continue
        append = store.invite(step.invite) if step.what == INVITE else store.event(step.invite)
        with chip.press(tally.took_us):
            append()
        tally.ratings += step.rating
    assert not chip.model.violations or not isinstance(store, JournalStore), chip.model.violations[:3]
    return tally


def aged(days: int, size: int = CHIP_BYTES) -> tuple[bytearray, int]:
    """Return the image of a chip after some days of the journal, and the number of events in them."""
    image = bytearray(b"\xff" * size)
    nor, clock = ArrayNor(NorArray(image)), VirtualTime()
    store = JournalStore(nor, clock)
    store.format()
    store.boot()
    for step in journal_days.steps(random.Random(0), days):
        store.upkeep(step.at_ms)
        clock.now_us = max(clock.now_us, 1000 * step.at_ms)
        if step.what == BOOT:
            store.boot()
        if step.what == ACKNOWLEDGE:
            store.acknowledge(step.number)
        elif step.what == INVITE:
            store.invite(step.invite)()
        else:
            store.event(step.invite)()
    nor.wait()
    return image, store.journal.last_seq


def journal(image: bytearray, events: int, timing: Timing, seed: int, days: int = DAYS) -> Tally:
    """Return what some days cost the journal on a copy of an aged chip."""
    chip = Chip(bytearray(image), timing)
    store = JournalStore(chip.nor, chip.clock)
    store.boot()
    return live(store, chip, journal_days.steps(random.Random(seed), days, events + 1), Tally(chip))


def littlefs(kind: type, timing: Timing, seed: int, days: int = PEER_DAYS, warm: int = PEER_WARM_DAYS) -> Tally:
    """Return what some days cost littlefs after some others."""
    chip = Chip(bytearray(b"\xff" * CHIP_BYTES), timing)
    store = kind(chip)
    store.format()
    store.boot()
    before = 0
    if warm:
        before = sum(step.what != ACKNOWLEDGE and step.what != INVITE for step in _days(0, warm))
        live(store, chip, _days(0, warm), Tally(chip))
    return live(store, chip, journal_days.steps(random.Random(seed), days, before + 1), Tally(chip))


def during_an_erase(image: bytearray, events: int, timing: Timing, seed: int, count: int = MET_ERASES) -> Tally:
    """Return what appends take that meet an erase of the work ahead, at any moment of it."""
    chip = Chip(bytearray(image), timing)
    store, rng, tally = JournalStore(chip.nor, chip.clock), random.Random(seed), Tally(chip)
    store.boot()
    while len(tally.took_us) < count:
        events += 1
        store.event(None)()
        store.acknowledge(events)
        for _ in range(4):
            store.journal.idle(chip.clock.now_us // 1000)
        if chip.array.erasing is None:
            continue
        chip.clock.sleep_us(rng.randrange(timing.sector_erase))
        events += 1
        took_us: list[int] = []
        with chip.press(took_us):
            store.event(None)()
        store.acknowledge(events)
        if tally.suspended > len(tally.took_us):
            tally.took_us += took_us
    return tally


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians of the repetitions."""
    image, events = aged(AGED_DAYS)
    say(f"aged a chip by {AGED_DAYS} days, {events} events")
    runs = []
    for number in range(1, repetitions + 1):
        runs.append(_repetition(image, events, number))
        say(f"{number}/{repetitions}: {runs[-1]['journal_erases_per_rating']:.4f} erases a rating")
    return figures.medians(runs)


def _repetition(image: bytearray, events: int, seed: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for timing, times in TIMINGS.items():
        own = journal(image, events, times, seed)
        met = during_an_erase(image, events, times, seed)
        found |= own.figures("journal") | own.times("journal", timing)
        found[f"journal_append_during_erase_max_{timing}_ms"] = max(met.took_us) / 1000
        found[f"journal_start_bus_{timing}_ms"] = max(own.boots_us) / 1000
    for timing, times in TIMINGS.items():
        for name, kind in PEERS.items():
            peer = littlefs(kind, times, seed)
            found |= peer.figures(name) | peer.times(name, timing)
    for name in PEERS:
        for what in ("erases_per_rating", "programs_per_rating", "programmed_bytes_per_rating"):
            found[f"{name}_to_journal_{what}_ratio"] = found[f"{name}_{what}"] / found[f"journal_{what}"]
        for timing in TIMINGS:
            what = f"append_p99_{timing}"
            found[f"{name}_to_journal_{what}_ratio"] = found[f"{name}_{what}_ms"] / found[f"journal_{what}_ms"]
    return found


def _days(seed: int, days: int) -> Iterable[Step]:
    return journal_days.steps(random.Random(seed), days)
