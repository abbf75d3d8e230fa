"""Power cuts through updates of a whole city: a flashed board, the agent that updates it, and citizens who rate.

The board is the real firmware on a littlefs at a pty; agent, broker, receiver and city are processes, told by the
commands that a person types. What a cut has hit is read from the board's flash while it has no power.
"""

import contextlib
import json
import random
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Self

from host_agent.bundle import archive, layout, make, manifest
from host_agent.bundle.contents import Bundle
from host_agent.update import states
from simulator.demo.chain import CLERK
from simulator.demo.http_json import call
from simulator.demo.parts import run_once, yiping
from tests.bundle_key import bundle_key
from tests.device import new_firmware
from tests.flash.city import PRESS_AGAIN_S, RATED, City
from tests.flash.hall import Hall
from tests.rollout.centre import QUICK
from tests.rollout.maintenance_watch import MaintenanceWatch
from tests.unit.agent_support import RUN
from tests.unit.simulated import wait_for

RECEIVE, SWITCH, TRIAL, CONFIRM, ROLL_BACK, RATING = "receive", "switch", "trial", "confirm", "roll-back", "rating"
# The power goes within this time of the beginning of what it is to hit.
SPAN_S = {RECEIVE: 1.5, SWITCH: 1.5, TRIAL: 1.0, CONFIRM: 0.3, ROLL_BACK: 1.0, RATING: 0.3}
WINDOW = "W01"
PATIENCE_S = 120.0
SETTINGS = 'detail = "off"\nchange_ms = 0\nthanks_ms = 0\nguard_ms = 0\n[update]\nkey = "bundle.key"\ngo = "agent"\n'
# A terminal that lost its power is looked for as eagerly the fiftieth time as the first.
CONSTANTS = QUICK | {"host_agent.reconnect.STEADY_S": 0.0}
KILL_EACH = 10
BEFORE, DARK, AFTER = "before", "dark", "after"  # when the agent is killed, to the power's cut
TRIES = 3  # starts of a trial, see firmware/slots.py
LOOK_S = 0.02  # between two looks at the agent, and two invites to a terminal that restarts


class Story:
    """One board at one window of a city, whose power `cut` takes away; a context manager that leaves no process."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        """Plug in a bare board; entering flashes it and starts the city."""
        self.folder, self.rng = folder, rng
        self.hall = Hall(folder, 1)
        self.board = self.hall.board()
        self.bundles: list[Bundle] = []
        self.levels: dict[str, int] = {}  # invite → level whose key was, or was to be, pressed
        self.shown: set[str] = set()  # those of which the agent told that they are rated
        self.cuts: list[str] = []
        self.kills = 0
        self.tries = 0  # starts of a trial that were counted, as the flash said at the last cut
        self.hit = dict.fromkeys(("one", "switched", "trial", "back"), 0)  # what stood there at the cuts
        self.running = ""  # the confirmed version then
        self.settings = b""
        self.failures: list[str] = []
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as leaving:
            leaving.callback(self.hall.close)
            self._begin(leaving)
            self._exit = leaving.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def _begin(self, leaving: contextlib.ExitStack) -> None:
        assert self.hall.batch().run(), self.hall.lines[-3:]
        command = [sys.executable, "-c", RUN, json.dumps(CONSTANTS), "agent", "run", "--wait", "--config", "agent.toml"]
        self.city = City(self.hall, SETTINGS, command)
        self.terminal = self.city.terminals[WINDOW]
        (self.city.folder / "bundle.key").write_bytes(bundle_key().modulus)
        self.watch = MaintenanceWatch(self.board)
        leaving.enter_context(self.city)
        wait_for(lambda: all(part.is_ready() for part in self.city.parts), "the city's parts", PATIENCE_S)

    # -- the agent

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Call the agent's API; status 0 while it does not answer."""
        try:
            return call(method, f"{self.city.agent_url}/api/v1{path}", body)
        except OSError:
            return 0, {}

    def row(self) -> dict | None:
        """Return what the agent says of the terminal, None while it says nothing."""
        status, answer = self.ask("GET", "/status")
        return answer["terminals"][0] if status == 200 else None

    def command(self, *words: object) -> str:
        """Type a command where the agent's configuration lies."""
        return run_once(str(words[1]), yiping(*map(str, words), "--config", "agent.toml"), self.city.folder)

    def kill_agent(self) -> None:
        """End the agent as a power failure would, and start it again."""
        self.city.agent.kill()
        self.city.agent.start(wait=False)
        self.kills += 1

    # -- the update

    def offer(self) -> None:
        """Offer the next version; every other one has no module in common with the one before."""
        number = len(self.bundles) + 2
        made = new_firmware.later(self.folder, f"0.{number}.0", renewed=number % 2 == 0, key=bundle_key())
        self.bundles.append(made)
        path = self.folder / make.file_name("k5", made.version)
        archive.write(made, path)
        self.command("update", "offer", path)

    def until(self, reached: Callable[[dict], object], what: str, offers: bool = True) -> None:
        """Do what updating asks of a person, until the agent's word of the terminal is as wanted."""
        end_s = time.monotonic() + PATIENCE_S
        row = None
        while time.monotonic() < end_s:
            row = self.row()
            if row is not None:
                if reached(row):
                    return
                self._help(row, offers)
            time.sleep(LOOK_S)
        raise AssertionError(f"{what} did not happen in {PATIENCE_S:g} s: {row}, {self.board.console()[-500:]}")

    def _help(self, row: dict, offers: bool) -> None:
        update = row["update"]
        if update["state"] == states.FAILED:
            assert update["why"] in (states.ROLLED_BACK, states.NOT_SWITCHED), update
            self.failures.append(update["why"])
            self.command("update", "retry", self.terminal)
        elif offers and (not self.bundles or self.is_done(row)):
            self.offer()

    def is_done(self, row: dict) -> bool:
        """Say whether the newest version runs and is confirmed, by the agent's word."""
        update = row["update"]
        return row["connected"] and row["firmware"] == self.bundles[-1].version and update["state"] == states.DONE

    # -- the cuts

    def cut(self, act: str) -> None:
        """Take the power away while `act` goes on, look at the flash, give it back; each tenth time kill the agent."""
        if act == ROLL_BACK:
            self._wear_out()
        self._reach(act)
        board, kills = self.board, (len(self.cuts) + 1) % KILL_EACH == 0 and self.rng.choice((BEFORE, DARK, AFTER))
        if kills == BEFORE:
            self.kill_agent()
        due_us = board.engine.clock.now_us + round(self.rng.uniform(0, SPAN_S[act]) * 1e6)
        wait_for(lambda: board.engine.clock.now_us >= due_us, "the moment of the cut")
        board.unplug()
        self.watch.dark()
        self.cuts.append(act)
        if kills == DARK:
            self.kill_agent()
        self.look()
        board.plug()
        if kills == AFTER:
            self.kill_agent()

    def _wear_out(self) -> None:
        """Cut a trial until its starts are used up: the next one rolls it back."""
        while self.tries < TRIES:
            self.cut(TRIAL)

    def _reach(self, act: str) -> None:
        """Wait until what the power is to hit has begun."""
        if act == RATING:
            self.rate(to_the_end=False)
        elif act == RECEIVE:
            self.until(lambda row: row["update"]["state"] == states.SENDING, "sending")
        elif act == CONFIRM:
            self.until(lambda row: row["connected"] and row["update"]["state"] == states.TRIAL, "a trial")
        elif act == SWITCH or not self.tries:
            self._reach_switch(act == TRIAL)

    def _reach_switch(self, and_start: bool) -> None:
        """Wait for the order to switch, or for the start after it."""
        starts = 0

        def switches(row: dict) -> bool:
            nonlocal starts
            starts = len(self.board.engine.resets)
            return row["connected"] and row["update"]["state"] == states.SWITCHING

        self.until(switches, "the order to switch")
        if and_start:
            wait_for(lambda: len(self.board.engine.resets) > starts, "the start after the switch", PATIENCE_S)

    def look(self) -> None:
        """Hold that the confirmed firmware is whole on the flash, and the settings are what they were."""
        files = self.board.files()
        slots = json.loads(files["slots.json"])
        self.tries = slots["tries"] if slots["trial"] else 0
        self.hit["trial" if self.tries else "switched" if slots["trial"] else "back" if slots["back"] else "one"] += 1
        self.settings = self.settings or files["settings.json"]
        assert files["settings.json"] == self.settings
        for slot in filter(None, (slots["slot"], slots["trial"])):
            told = manifest.decode(files[f"{slot}/{layout.MANIFEST}"], slot)
            for entry in told.slot:
                assert sha256(files[f"{slot}/{entry.path}"]).digest() == entry.digest, (slot, entry.path)
            for entry in told.packs:
                assert sha256(files[layout.pack_place(entry.digest)]).digest() == entry.digest, (slot, entry.path)
        self.running = manifest.decode(files[f"{slots['slot']}/{layout.MANIFEST}"], slots["slot"]).version

    # -- ratings

    def rate(self, to_the_end: bool = True) -> None:
        """Let a citizen press, and to the end until the agent knows of it; else only until the lamps answer a key."""
        self.until(lambda row: row["connected"], "the terminal's answer", offers=False)
        invite = self._invited()
        key = self.rng.randint(1, 5)
        self.levels[invite] = 6 - key
        lamps = self.board.wiring.key_lamps
        wait_for(lambda: all(lamps.light), "the lamps of the keys")
        self.board.press(key)
        wait_for(lambda: not all(lamps.light), "an answer to the key")
        if not to_the_end:
            return
        end_s, pressed_s = time.monotonic() + PATIENCE_S, time.monotonic()
        while self.ask("GET", f"/windows/{WINDOW}/invites/{invite}")[1].get("state") != "rated":
            assert time.monotonic() < end_s, "the agent does not know of the rating"
            if time.monotonic() > pressed_s + PRESS_AGAIN_S:  # a busy machine may bounce the contacts unseen
                self.board.press(key)
                pressed_s = time.monotonic()
            time.sleep(LOOK_S)
        self.shown.add(invite)

    def _invited(self) -> str:
        """Log in and invite until it is taken; a terminal that restarts takes none."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            self.ask("POST", f"/windows/{WINDOW}/login", dict(CLERK))
            status, answer = self.ask("POST", f"/windows/{WINDOW}/invites", {})
            if status == 201 and answer.get("state") == "open":
                return answer["invite"]
            time.sleep(LOOK_S)
        raise AssertionError("no invite was taken")

    def ratings(self) -> dict[str, list[int]]:
        """Return the levels of each invite at the city."""
        found: dict[str, list[int]] = {}
        after = 0
        while True:
            answer = call("GET", f"{self.city.city_url}/api/v1/ratings?after={after}")[1]
            if not answer["items"]:
                return found
            for item in answer["items"]:
                if item["kind"] == RATED:
                    found.setdefault(item["invite"], []).append(item["level"])
            after = answer["next"]
