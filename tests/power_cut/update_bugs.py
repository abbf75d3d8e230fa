"""Bugs that are planted into the firmware's update, for test_update.py; each is a function that patches it."""

import json
import os

import slots
from protocol import reasons
from tests.power_cut.update_terminal import Desk
from update import manifest, slot_files, start, switch


def state_is_rewritten_in_place() -> None:
    def write(state: dict) -> None:
        data = json.dumps(state)
        with open(slots.PATH, "w") as file:
            for piece in (data[:20], data[20:]):
                file.write(piece)
                file.flush()

    slots.write = write


def old_state_is_removed_first() -> None:
    def write(state: dict) -> None:
        with open(slots.PATH + ".new", "w") as file:
            json.dump(state, file)
        os.remove(slots.PATH)
        os.rename(slots.PATH + ".new", slots.PATH)

    slots.write = write


def manifest_is_believed_before_its_signature() -> None:
    manifest.is_signed = lambda modulus, data, signature: True


def packs_of_what_runs_are_dropped() -> None:
    real = slot_files.dropped
    slot_files.dropped = lambda kept: real(kept[:1])


def slot_that_runs_is_cleared() -> None:
    real = slot_files.cleared

    def cleared(folder: str) -> object:
        if "/" not in folder:
            yield from real(slot_files.running())
        yield from real(folder)

    slot_files.cleared = cleared


def files_are_not_checked_before_the_switch() -> None:
    def complete(found: object, slot: str) -> object:
        yield
        return True

    switch.complete = complete


def trial_is_noted_after_the_answer() -> None:
    note, reply, late = switch.note, Desk.reply, []
    switch.note = lambda *told: late.append(told)

    def reply_first(self: Desk, request: int, reason: int) -> None:
        reply(self, request, reason)
        if reason == reasons.OK:
            note(*late.pop())

    Desk.reply = reply_first


def trial_is_not_counted() -> None:
    real = slots.write

    def write(state: dict) -> None:
        state["tries"] = 0
        real(state)

    slots.write = write


def confirmed_trial_stays_a_trial() -> None:
    def keep(self: object, shelf: object) -> None:
        self._state["slot"] = self.slot
        slots.write(self._state)

    start.Start._keep = keep


def floor_is_forgotten_in_a_confirmation() -> None:
    def keep(self: object, shelf: object) -> None:
        self._state["slot"], self._state["trial"], self._state["tries"] = self.slot, "", 0
        slots.write(self._state)

    start.Start._keep = keep
