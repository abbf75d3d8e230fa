"""74HC595 shift register with output latch (Nexperia data sheet, revision 11, 2020), driving the lamps of the keys.

Modelled: every byte on its bus shifts in, whoever is selected; the rising edge of the latch shows the last eight bits;
outputs random after power-up until the first latch. Not modelled: /MR and /OE (tied), clock limits.
"""

import random
from collections.abc import Callable


class HC595:
    """One register. `on_change(t_us)` is called when an output changes."""

    def __init__(self, seed: int = 1) -> None:
        self.on_change: Callable[[int], None] | None = None
        self.violations: list[str] = []
        self._rng = random.Random(seed)
        self._shift = 0
        self._latch = 0
        self.outputs = 0  # Q0 is bit 0

    def power_on(self, t_us: int) -> None:
        """Apply power: outputs are whatever they are."""
        self._show(self._rng.getrandbits(8), t_us)

    def power_off(self, t_us: int) -> None:
        """Cut power: all outputs low."""
        self._show(0, t_us)

    def transfer(self, mosi: bytes, t_us: int) -> bytes:
        """Shift bytes in, most significant bit first; the first bit of a byte ends in Q7."""
        if mosi:
            self._shift = mosi[-1]
        return bytes(len(mosi))

    def set_pin(self, name: str, level: int, t_us: int) -> None:
        """Take the level of the latch pin (`latch`, STCP)."""
        if name != "latch":
            return
        if level and not self._latch:
            self._show(self._shift, t_us)
        self._latch = level

    def _show(self, outputs: int, t_us: int) -> None:
        if outputs != self.outputs:
            self.outputs = outputs
            if self.on_change is not None:
                self.on_change(t_us)
