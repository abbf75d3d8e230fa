"""Keep the firmware of the chosen slot running; part of the bootstrap, see slots.py. Ends only in a reset.

With the maintenance jumper set it ends in the prompt, at Ctrl-C or a fault, so that tools can work at the console.
"""

import sys
import time

import machine

_BREATH_S = 5  # less than the watchdog's time; a terminal that cannot start must not wear out its journal. A trial
# that fails goes back to the confirmed firmware at its next start: nobody has to wait for that.

try:
    import entry

    entry.run(maintained)  # noqa: F821 # pyright: ignore[reportUndefinedVariable], set by boot.py
except BaseException as error:  # noqa: BLE001 - whatever it is, a reset is the cure
    sys.print_exception(error)
    if not maintained and not on_trial:  # noqa: F821 # pyright: ignore[reportUndefinedVariable], set by boot.py
        time.sleep(_BREATH_S)
finally:
    if not maintained:  # noqa: F821 # pyright: ignore[reportUndefinedVariable]
        machine.reset()
