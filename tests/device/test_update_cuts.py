"""A whole update of a terminal under power cuts at random moments; citizens rate before, between and after them."""

import random
from hashlib import sha256
from pathlib import Path

import pytest

from host_agent.bundle.contents import Bundle
from protocol import content, rating, reasons
from tests.device import new_firmware
from tests.device.counter import Counter

DARK_MS = 10_000  # citizens see that the window is being maintained for at most so long
LIVES_MAX = 120
# What goes on when the power goes, and within how many ms of its beginning.
ACTS = {"start": 2_500, "rating": 1_500, "sending": 2_500, "switching": 2_500, "trial": 2_500}
# The cuts in this order of thirds, each in any order. What is confirmed before all came is followed by another version.
PLAN = (
    ("sending",) * 22 + ("start",) * 4 + ("rating",) * 4,
    ("switching",) * 8 + ("start",) * 2 + ("rating",) * 2,
    ("trial",) * 5 + ("start",) + ("rating",) * 2,
)
TRIAL_LOOK_MS = 5_000
NEVER_MS = 1 << 50


class PowerCut(Exception):
    """The power went away."""


class CutCounter(Counter):
    """A counter whose terminal loses its power at `cut_ms`, whatever is going on."""

    cut_ms = NEVER_MS

    def run(self, ms: int) -> None:
        super().run(max(0, min(ms, self.cut_ms - self.now_ms)))
        self._cut_if_due()

    def until(self, condition, what: str, limit_ms: int = 60_000) -> None:
        super().until(lambda: condition() or self.now_ms >= self.cut_ms, what, limit_ms)
        self._cut_if_due()

    def _cut_if_due(self) -> None:
        if self.now_ms >= self.cut_ms:
            self.cut_ms = NEVER_MS
            self.cut_power()
            raise PowerCut


class Story:
    """One terminal, its agent and its citizens."""

    def __init__(self, counter: CutCounter, folder: Path, rng: random.Random) -> None:
        self.counter = counter
        self.folder = folder
        self.rng = rng
        self.bundles: list[Bundle] = []
        self.offer()
        self.tried: dict[int, int] = {}  # invite → level whose key was, or was to be, pressed
        self.shown: set[int] = set()  # those that were pressed and shown before anything else happened
        self.left_ms: int | None = None  # when it was switched, or got power again
        self.away_ms: list[int] = []  # how long it was not there each time
        self.aims = [aim for third in PLAN for aim in rng.sample(third, len(third))]
        self.cuts = dict.fromkeys(ACTS, 0)
        self.aim: str | None = None  # what the next cut interrupts
        self.doing = ""

    def offer(self) -> None:
        """Have the next version, each module of which differs from the one before."""
        number = len(self.bundles) + 2
        self.bundles.append(new_firmware.later(self.folder, f"0.{number}.0", renewed=number % 2 == 0))

    def begin(self, act: str) -> None:
        """Note what goes on; the power goes within it, when it is its turn."""
        self.doing = act
        if act == self.aim:
            self.aim = None
            self.counter.cut_ms = self.counter.now_ms + round(self.rng.uniform(0, ACTS[act]))

    def end(self) -> None:
        """Wait for the cut of this act, if one is to come."""
        if self.counter.cut_ms != NEVER_MS:
            self.counter.run(self.counter.cut_ms - self.counter.now_ms)

    def rate(self) -> None:
        """Let a citizen rate; what was pressed and shown counts, whatever comes then."""
        counter, n, key = self.counter, len(self.tried) + 1, self.rng.randint(1, 5)
        self.tried[n] = 6 - key
        self.begin("rating")
        counter.login()
        counter.open_invite(n)
        counter.press(key)
        self.shown.add(n)
        self.end()
        counter.until_state("idle", 60_000)

    def meet(self, limit_ms: int) -> dict:
        """Say HELLO until it is answered; return the answer."""
        counter, end_ms = self.counter, self.counter.now_ms + limit_ms
        counter.open_link()
        counter.until(lambda: counter.hello is not None, "HELLO is answered", end_ms - counter.now_ms)
        if self.left_ms is not None:
            self.away_ms.append(counter.now_ms - self.left_ms)
        self.left_ms = None
        return counter.hello

    def live(self) -> bool:
        """Do what agent and citizens do after a start; return whether the new firmware runs and is confirmed."""
        self.begin("start")
        self.counter.acknowledges = True
        hello = self.meet(DARK_MS)
        self.end()
        if self.aim == "rating" or self.rng.random() < 0.3:
            self.counter.acknowledges = self.rng.random() < 0.5
            self.rate()
            if not self.counter.acknowledges:  # what the agent could not store comes again in the next session
                self.counter.acknowledges = True
                hello = self.meet(DARK_MS)
        while content.ASSET_FIRMWARE_TRIAL in hello["assets"]:
            self.begin("trial")
            self.counter.run(TRIAL_LOOK_MS)
            hello = self.meet(DARK_MS)
        if hello["firmware"] == self.bundles[-1].version:
            return True
        self.bring(hello)
        return False

    def bring(self, hello: dict) -> None:
        """Send what is missing, switch, and meet the terminal again."""
        counter, bundle = self.counter, self.bundles[-1]
        held = hello["assets"].get(content.ASSET_FIRMWARE_NEXT) == sha256(bundle.manifest).hexdigest()[:8]
        self.begin("sending")
        sender = new_firmware.Sender(counter)
        for part in new_firmware.parts(bundle)[1 if held else 0 :]:
            reason = sender.send(*part)
            assert reason == reasons.OK, (part[:2], reason)
        self.end()
        self.begin("switching")
        assert new_firmware.switch(counter, bundle) == reasons.OK
        counter.until_state("updating", 1_000)
        self.left_ms = counter.now_ms
        counter.run(1_500)  # it has reset by then
        self.begin("trial")
        self.meet(DARK_MS)

    def judge(self) -> None:
        """Hold that what was shown was received once, and nothing that was not pressed."""
        for n, level in self.tried.items():
            found = self.counter.levels(n)
            assert found == [level] or (n not in self.shown and found == []), (n, level, found)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", [1, 2])
def test_update_under_fifty_power_cuts_ends_with_the_next_version_and_every_rating_once(
    tmp_path: Path, seed: int
) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    with CutCounter(tmp_path, seed=seed) as counter:
        story = Story(counter, tmp_path, rng)
        story.rate()
        lives, done = 0, False
        while not done or story.aims or story.aim or counter.cut_ms != NEVER_MS:
            if story.aims and story.aim is None and counter.cut_ms == NEVER_MS:
                story.aim = story.aims.pop(0)
            lives += 1
            assert lives < LIVES_MAX, "the update does not come to its end"
            if done:
                story.offer()
            try:
                done = story.live()
            except PowerCut:
                done = False
                story.cuts[story.doing] += 1
                counter.run(rng.randint(20, 2_000))
                counter.terminal.power_on()
                story.left_ms = counter.now_ms
        assert sum(story.cuts.values()) == sum(map(len, PLAN))
        story.rate()
        counter.settle()
        assert counter.hello["firmware"] == story.bundles[-1].version and "fw.trial" not in counter.hello["assets"]
        story.judge()
        counter.check_chain()
        assert max(story.away_ms) <= DARK_MS
        whys = [fields["why"] for _, fields in counter.told(rating.BOOT, rating.FAULT)]
        trials, back = whys.count(reasons.WHY_UPDATED), whys.count(reasons.WHY_ROLLED_BACK)
        print(
            f"cut in {story.cuts}: {len(story.bundles)} versions, {trials} trials begun, {back} rolled back,"
            f" {len(story.shown)} ratings shown, away for at most {max(story.away_ms)} ms, {counter.now_ms} ms in all"
        )
