"""The people at one window: clerk and raters, with their own hands on the pins and their own ears at the buzzer.

One invite is under way at a time, and it is asked for under the same key until the agent says what became of it: a
press is made only while the soak knows for whom. While the PC is not there the clerk's key at the terminal is used.
The lamps tell that an invite is open; a tone tells that a press was stored.
"""

import random
import threading
import time
from collections.abc import Callable

from simulator.demo.ledger import KEYS, Press
from tests.soak.hall import Hall
from tests.soak.visits import FUNCTION_KEY, Visit, tones_begun

HOLD_S = (0.055, 0.2)
LONG_HOLD_S = 1.2
SHOWN_S = 2.0
"""How long to listen for a tone; it is due 100 ms after the press."""
GUARD_S, OWN_GUARD_S = 0.06, 0.85
"""A new page takes no keys for guard_ms; a terminal that has not heard the hall's policy yet takes its default."""
LAMPS_S = 1.5
DARK_S = 80.0
"""Longer than an invite of a terminal that has not heard the hall's policy lasts (60 s, once extended)."""
CUT_SPREAD_S = 0.1
TRIES = 3
LOOK_S = 0.004

RATE, CHANGE, MASH, CHORD, DECLINE, LONG, NOTHING, CANCEL = (
    "rate", "change", "mash", "chord", "decline", "long", "nothing", "cancel",
)  # fmt: skip
WHAT = {RATE: 40, CHANGE: 20, MASH: 10, CHORD: 6, DECLINE: 8, LONG: 4, NOTHING: 4, CANCEL: 8}


class Citizen(threading.Thread):
    """Act at one window until `ending` is set; `visits` is its book."""

    def __init__(self, hall: Hall, number: int, seed: int) -> None:
        place = hall.places[number]
        super().__init__(name=f"citizens of {place.window}", daemon=True)
        self.visits: list[Visit] = []
        self.ending = threading.Event()
        self.cut_at_press = threading.Event()
        self.error: BaseException | None = None
        self.said: object = "nothing"
        self._hall = hall
        self._place = place
        self._terminal = place.terminal
        self._rng = random.Random(f"citizens {seed} {number}")
        self._prefix = f"soak-{seed}-{number}"
        self._asked = 0
        self._invite: str | None = None

    def run(self) -> None:
        """Receive one citizen after the other."""
        try:
            while not self.ending.is_set():
                self._pause(self._rng.uniform(0.02, 0.6))
                what = self._rng.choices(list(WHAT), list(WHAT.values()))[0]
                self.receive(what)
        except BaseException as error:  # noqa: BLE001 - the soak reports it
            self.error = error

    def receive(self, what: str) -> Visit | None:
        """Invite somebody and let them do `what`; None when no invite could be had."""
        visit = self._open()
        if visit is None:
            return None
        self.visits.append(visit)
        before = len(self._terminal.tones)
        self._pause(GUARD_S if visit.invite else OWN_GUARD_S)
        self._act(what, visit)
        self._wait(lambda: not self._lit(), DARK_S)
        visit.heard = tones_begun(self._terminal.tones[before:])
        return visit

    # --- the clerk

    def _open(self) -> Visit | None:
        """Return a visit whose invite is open."""
        if self._invite is None:
            self._asked += 1
        body = {"id": f"{self._prefix}-{self._asked}", "project_no": f"SOAK-{self._asked:06}", "service_no": "1"}
        try:
            status, answer = self._call("POST", "/invites", body)
        except ConnectionRefusedError as error:
            self.said = error
            return None if self._invite else self._open_by_key()
        except OSError as error:
            self.said, self._invite = error, self._invite or "asked"
            return None
        if status in (200, 201):
            self._invite = str(answer["invite"])
            state = self._settled(str(answer["state"]))
            if state is None:
                return None  # asked again under the same key
            self.said, self._invite = state, None
            return Visit(self._place.terminal_id, str(answer["invite"])) if state == "open" else None
        return self._refused(status, answer)

    def _refused(self, status: int, answer: dict) -> Visit | None:
        code = answer.get("error", {}).get("code", "")
        self.said = answer
        if code == "terminal_absent":
            self._pause(0.1)
            return None if self._invite else self._open_by_key()
        # A store that failed may have kept the invite all the same: only the same key finds out.
        self._invite = None if status < 500 else self._invite or "asked"
        if code == "no_clerk":
            try:
                self._hall.login(self._place.window)
            except Exception as error:  # noqa: BLE001 - the agent may be gone again, or refuse: the next try tells
                self.said = error
        self._pause(0.1)
        return None

    def _settled(self, state: str) -> str | None:
        """Wait while an invite is pending; None when the agent does not say."""
        while state == "pending":
            self._pause(0.1)
            try:
                status, answer = self._call("GET", f"/invites/{self._invite}")
            except OSError:
                return None
            state = str(answer["state"]) if status == 200 else "forgotten"
            if self.ending.is_set() and state == "pending":
                return None
        return state

    def _open_by_key(self) -> Visit | None:
        if not self._terminal.powered or self._lit():
            return None
        starts = len(self._terminal.resets)
        self._terminal.press("clerk", 120)
        # Lamps show anything at a start, until the firmware has set them.
        if self._wait(self._lit, LAMPS_S) and len(self._terminal.resets) == starts:
            return Visit(self._place.terminal_id, "")
        return None

    def _cancel(self, visit: Visit) -> None:
        if not visit.invite:
            return
        try:
            self._call("DELETE", f"/invites/{visit.invite}")
        except OSError as error:
            self.said = error

    # --- the rater

    def _act(self, what: str, visit: Visit) -> None:
        if what == MASH:
            for _ in range(self._rng.randint(3, 12)):
                self._press_key(visit, self._key(), self._rng.uniform(0.03, 0.07))
                self._pause(self._rng.uniform(0.03, 0.09))
            self._pause(0.3)
        elif what == CANCEL:
            if self._rng.random() < 0.3:
                self._press_once(visit, self._key())
            self._cancel(visit)
        elif what == DECLINE:
            self._press_once(visit, FUNCTION_KEY)
        elif what != NOTHING:
            self._rate(what, visit)

    def _rate(self, what: str, visit: Visit) -> None:
        if what == CHORD:
            self._chord(visit)
        for _ in range(TRIES):
            if self._press_once(visit, self._key(), LONG_HOLD_S if what == LONG else None):
                break
            if not self._lit() or not self._terminal.powered:
                return
        for _ in range(self._rng.randint(1, 3) if what == CHANGE else 0):
            self._pause(self._rng.uniform(0.06, 0.4))
            self._press_once(visit, self._key())

    def _chord(self, visit: Visit) -> None:
        """Put a palm on two keys: no press, or two, as the firmware sees their edges."""
        one, other = self._rng.sample(range(1, KEYS + 1), 2)
        visit.press(one, time.monotonic())
        self._terminal.key_down(one)
        self._pause(self._rng.uniform(0, 0.03))
        visit.press(other, time.monotonic())
        self._terminal.key_down(other)
        self._pause(0.1)
        self._terminal.key_up(one)
        self._terminal.key_up(other)
        self._pause(0.2)

    def _press_once(self, visit: Visit, key: int, hold_s: float | None = None) -> bool:
        """Press a key and listen; tell whether its tone came."""
        heard = tones_begun(self._terminal.tones)
        press = self._press_key(visit, key, hold_s or self._rng.uniform(*HOLD_S))
        if self._terminal.powered:
            self._wait(lambda: tones_begun(self._terminal.tones) > heard, SHOWN_S)
        press.shown = tones_begun(self._terminal.tones) > heard
        return press.shown

    def _press_key(self, visit: Visit, key: int, hold_s: float) -> Press:
        """Press a key at its pin; where the plan says so, the power goes with it."""
        name = "function" if key == FUNCTION_KEY else key
        press = visit.press(key, time.monotonic())
        self._terminal.key_down(name)
        if self.cut_at_press.is_set():
            self._pause(self._rng.uniform(0, CUT_SPREAD_S))
            self._terminal.power_off()
            self.cut_at_press.clear()
        else:
            self._pause(hold_s)
        self._terminal.key_up(name)
        return press

    def _key(self) -> int:
        return self._rng.randint(1, KEYS)

    # --- eyes and time

    def _lit(self) -> bool:
        """Tell whether the lamps say that an invite is open."""
        return self._terminal.powered and all(self._terminal.lamps())

    def _call(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        return self._hall.window_call(method, path, body, self._place.window)

    def _wait(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition; tell whether it came true."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
        return True

    def _pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)
