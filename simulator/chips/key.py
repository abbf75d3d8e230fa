"""A push button to ground with contact bounce.

Bounce: 2 to 6 short openings within BOUNCE_US after the first touch and after the first release, as measured on
tact switches (figures of 0.1 to 6 ms are common); lengths come from the seeded generator.
Not modelled: contact resistance, dirt, a key that conducts to its neighbour.
"""

import random

from simulator.chips.gpio import Gpio
from simulator.clock import Clock

BOUNCE_US = 4_000


class Key:
    """One key on one pin, low while pressed."""

    def __init__(self, gpio: Gpio, pin: int, clock: Clock, rng: random.Random, bounce: bool = True) -> None:
        self._gpio = gpio
        self._pin = pin
        self._clock = clock
        self._rng = rng
        self.bounces = bounce
        self._change = 0
        self.down = False
        self.stuck = False

    def press(self) -> None:
        """Close the contact, with bounce; nothing happens when it is closed already."""
        if not self.down:
            self.down = True
            self._settle(0)

    def release(self) -> None:
        """Open the contact, with bounce; a stuck key stays closed."""
        if self.down and not self.stuck:
            self.down = False
            self._settle(None)

    def stick(self) -> None:
        """Close the contact for good, until `free`."""
        self.stuck = True
        self.press()

    def free(self) -> None:
        """Let a stuck key go."""
        self.stuck = False
        self.release()

    def _settle(self, level: int | None) -> None:
        """Move the pin to `level` now, bounce back a few times, and stay there."""
        self._change += 1
        self._set(level, self._change)
        if not self.bounces:
            return
        times = sorted(self._rng.randrange(100, BOUNCE_US) for _ in range(2 * self._rng.randrange(2, 7)))
        other = None if level == 0 else 0
        now_us = self._clock.now_us
        for index, delay_us in enumerate(times):
            self._later(now_us + delay_us, level if index % 2 else other)

    def _later(self, t_us: int, level: int | None) -> None:
        change = self._change
        self._clock.at(t_us, lambda: self._set(level, change))

    def _set(self, level: int | None, change: int) -> None:
        if change == self._change:
            self._gpio.drive(self._pin, level, self._clock.now_us)
