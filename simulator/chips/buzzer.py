"""Passive piezo buzzer on a PWM output: the tones it makes. Not modelled: loudness and resonance."""

from collections.abc import Callable
from typing import NamedTuple


class Tone(NamedTuple):
    """A change of what is heard: from `t_us` on `freq_hz`, 0 is silence."""

    t_us: int
    freq_hz: int


class Buzzer:
    """One buzzer; `tones` lists every change, `on_change(tone)` is called with each."""

    def __init__(self) -> None:
        self.on_change: Callable[[Tone], object] | None = None
        self.violations: list[str] = []
        self.tones: list[Tone] = []

    def pwm(self, freq_hz: int, duty_u16: int, t_us: int) -> None:
        """Take the PWM's setting; duty 0 or full is silence."""
        heard = freq_hz if 0 < duty_u16 < 0xFFFF else 0
        if heard == (self.tones[-1].freq_hz if self.tones else 0):
            return
        self.tones.append(Tone(t_us, heard))
        if self.on_change is not None:
            self.on_change(self.tones[-1])

    def power_on(self, t_us: int) -> None:
        """Apply power: silent until driven."""

    def power_off(self, t_us: int) -> None:
        """Cut power."""
        self.pwm(0, 0, t_us)
