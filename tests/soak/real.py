"""Real mode: everything at once in wall time; only invariants are asserted.

First the chaos, then everything is mended, then each window must take one more rating, then all must drain.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from simulator.demo.chip_reader import ChipReader
from simulator.demo.outbox_reader import outbox_events
from simulator.demo.result import ChipEvent
from simulator.errors import SimError, UserError
from tests.soak.citizens import RATE, Citizen
from tests.soak.compare import Verdict, compare
from tests.soak.faults import Breaker, Coming, schedule
from tests.soak.hall import Hall
from tests.soak.visits import Visit, as_rows, write_lines

TICK_S = 0.02
CHIP_LOOK_S = 60.0
READY_S = 60.0
LAST_RATING_S = 120.0
DRAIN_S = 420.0
"""Longer than the agent's longest pause in a hold that the faults can have brought it to."""
PROGRESS_S = 10.0

# The alarms of the receiver that a fault explains; any other one is a failure of the soak.
EXPLAINED = {
    "invite_bare": ("disk_lost", "clock_jumps"),
    "invite_time": ("clock_jumps",),
    "clock_ahead": ("clock_jumps",),
}
# What the chip models and the host note when a process is stopped or killed in the middle of a transfer.
EXPLAINED_NOTES = {"not answered in 5 s": ("firmware_hangs",), "stalled": ("firmware_hangs",)}


@dataclass
class RealRun:
    """What a run in real mode came to."""

    verdict: Verdict
    faults: Counter[str]
    problems: list[str]
    facts: dict[str, int | float | str] = field(default_factory=dict)


@dataclass
class Station:
    """What lies at the stations of the chain at one moment."""

    chips: dict[str, list[ChipEvent]]
    city: list[dict]
    in_outbox: int
    not_receipted: int
    to_forward: int

    def waits(self) -> list[str]:
        """Return what is still on its way, in words."""
        there = {(item["terminal"], item["seq"]) for item in self.city}
        found = []
        for terminal, events in self.chips.items():
            kept = sum(not event.acknowledged for event in events)
            absent = sum((terminal, event.seq) not in there for event in events)
            found += [f"{kept} events not acknowledged on the chip of {terminal}"] if kept else []
            found += [f"{absent} events of the chip of {terminal} not at the city"] if absent else []
        if self.not_receipted:
            found.append(f"{self.not_receipted} of {self.in_outbox} events without receipt at the agent")
        if self.to_forward:
            found.append(f"{self.to_forward} records at the receiver for the city")
        return found


class RealSoak:
    """One run; `run` returns what it came to."""

    def __init__(
        self, hall: Hall, seed: int, seconds: float, kinds: list[str] | None, say: Callable[[str], None]
    ) -> None:
        rng = random.Random(f"faults {seed}")
        self._hall = hall
        self._seconds = seconds
        self._say = say
        self._citizens = [Citizen(hall, number, seed) for number in range(len(hall.places))]
        able = Breaker.kinds(hall)
        wanted = able if kinds is None else [kind for kind in kinds if kind in able]
        coming: list[Coming] = schedule(rng, seconds, wanted, len(hall.places)) if wanted else []
        self._breaker = Breaker(hall, self._citizens, coming, rng, self._log)
        self._chips = {place.terminal_id: ChipReader(place.terminal.state.nor) for place in hall.places}
        self._log_path = hall.folder / "faults.log"
        self._started_s = time.monotonic()
        self._problems: list[str] = []
        self._ended_oddly = 0

    def run(self) -> RealRun:
        """Play it all. A part that does not come back is a problem, and nothing is compared then."""
        for citizen in self._citizens:
            citizen.start()
        try:
            self._chaos()
            self._mend()
            self._last_ratings()
        except (UserError, SimError) as error:
            write_lines(self._hall.folder / "visits.jsonl", as_rows(self._visits()))
            return RealRun(Verdict(), self._breaker.done, [*self._problems, f"the run stopped: {error}"])
        station = self._drain()
        verdict = compare(self._visits(), station.city)
        self._problems += [f"not drained: {what}" for what in station.waits()]
        self._look_at_alarms()
        self._look_at_terminals()
        self._keep(station)
        return RealRun(verdict, self._breaker.done, self._problems, self._facts(station))

    def _at_s(self) -> float:
        return time.monotonic() - self._started_s

    def _log(self, text: str) -> None:
        with self._log_path.open("a", encoding="utf-8") as log:
            log.write(f"{self._at_s():8.2f} s  {text}\n")

    def _visits(self) -> list[Visit]:
        return [visit for citizen in self._citizens for visit in list(citizen.visits)]

    # --- the three parts of a run

    def _chaos(self) -> None:
        told_s = looked_s = 0.0
        while (at_s := self._at_s()) < self._seconds:
            self._breaker.tick(at_s)
            self._watch()
            if at_s - told_s >= PROGRESS_S:
                told_s = at_s
                shown = sum(visit.shown for visit in self._visits())
                broken = ", ".join(self._breaker.lasting) or "nothing"
                self._say(f"{at_s:5.0f} s  {shown} presses shown; broken now: {broken}")
            if at_s - looked_s >= CHIP_LOOK_S:
                looked_s = at_s
                for chip in self._chips.values():
                    chip.events()
            time.sleep(TICK_S)

    def _watch(self) -> None:
        """Start again what ended by itself; it may only while a store is broken."""
        self._hall.start_again(self._breaker.kept_down, self._log)
        ended = self._hall.ended_by_themselves
        for part in ended[self._ended_oddly :]:
            if part.crashed or not self._breaker.store_may_fail:
                self._problems.append(str(part))
        self._ended_oddly = len(ended)
        for citizen in self._citizens:
            if citizen.error is not None:
                raise citizen.error

    def _mend(self) -> None:
        self._say("everything is mended; waiting for it to come back")
        for citizen in self._citizens:
            citizen.ending.set()
        self._breaker.mend_all()
        while any(citizen.is_alive() for citizen in self._citizens):
            self._watch()
            time.sleep(TICK_S)
        self._watch()
        for place in self._hall.places:
            place.terminal.set_line_faults()
            place.terminal.plug()
            place.terminal.power_on()
        self._hall.wait_all_ready(READY_S)
        for place in self._hall.places:
            self._hall.wait_connected(place, READY_S)

    def _last_ratings(self) -> None:
        """Hold that every window takes a rating again."""
        for citizen, place in zip(self._citizens, self._hall.places, strict=True):
            deadline = time.monotonic() + LAST_RATING_S
            while True:
                visit = citizen.receive(RATE)
                if visit is not None and visit.invite and visit.shown:
                    break
                if time.monotonic() > deadline:
                    self._problems.append(f"{place.window} takes no rating after all was mended: {citizen.said}")
                    break
                time.sleep(TICK_S)

    def _drain(self) -> Station:
        deadline = time.monotonic() + DRAIN_S
        told_s = 0.0
        while True:
            station = self._look()
            waits = station.waits()
            if not waits and compare(self._visits(), station.city).ok:
                return station
            if time.monotonic() > deadline:
                return station
            if waits and self._at_s() - told_s > PROGRESS_S:
                told_s = self._at_s()
                self._say(f"{told_s:5.0f} s  draining: {'; '.join(waits)}")
            if not waits and time.monotonic() > deadline - DRAIN_S + 20.0:
                return station  # nothing is on its way any more, and it does not agree
            time.sleep(0.5)

    # --- looking

    def _look(self) -> Station:
        hall = self._hall
        chips = {terminal: reader.events() for terminal, reader in self._chips.items()}
        outbox = outbox_events(hall.agent_database)
        try:
            city, forward = hall.city_items(), int(hall.receiver_call("status")["forward"]["waiting"])
        except OSError:
            city, forward = [], 1
        return Station(chips, city, len(outbox), sum(not event.receipted for event in outbox), forward)

    def _look_at_alarms(self) -> None:
        self._alarms = self._hall.receiver_call("alarms")["items"]
        for alarm in self._alarms:
            if not any(self._breaker.done[kind] for kind in EXPLAINED.get(alarm["code"], ())):
                self._problems.append(f"alarm that no fault explains: {alarm}")
        refused = self._hall.agent_call("GET", "/refused")[1]["items"]
        self._problems += [f"refused by the city: {row}" for row in refused]

    def _look_at_terminals(self) -> None:
        for place in self._hall.places:
            notes = place.terminal.violations
            if "Traceback" in place.terminal.console(1_000_000):
                notes = [*notes, "the firmware printed a traceback"]
            for note in sorted(set(notes)):
                causes = [kinds for text, kinds in EXPLAINED_NOTES.items() if text in note]
                if not any(self._breaker.done[kind] for kinds in causes for kind in kinds):
                    self._problems.append(f"{place.terminal_id}: {note}")

    def _keep(self, station: Station) -> None:
        write_lines(self._hall.folder / "visits.jsonl", as_rows(self._visits()))
        write_lines(self._hall.folder / "city.jsonl", station.city)
        write_lines(self._hall.folder / "alarms.json", self._alarms)

    def _facts(self, station: Station) -> dict[str, int | float | str]:
        counts = Counter(alarm["code"] for alarm in self._alarms)
        return {
            "broker": self._hall.broker.kind,
            "events": len(station.city),
            "redelivered": sum(item["times"] - 1 for item in station.city),
            "restarts": sum(len(place.terminal.resets) - 1 for place in self._hall.places),
            "ended_by_themselves": len(self._hall.ended_by_themselves),
            **{f"alarm_{code}": count for code, count in sorted(counts.items())},
        }


def run_real(
    folder: Path,
    seed: int,
    seconds: float,
    terminals: int,
    say: Callable[[str], None],
    broker: str | None = None,
    kinds: list[str] | None = None,
) -> RealRun:
    """Run the chain in `folder` for `seconds` of chaos, then until it has drained. Raise UserError, SimError."""
    with Hall(folder, terminals, seed, broker, say) as hall:
        return RealSoak(hall, seed, seconds, kinds, say).run()
