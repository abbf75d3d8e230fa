"""Virtual mode: unplugged terminals over simulated weeks, in virtual time; the same seed gives the same table.

Two terminals with the unchanged firmware live next to each other: one with its own chip of 4 MiB, one whose chip has
16 sectors and the datasheet's worst times, so that its journal fills again and again. People are invited with the
clerk's key. Meanwhile the power goes at any instant, in the middle of programs, erases and starts; the coin cell dies,
the clock chip drifts, the millisecond counter wraps (2**30). Every few days somebody brings an agent: over a bad line
it takes some of what waits, often without acknowledging it, invites, and at last takes everything. Then the events'
bytes are opened as the city does.
"""

import json
import os
import random
from collections import Counter as Counts
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from protocol import rating, reasons
from simulator.chips.nor_array import SECTOR_BYTES
from simulator.chips.w25q import WORST
from simulator.demo.ledger import KEYS
from simulator.faults import Noise
from tests.device.changed import changed_firmware
from tests.device.counter import Counter, invite_id
from tests.soak.compare import Verdict, compare
from tests.soak.visits import FUNCTION_KEY, Visit, as_rows, tones_begun, write_lines

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
WRAP_MS = 1 << 30
SMALL_SECTORS = 16
VISITS_A_DAY = (12, 28)
DAYS_UNPLUGGED = {"YP-SMALL": (2, 6), "YP-OWN": (1, 9)}
"""The small chip is full after three or four days."""
LOST_MS = 31_000
"""A link is given up after 30 s without a heartbeat."""
GUARD_MS = 750
LAMPS_MS = 2_000
DARK_MS = 140_000
BOOT_MS = 3_000
CUT_SPREAD_US = 150_000
DRAIN_STEP_MS = 2_000
DRAIN_MS = 600_000
ERASE_MS = 20_000
MARK_SLACK_MS = 60_000
RESULT = "result.json"

CUT_PRESS, CUT_PROGRAM, CUT_ERASE, CUT_START, CUT_IDLE, CUT_DRAIN = (
    "cut_at_press", "cut_in_program", "cut_in_erase", "cut_at_start", "cut_idle", "cut_in_drain",
)  # fmt: skip


@dataclass
class VirtualRun:
    """What the unplugged terminals came to."""

    verdict: Verdict
    faults: Counts[str]
    problems: list[str]
    facts: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        plain = {"verdict": asdict(self.verdict), "faults": self.faults, "problems": self.problems, "facts": self.facts}
        path.write_text(json.dumps(plain), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "VirtualRun":
        """Read what `write` wrote. Raise OSError when there is nothing."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(Verdict(**found["verdict"]), Counts(found["faults"]), found["problems"], found["facts"])


class Life:
    """One terminal through its weeks; every choice comes from `rng`."""

    def __init__(self, folder: Path, name: str, seed: int, **options: object) -> None:
        rng = random.Random(f"life {seed} {name}")
        options = {
            "seed": rng.randrange(1 << 30), "terminal": name, "ticks_start_ms": WRAP_MS - rng.randrange(3 * DAY_MS),
        } | options  # fmt: skip
        self.name = name
        self.folder = folder
        self.visits: list[Visit] = []
        self.faults: Counts[str] = Counts()
        self.fulls = 0
        self.counter = Counter(folder, **options)
        self.terminal = self.counter.terminal
        self._rng = rng
        self._invited = 0
        self._pending_cut: str | None = None
        self._cuts = 0

    def live(self, weeks: float, day_over: Callable[[int], None]) -> None:
        """Live until the weeks are over and everything is with the agent. Raise AssertionError, SimError."""
        counter = self.counter
        counter.start(connect=False)
        self.terminal.wiring.rtc.drift_ppm = self._rng.uniform(-150, 150)
        self.terminal.unplug()
        counter.run(LOST_MS)
        end_ms = int(weeks * WEEK_MS)
        plug_ms = counter.now_ms + self._days_unplugged_ms()
        day = 0
        while counter.now_ms < end_ms:
            self._day(min(end_ms, (day + 1) * DAY_MS))
            day += 1
            if counter.now_ms >= plug_ms:
                self._bring_agent()
                plug_ms = counter.now_ms + self._days_unplugged_ms()
            day_over(day)
        self._power_on()
        self._drain()

    def _days_unplugged_ms(self) -> float:
        return self._rng.uniform(*DAYS_UNPLUGGED.get(self.name, (1, 2))) * DAY_MS

    def _day(self, end_ms: int) -> None:
        """Let people come through the day, then the night."""
        counter, rng = self.counter, self._rng
        start_ms = counter.now_ms
        moments = sorted(rng.uniform(0.3, 0.75) for _ in range(rng.randint(*VISITS_A_DAY)))
        for moment in moments:
            at_ms = start_ms + int(moment * (end_ms - start_ms))
            if at_ms > counter.now_ms:
                counter.run(at_ms - counter.now_ms)
            self._power_on()
            self._visit()
            if rng.random() < 0.04:
                self._cut(CUT_IDLE)
        if rng.random() < 0.4:
            self._cut(CUT_IDLE)
            if rng.random() < 0.3:
                self.terminal.wiring.rtc.battery_failed(self.terminal.now_us)
                self.faults["clock_lost"] += 1
        if end_ms > counter.now_ms:
            counter.run(end_ms - counter.now_ms)
        self._power_on()

    # --- a visit

    def _visit(self) -> None:
        """Invite with the clerk's key and let somebody rate, refuse or go; or find the terminal full."""
        terminal, counter, rng = self.terminal, self.counter, self._rng
        before = len(terminal.tones)
        terminal.press("clerk", 120)
        if not terminal.run_until(self._lit, LAMPS_MS):
            counter.run(500)
            if tones_begun(terminal.tones[before:]):
                raise AssertionError(f"{self.name}: the clerk's key was answered as a press")
            self.fulls += 1
            return
        visit = Visit(self.name, "")
        self._rate(visit, before)
        if rng.random() < 0.02:
            self._mash_uninvited()

    def _rate(self, visit: Visit, before: int) -> None:
        terminal, counter, rng = self.terminal, self.counter, self._rng
        self.visits.append(visit)
        counter.run(GUARD_MS)
        what = rng.random()
        if rng.random() < 0.08:
            self._pending_cut = rng.choice((CUT_PRESS, CUT_PRESS, CUT_PROGRAM, CUT_PROGRAM, CUT_ERASE))
        if what < 0.08:
            self._press(visit, FUNCTION_KEY)
        elif what < 0.16:
            for _ in range(rng.randint(3, 12)):
                self._press(visit, rng.randint(1, KEYS), rng.randint(40, 80), rng.randint(20, 90))
        elif what < 0.94:
            for _ in range(1 if rng.random() < 0.75 else rng.randint(2, 9)):
                self._press(visit, rng.randint(1, KEYS), rng.randint(60, 400), rng.randint(200, 1_500))
        self._pending_cut = None
        if terminal.powered:
            terminal.run_until(lambda: not self._lit(), DARK_MS)
            counter.run(rng.randint(0, 5_000))
        visit.heard = tones_begun(terminal.tones[before:])

    def _press(self, visit: Visit, key: int, hold_ms: int = 120, pause_ms: int = 300) -> None:
        """Press a key; the power may go with it. A press whose tone came alone is known to be shown."""
        terminal = self.terminal
        if not terminal.powered:
            return
        heard = tones_begun(terminal.tones)
        press = visit.press(key, terminal.now_us / 1e6)
        cut, self._pending_cut = self._pending_cut, None
        terminal.press("function" if key == FUNCTION_KEY else key, hold_ms)
        if cut is not None:
            self._cut(cut)
        else:
            self.counter.run(hold_ms + pause_ms)
        press.shown = pause_ms >= 200 and tones_begun(terminal.tones) > heard

    def _mash_uninvited(self) -> None:
        """Let a child at the keys."""
        for _ in range(self._rng.randint(2, 14)):
            if self._lit():
                return
            self.terminal.press(self._rng.randint(1, KEYS), 60)
            self.counter.run(self._rng.randint(90, 900))

    def _lit(self) -> bool:
        return self.terminal.powered and all(self.terminal.lamps())

    # --- power

    def _cut(self, how: str) -> None:
        """Cut the power at an instant of this kind, and give it again after a while; perhaps cut the start too."""
        terminal, counter, rng = self.terminal, self.counter, self._rng
        chip = terminal.wiring.nor
        self._cuts += 1
        if how == CUT_PRESS:
            terminal.run_to_us(terminal.now_us + rng.randrange(CUT_SPREAD_US))
        elif how == CUT_PROGRAM:
            for _ in range(rng.randint(1, 3)):
                counter.run(1)
                terminal.run_until(lambda: chip.programming, 150)
        elif how == CUT_ERASE and terminal.run_until(lambda: chip.array.erasing is not None, ERASE_MS):
            terminal.run_to_us(terminal.now_us + rng.randrange(60_000))
        counter.cut_power()
        self.faults[how] += 1
        counter.run(rng.choice((50, 500, 5_000)))
        while rng.random() < 0.3:
            terminal.power_on()
            terminal.run_to_us(terminal.now_us + rng.randrange(3_000_000))
            counter.cut_power()
            self.faults[CUT_START] += 1
            counter.run(50)
        if how != CUT_IDLE or rng.random() < 0.5:
            self._power_on()

    def _power_on(self) -> None:
        if not self.terminal.powered:
            self.terminal.power_on()
            self.counter.run(BOOT_MS)

    # --- an agent is brought

    def _bring_agent(self) -> None:
        """Plug in over a bad line, lose agents and power on the way, invite, take everything, pull the cable."""
        terminal, counter, rng = self.terminal, self.counter, self._rng
        terminal.plug()
        self.faults["plugged"] += 1
        for _ in range(rng.randint(0, 3)):
            noise = [Noise(random.Random(rng.random()), 1e-4, rng.choice((0.0, 0.2)), 0.05) for _ in range(2)]
            terminal.set_line_faults(*noise)
            counter.acknowledges = rng.random() < 0.6
            counter.open_link()
            counter.run(rng.randint(500, 30_000))
            terminal.set_line_faults()
            if not counter.acknowledges:
                self.faults["agent_lost"] += 1
            if rng.random() < 0.3:
                self._cut(CUT_DRAIN)
                self._power_on()
            counter.peer.detach()
        counter.acknowledges = True
        counter.connect()
        counter.login()
        for _ in range(rng.randint(1, 4)):
            self._visit_by_invite()
        self._drain()
        counter.peer.detach()
        terminal.unplug()
        counter.run(LOST_MS)

    def _visit_by_invite(self) -> None:
        self._invited += 1
        before, cuts = len(self.terminal.tones), self._cuts
        reason = self.counter.invite(self._invited)
        if reason == reasons.FULL:
            self.fulls += 1
        if reason == reasons.OK:
            self._rate(Visit(self.name, invite_id(self._invited).hex()), before)
            # A link to a terminal that has started anew is dead, long before the agent gives it up.
            if self._cuts != cuts or self.counter.lost:
                self.counter.lost.clear()
                self._power_on()
                self.counter.connect()
                self.counter.login()

    def _drain(self) -> None:
        """Take everything, and hold that the chip knows it."""
        terminal, counter = self.terminal, self.counter
        terminal.plug()
        counter.connect()
        limit_ms = counter.now_ms + DRAIN_MS
        while True:
            counter.run(DRAIN_STEP_MS)
            waiting = counter.unacknowledged()
            if not waiting:
                return
            assert counter.now_ms < limit_ms, f"{self.name}: not acknowledged after {DRAIN_MS} ms: {waiting[:10]}"

    # --- what came of it

    def records(self) -> list[dict]:
        """Return the events that the agent holds as the city would have them, in the order of their numbers."""
        found = []
        for clear, fields in self.counter.told():
            found.append(
                {
                    "terminal": clear.terminal,
                    "epoch": clear.epoch,
                    "seq": clear.seq,
                    "boot": clear.boot,
                    "kind": rating.KIND_NAMES.get(clear.kind, str(clear.kind)),
                    "invite": None if clear.invite is None else clear.invite.hex(),
                    "level": fields.get("level"),
                    "origin": fields.get("origin"),
                    "up_ms": fields["up"],
                }
            )
        return found

    def problems(self, records: list[dict]) -> list[str]:
        """Return what is wrong besides the presses: chain, nonces, marks, datasheets."""
        found = [f"{self.name}: {text}" for text in self.terminal.violations]
        try:
            self.counter.check_chain()
        except AssertionError as error:
            found.append(f"{self.name}: the chain does not hold: {error}")
        if "Traceback" in self.terminal.console(1_000_000):
            found.append(f"{self.name}: the firmware printed a traceback")
        if not self.fulls:
            found += [f"{self.name}: {text}" for text in late_marks(records)]
        return found


def small_chip(folder: Path) -> dict[str, object]:
    """Return the options of a terminal whose chip has SMALL_SECTORS sectors and the datasheet's worst times."""
    size = f'"size_bytes": {SMALL_SECTORS * SECTOR_BYTES:_}'
    return {
        "timing": WORST,
        "firmware_dir": changed_firmware(folder, "boards/k5.py", '"size_bytes": 4_194_304', size),
    }


def late_marks(records: list[dict]) -> list[str]:
    """Return where more than an hour of one boot passed without a mark."""
    found = []
    boot, last_ms = 0, 0
    for record in records:
        if record["boot"] != boot:
            boot, last_ms = record["boot"], 0
        if record["up_ms"] - last_ms > HOUR_MS + MARK_SLACK_MS:
            found.append(f"boot {boot}: no mark between {last_ms} and {record['up_ms']} ms after the start")
        if record["kind"] == "mark":
            last_ms = record["up_ms"]
    return found


def run_virtual(folder: Path, seed: int, weeks: float, say: Callable[[str], None]) -> VirtualRun:
    """Let both terminals live through the weeks in `folder`."""
    run = VirtualRun(Verdict(), Counts(), [])
    for name, options in (("YP-SMALL", small_chip), ("YP-OWN", lambda _folder: {})):
        (folder / name).mkdir(parents=True)
        life = Life(folder / name, name, seed, **options(folder / name))
        try:
            life.live(weeks, lambda day, life=life: say(f"{life.name}: day {day}, {len(life.visits)} visits"))
        except AssertionError as error:
            run.problems.append(f"{name}: {str(error)[:500]}")
        records = life.records()
        run.verdict.add(compare(life.visits, records))
        run.problems += life.problems(records)
        run.faults.update(life.faults)
        for key, count in (("events", len(records)), ("full", life.fulls), ("marks", _marks(records))):
            run.facts[key] = run.facts.get(key, 0) + count
        write_lines(life.folder / "visits.jsonl", as_rows(life.visits))
        write_lines(life.folder / "events.jsonl", records)
        life.terminal.close()
    return run


def run_apart(folder: str, seed: int, weeks: float) -> None:
    """Be a process of its own beside the real mode: tell on standard output, leave the result in result.json."""
    os.nice(5)  # the real mode keeps wall time
    path = Path(folder)
    run_virtual(path, seed, weeks, lambda text: print(f"virtual  {text}", flush=True)).write(path / RESULT)


def _marks(records: list[dict]) -> int:
    return sum(record["kind"] == "mark" for record in records)
