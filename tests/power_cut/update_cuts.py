"""Cut the power at every write and erase of the internal flash of a whole update. Runs under MicroPython, see
test_update.py: update_cuts.py FIRMWARES SLOT EVERY PHASE|- BUG|-

The update runs phase by phase, and each phase is cut at each of its operations, clean and torn. After a cut the
terminal is started again. It must be in the state before the phase or in the one after it, start one whole, signed
firmware, have another one to go back to while it tries one, and have all that an update does not touch. Then the agent
brings the update to its end, through a second cut.
"""

import sys

import slots
from protocol import content, reasons
from tests.power_cut import update_bugs
from tests.power_cut.littlefs_flash import CLEAN, TORN, TORN_LATE
from tests.power_cut.update_terminal import (
    FIRST_FLOOR,
    FORGED,
    KEPT,
    NEVER,
    NEXT,
    RUNS,
    STALE,
    Terminal,
    firmwares,
    flashed,
    other,
)
from update import slot_files

TEARS = ((CLEAN, "clean"), (TORN, "torn"), (TORN_LATE, "late"))
ROUNDS_MAX = 6
TRIES_MAX = 3
AGAIN = 89  # the second cut comes at one of so many operations of the next start; prime


class Phase:
    """One thing that a terminal does between two starts; `expects` is the reason it ends with."""

    def __init__(self, name: str, do: object, expects: object = None) -> None:
        self.name = name
        self.do = do
        self.expects = expects


class Story:
    """The phases of an update from slot `here`, and what must hold in and after each."""

    def __init__(self, found: list, here: str) -> None:
        self.found = found
        self.here, self.there = here, other(here)
        new = found[NEXT]
        self.floor = new.floor
        self.taken = [Phase("forged", lambda t: t.takes_manifest(found[FORGED]), reasons.BAD_SIGNATURE)]
        self.taken.append(Phase("early", lambda t: t.switches(new), reasons.TOO_OLD))
        self.taken.append(Phase("manifest", lambda t: t.takes_manifest(new), reasons.OK))
        for n in range(len(new.ordered)):
            if n == len(new.ordered) - 1:
                self.taken.append(Phase("incomplete", lambda t: t.switches(new), reasons.NOT_COMPLETE))
            self.taken.append(Phase(f"file{n}", lambda t, n=n: self.take_file(t, n), reasons.OK))
        self.taken.append(Phase("switch", lambda t: t.switches(new), reasons.OK))
        self.start = Phase("start1", lambda t: t.starts(), (self.there, True))
        self.confirm = Phase("confirm", lambda t: t.confirms())
        self.back = [Phase(f"start{n}", lambda t: t.starts(), (self.there, True)) for n in (2, 3)]
        self.back.append(Phase("back", lambda t: t.starts(), (here, False)))
        self.back.append(Phase("told", lambda t: t.tells()))

    def take_file(self, terminal: Terminal, n: int) -> int:
        return terminal.takes(content.FIRMWARE_FILE, str(n), self.found[NEXT].ordered[n])

    def runner(self, state: dict) -> str:
        """Return the slot that runs in a phase which is no start."""
        return state["trial"] if state["trial"] and state["tries"] else state["slot"]

    def at_rest(self, state: dict, where: tuple) -> None:
        """Hold what must be so whenever the power is off."""
        assert state is not None, (where, "slots.json is damaged")
        for path, data in KEPT.items():
            assert slot_files.read(path) == data, (where, path)
        for slot in (state["slot"], state["trial"]):
            assert not slot or self.named(slot), (where, "no whole firmware", slot, state)
        assert state["slot"] == self.here or state["floor"] >= self.floor, (where, "the floor was lowered", state)
        assert state["floor"] >= FIRST_FLOOR and state["tries"] <= TRIES_MAX, (where, state)

    def named(self, slot: str) -> bool:
        return self.found[NEXT if slot == self.there else RUNS].is_whole(slot)

    def to_the_end(self, image: bytearray, where: tuple, cut: int = NEVER) -> None:
        """Start, and do what the agent would, until the update is confirmed; the first start may be cut too."""
        for _ in range(ROUNDS_MAX):
            self.go_on(image, where, cut)
            cut = NEVER
            terminal = Terminal(image)
            state = slots.read()
            self.at_rest(state, where)
            terminal.off()
            if state["slot"] == self.there and not state["trial"]:
                assert state["floor"] == self.floor and state["tries"] == 0, (where, state)
                return
        raise AssertionError((where, "the update does not come to its end", state))

    def go_on(self, image: bytearray, where: tuple, cut: int) -> None:
        """Start once, and confirm a trial or bring the update."""
        terminal = Terminal(image, cut)
        try:
            slot, on_trial = terminal.starts()
            assert terminal.flash.is_cut or self.named(slot), (where, "started from no whole firmware", slot)
            terminal.runs(slot, self.found)
            terminal.tells()
            if on_trial:
                terminal.confirms()
            elif slot == self.here:
                for phase in self.taken:
                    if phase.name not in ("forged", "early", "incomplete") and not terminal.flash.is_cut:
                        reason = phase.do(terminal)
                        if not terminal.flash.is_cut and reason != phase.expects:
                            self.at_rest(slots.read(), where)
                            raise AssertionError((where, "stuck", phase.name, reason))
        except OSError:
            assert terminal.flash.is_cut, (where, "the flash failed without a cut")
        terminal.off()


class Cutter:
    """Cuts every `every`-th operation, counted over all phases, or only those of one phase."""

    def __init__(self, story: Story, every: int, only: str) -> None:
        self.story = story
        self.every, self.only = every, only
        self.count = 0
        self.cuts = self.operations = 0

    def phase(self, base: bytearray, phase: Phase) -> bytearray:
        """Cut a phase; return the flash after a whole run of it."""
        whole = bytearray(base)
        before, after, terminal, result = self.run(whole, phase)
        assert result == phase.expects or phase.expects is None, (phase.name, f"ended with {result}")
        self.operations += terminal.flash.operations
        old = new = cuts = 0
        for cut in range(1, terminal.flash.operations + 1):
            for tear, how in TEARS:
                self.count += 1
                if self.count % self.every or self.only not in ("-", phase.name):
                    continue
                cuts += 1
                self.cuts += 1
                where = (phase.name, how, cut)
                is_new = self.one(bytearray(base), phase, cut, tear, before, after, where)
                new += is_new
                old += not is_new
        print(f"phase {phase.name} operations {terminal.flash.operations} cuts {cuts} old {old} new {new}")
        return whole

    def run(self, image: bytearray, phase: Phase, cut: int = NEVER, tear: int = TORN) -> tuple:
        """Return the states before and after a phase, the terminal, and what the phase returned."""
        terminal = Terminal(image, cut, tear)
        before = slots.read()
        terminal.runs(self.story.runner(before), self.story.found)
        try:
            result = phase.do(terminal)
        except OSError:
            assert terminal.flash.is_cut, (phase.name, "the flash failed without a cut")
            result = None
        after = None if terminal.flash.is_cut else slots.read()
        terminal.off()
        return before, after, terminal, result

    def one(self, image: bytearray, phase: Phase, cut: int, tear: int, before: dict, after: dict, where: tuple) -> bool:
        """Cut once, judge, and go on; return whether the state is the one after the phase."""
        story = self.story
        terminal = self.run(image, phase, cut, tear)[2]
        assert terminal.flash.is_cut, (where, "another run than the first")
        heard = terminal.desk.heard
        terminal = Terminal(image)
        state = slots.read()
        story.at_rest(state, where)
        assert state in (before, after), (where, "neither the old state nor the new one", state)
        if heard == reasons.OK:
            assert state == after, (where, "OK was said before the trial was durable")
        if phase.name == "forged":
            assert story.found[STALE].is_whole(story.there), (where, "a forged manifest changed the flash")
        slot, on_trial = terminal.starts()
        assert story.named(slot), (where, "started from no whole firmware", slot)
        story.at_rest(slots.read(), where)
        assert on_trial == (slot == story.there and state["slot"] != slot), (where, slot, on_trial)
        if phase.name in ("start1", "start2", "start3") and state == after:
            counted = slots.read()
            assert not on_trial or counted["tries"] == state["tries"] + 1, (where, "a start was not counted")
        terminal.off()
        story.to_the_end(image, where, 1 + self.cuts % AGAIN)
        return state == after


def main(path: str, here: str, every: int, only: str, bug: str) -> None:
    """Cut an update that is confirmed, and one that is rolled back."""
    story = Story(firmwares(path), here)
    image = flashed(story.found, here)
    if bug != "-":
        getattr(update_bugs, bug)()
    cutter = Cutter(story, every, only)
    for phase in story.taken + [story.start]:
        image = cutter.phase(image, phase)
    confirmed = cutter.phase(image, story.confirm)
    terminal = Terminal(confirmed)
    state = slots.read()
    assert (state["slot"], state["trial"], state["floor"]) == (story.there, "", story.floor), state
    terminal.off()
    for phase in story.back:
        image = cutter.phase(image, phase)
    story.to_the_end(image, ("after a roll-back",))
    print(f"all operations {cutter.operations} cuts {cutter.cuts}")


arguments = sys.argv[1:]
main(arguments[0], arguments[1], int(arguments[2]), arguments[3], arguments[4])
