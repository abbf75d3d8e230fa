"""Choose which of the two firmwares on the flash runs. With boot.py and main.py the bootstrap: flashed over a cable
once and never changed over the link, so all that it knows of a firmware is `port.start` and `entry.run`.

slots.json: {"slot": "a", "trial": "", "tries": 0, "floor": 0, "back": 0}
slot   the confirmed firmware, "a" or "b"
trial  the firmware on trial, or ""
tries  starts of it that were begun; counted durably before any of it runs, so that it cannot start for ever. Another
       one follows only a power cut: a trial that ended in a reset, by itself or by the watchdog, is rolled back
floor  the least release that may be installed
back   why the last trial was rolled back, 0 = it was not; the next firmware to run tells it and sets 0
The file is never rewritten in place: a new one is written and flushed, then takes its name. When it is damaged all the
same, mending.py finds out what is on the flash.
"""

# pyright: reportOptionalSubscript=false
# What `read` does not find, mending does.

import json
import os
import sys

BOOTSTRAP = 1  # the number that a bundle may ask for
PATH = "slots.json"
_NEW = "slots.json.new"
_TRIES = 3
_ROLLED_BACK = 31  # protocol.reasons.WHY_ROLLED_BACK
_WATCHDOG_MS = 6_000
_BREATH_S = 5  # for a confirmed firmware that cannot start; a trial has another one to go back to, at once


def read() -> dict | None:
    """Return what slots.json says; None when it is not there or does not check."""
    try:
        with open(PATH) as file:
            state = json.load(file)
        slot, trial = state["slot"], state["trial"]
        numbers = (state["tries"], state["floor"], state["back"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if slot not in ("a", "b") or trial == slot or trial not in ("", "a", "b"):
        return None
    for number in numbers:
        if not isinstance(number, int) or number < 0:
            return None
    return state


def write(state: dict) -> None:
    """Write new, flush, rename; OSError when the file system fails."""
    with open(_NEW, "w") as file:
        json.dump(state, file)
        file.flush()
    os.rename(_NEW, PATH)


def choose(ended: bool = False) -> tuple:
    """Return the slot to run and whether it is on trial; a trial is counted, or rolled back.

    `ended`: the start before this one ended in a reset, not with the power. So did a trial that was begun: it does not
    work. One that lost its power is started three times.
    """
    state = read()
    changed = state is None
    try:
        if state is None:
            import mending

            state = mending.found()
            del sys.modules["mending"]
        if state["trial"]:
            changed = True
            if state["tries"] < (1 if ended else _TRIES):
                state["tries"] += 1
            else:
                state["trial"], state["tries"], state["back"] = "", 0, _ROLLED_BACK
        if changed:
            write(state)
    except OSError:  # what cannot be counted must not be tried
        return state["slot"] if state else "a", False
    return state["trial"] or state["slot"], bool(state["trial"])


def begin(maintained: bool) -> bool:
    """Have modules come from the chosen slot and let it open its port; what fails ends in a reset.

    Return whether that slot is on trial.
    With the maintenance jumper set it ends in the prompt, and there is a console in any case.
    """
    import machine

    on_trial = False
    try:
        slot, on_trial = choose(machine.reset_cause() == machine.WDT_RESET)  # on an RP2 after machine.reset(), too
        import libraries

        libraries.use(slot)
        del sys.modules["libraries"]
        if on_trial and not maintained:
            machine.WDT(timeout=_WATCHDOG_MS)  # a trial that hangs before it starts its own
        import port

        is_open = port.start(maintained)
    except BaseException as error:  # noqa: BLE001 - whatever it is, a reset is the cure
        sys.print_exception(error)
        is_open = False
        if not maintained:
            import time

            time.sleep(0 if on_trial else _BREATH_S)
            machine.reset()
    if maintained:
        if not is_open:
            usb = machine.USBDevice()
            usb.active(False)
            usb.builtin_driver = usb.BUILTIN_DEFAULT
            usb.active(True)
        import micropython

        micropython.kbd_intr(3)
    return on_trial
