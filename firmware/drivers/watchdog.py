"""Hardware watchdog, reset and its cause."""

import machine
from micropython import const

_TIMEOUT_MS = const(8_000)  # RP2040: at most 8.3 s


class Watchdog:
    """Reset the board unless `feed` is called at least every 8 s; cannot be stopped once started."""

    def __init__(self) -> None:
        self._wdt = None

    def start(self) -> None:
        """Start to count."""
        self._wdt = machine.WDT(timeout=_TIMEOUT_MS)

    def feed(self) -> None:
        """Start the count anew; nothing before `start`."""
        if self._wdt is not None:
            self._wdt.feed()


def was_watchdog() -> bool:
    """Return whether the last reset came from the watchdog; `machine.reset()` counts as one on RP2."""
    return machine.reset_cause() == machine.WDT_RESET


def was_power_on() -> bool:
    """Return whether the last reset was power-on."""
    return machine.reset_cause() == machine.PWRON_RESET


def reset() -> None:
    """Reset the board; does not return."""
    machine.reset()
