"""The headless run: invite through the agent's API, press at the pins, hear the tone, and wait for the last receipt.

Timers are short by policy, the firmware is the same. Keys come in shuffled blocks of all five, so that every level is
pressed equally often; some raters change their mind, and with `detail` all say more. A rating is done when the
terminal let a press be heard.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.demo.chain import Chain
from simulator.demo.chip_reader import ChipReader
from simulator.demo.faults import BEFORE_INVITE, INVITED, POWER, PRESSED, Fault, FaultPlan
from simulator.demo.fingers import Fingers, Target, counts_when_lifted
from simulator.demo.ledger import KEYS, NOTHING_MORE, Details, Ledger
from simulator.demo.more import MoreRater
from simulator.demo.outbox_reader import OutboxEvent, outbox_events
from simulator.demo.result import Evidence, Result, judge
from simulator.demo.watch import BrokerWatch
from simulator.errors import UserError

SHORT_POLICY = {
    "invite_ms": 20_000, "change_ms": 200, "detail": "off", "thanks_ms": 40, "unrated_ms": 100, "not_invited_ms": 100,
    "guard_ms": 20,
}  # fmt: skip
MORE_POLICY = SHORT_POLICY | {
    "detail": "ask", "change_ms": 300, "offer_ms": 20_000, "sub_ms": 20_000, "tags_ms": 40_000,
}  # fmt: skip
"""The same where every rater goes on to sub-levels and tags: these pages wait for a slow machine."""
HOLD_MS = 60
"""How long a key is held: longer than debouncing, shorter than the change window."""
SHOWN_S = 1.5
"""How long to listen for the tone; it is due 100 ms after the press."""
AFTER_INVITE_S = 0.03
"""A new page takes no keys for guard_ms, counted from before the agent's answer."""
BETWEEN_KEYS_S = 0.06
"""Two keys within 50 ms are no press."""
TRIES_PER_INVITE = 3
INVITE_S = 60.0
"""How long a rating may wait for its invite: longer than any fault and the reconnects after it."""
DRAIN_S = 60.0
LOOK_S = 0.002
CHIP_LOOK_RATINGS = 1000
"""The chip is read often enough that no sector is used again between two looks."""


@dataclass(frozen=True)
class RunOptions:
    """What a headless run does."""

    ratings: int = 200
    seed: int = 1
    changes: float = 0.1
    faults: list[Fault] = field(default_factory=list)
    fault_seconds: float = 3.0
    detail: bool = False

    @property
    def policy(self) -> Mapping[str, int | str | bool]:
        """Return the terminals' policy for such a run."""
        return MORE_POLICY if self.detail else SHORT_POLICY


class HeadlessRun:
    """Play all raters of one run against a running chain."""

    def __init__(
        self,
        chain: Chain,
        watch: BrokerWatch,
        options: RunOptions,
        say: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        self._chain = chain
        self._watch = watch
        self._options = options
        self._progress = progress
        self._rng = random.Random(options.seed)
        self._ledger = Ledger()
        self._chip = ChipReader(chain.nor_image)
        self._faults = FaultPlan(chain, options.faults, options.fault_seconds, self._rng, say)
        self._fingers = Fingers(chain.terminal)
        self._more = MoreRater(chain, self._fingers, self._rng, self._until) if options.detail else None
        self._attempt = 0
        self._tones_seen = 0
        self._heard = 0

    def run(self, started_s: float) -> Result:
        """Press all ratings, wait for what is on its way, and judge. Raise UserError when the chain stands still."""
        if self._more is not None:
            self._more.wait_for_table()
        for number, key in enumerate(self._keys(), 1):
            self._rate(number, key)
            self._progress(number)
            if number % CHIP_LOOK_RATINGS == 0:
                self._chip.events()
        self._until(lambda: self._faults.done, INVITE_S)
        deadline = time.monotonic() + DRAIN_S
        while True:
            result = judge(self._ledger, self._evidence(), time.monotonic() - started_s, self._options.seed)
            if result.ok or time.monotonic() > deadline:
                return result
            time.sleep(0.2)

    def _keys(self) -> list[int]:
        keys: list[int] = []
        while len(keys) < self._options.ratings:
            block = list(range(1, KEYS + 1))
            self._rng.shuffle(block)
            keys += block
        return keys[: self._options.ratings]

    def _rate(self, number: int, key: int) -> None:
        """Invite and press until one press of this rating was heard."""
        while True:
            self._faults.reach(number, BEFORE_INVITE)
            invite = self._invite(number)
            self._faults.reach(number, INVITED)
            self._pause(AFTER_INVITE_S)
            for _ in range(TRIES_PER_INVITE):
                if self._press(number, invite, key):
                    self._say_more(number, invite, self._change_mind(number, invite, key))
                    return
                if POWER in self._faults.broken:
                    break
            self._until(lambda: POWER not in self._faults.broken, INVITE_S)
            self._withdraw(invite)

    def _change_mind(self, number: int, invite: str, key: int) -> int:
        """Perhaps press another key; return the one that counts now."""
        if POWER in self._faults.broken or self._rng.random() >= self._options.changes:
            return key
        self._pause(BETWEEN_KEYS_S)
        other = self._rng.choice([choice for choice in range(1, KEYS + 1) if choice != key])
        return other if self._press(number, invite, other) else key

    def _say_more(self, number: int, invite: str, key: int) -> None:
        """Go on to sub-levels and tags where asked for. Raise UserError when it fails and no fault explains it."""
        if self._more is None or POWER in self._faults.broken:
            return
        is_said = self._more.say_more(key, lambda target, details: self._press(number, invite, key, target, details))
        if not is_said and not self._options.faults:
            cure = "read the terminal's console"
            raise UserError(f"rating {number} could not say more", str(self._chain.terminal.state.console), cure)

    def _press(
        self, number: int, invite: str, key: int, target: Target | None = None, details: Details = NOTHING_MORE
    ) -> bool:
        """Press at the pins or on the glass; tell whether the terminal's tone was heard.

        `target` is where, the level's own place without it; the rating then says the level of `key` and `details`.
        """
        target = self._fingers.level(key) if target is None else target
        at_lift = counts_when_lifted(target)
        self._until(self._is_quiet, SHOWN_S)  # two tones that meet are heard as one
        heard = self._tones_heard()
        if at_lift:
            self._fingers.down(target)
            self._pause(HOLD_MS / 1000)
        press = self._ledger.press(invite, key, time.monotonic(), details)
        if at_lift:
            self._fingers.up()
        else:
            self._fingers.down(target)
        if self._faults.due_at_press(number):
            self._faults.reach(number, PRESSED)
            press.shown = self._tones_heard() > heard
            self._fingers.up()
            return press.shown
        if not at_lift:
            self._pause(HOLD_MS / 1000)
            self._fingers.up()
        press.shown = self._until(lambda: self._tones_heard() > heard, SHOWN_S)
        self._faults.reach(number, PRESSED)
        return press.shown

    def _is_quiet(self) -> bool:
        tones = self._chain.terminal.tones
        return not tones or not tones[-1].freq_hz

    def _tones_heard(self) -> int:
        """Return how many tones began so far; silence is a change of the buzzer too, at 0 Hz."""
        new = self._chain.terminal.tones[self._tones_seen :]
        self._tones_seen += len(new)
        self._heard += sum(tone.freq_hz > 0 for tone in new)
        return self._heard

    def _invite(self, number: int) -> str:
        """Return an open invite, asking again while the chain cannot. Raise UserError when it never can."""
        deadline = time.monotonic() + INVITE_S
        said: object = "no answer"
        while time.monotonic() < deadline:
            self._faults.tick()
            self._attempt += 1
            body = {
                "id": f"demo-{self._options.seed}-{self._attempt}",
                "project_no": f"DEMO-{number:06}",
                "service_no": "1",
            }
            try:
                status, answer = self._chain.window_call("POST", "/invites", body)
            except OSError as error:
                said = error
                self._pause(0.05)
                continue
            if status == 201 and self._opens(answer):
                return str(answer["invite"])
            said = answer
            if status == 409 and answer["error"]["code"] == "no_clerk":
                self._chain.login()
            self._pause(0.02 if status == 409 else 0.1)
        raise UserError(
            f"rating {number} got no invite: {said}", str(self._chain.agent.log_path), "read the agent's log"
        )

    def _opens(self, answer: dict) -> bool:
        """Wait while an invite is pending; tell whether it opened."""
        path = f"/invites/{answer['invite']}"
        state = answer["state"]
        while state == "pending":
            self._pause(0.05)
            try:
                state = self._chain.window_call("GET", path)[1]["state"]
            except OSError:
                continue
        return state == "open"

    def _withdraw(self, invite: str) -> None:
        """Cancel an invite that heard no press, whatever became of it."""
        try:
            self._chain.window_call("DELETE", f"/invites/{invite}")
        except OSError:
            pass  # the agent is down; the next invite tells

    def _evidence(self) -> Evidence:
        try:
            city = self._chain.city_items()
        except OSError:
            city = []
        outbox = outbox_events(self._chain.agent_database)
        settled = {event.id for event in outbox if event.receipted}
        return Evidence(self._chip.events(), self._published(outbox), city, self._watch.receipts(), settled)

    def _published(self, outbox: list[OutboxEvent]) -> list[OutboxEvent]:
        """Return what the agent has published: all when its counters say so, else what was receipted."""
        try:
            store = self._chain.agent_call("GET", "/status")[1]["store"]
        except OSError:
            return []
        is_all = store["published_total"] >= store["stored_total"]
        return outbox if is_all else [event for event in outbox if event.receipted]

    def _until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a condition while faults come and go; tell whether it came true."""
        deadline = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > deadline:
                return False
            self._faults.tick()
            time.sleep(LOOK_S)
        return True

    def _pause(self, seconds: float) -> None:
        self._until(lambda: False, seconds)
