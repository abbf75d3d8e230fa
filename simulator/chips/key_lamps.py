"""The lamps of the keys and their common supply on board k5 (hardware/boards/k5/wiring.md): dim while a prompt plays.

Each lamp is an LED with a resistor, switched to ground by one channel of the ULN2003A behind the 74HC595. Their common
supply comes through Q2 while the voice module's BUSY pin says that nothing plays, else through R8 alone. Values are
those of the highest current that the parts' datasheets allow. Not modelled: the 65 µs that Q2 takes, spread of the
lamps, heat.
"""

from collections.abc import Callable

from simulator.chips.hc595 import HC595

LAMPS = 5
SUPPLY_V = 5.05  # USB's highest 5.25 V less the least of the Schottky diode at VSYS
SINK_V = 0.6  # the least of a ULN2003A's channel
LED_V = 2.0  # red, which takes more than the other colours
LAMP_OHM = 150  # in a red lamp for 5 V and 20 mA
DIM_OHM = 47  # R8


def current_ma(lit: int, dim: bool) -> float:
    """Return what `lit` lamps draw together, mA."""
    return 1000 * (SUPPLY_V - SINK_V - LED_V) / (LAMP_OHM / lit + (DIM_OHM if dim else 0)) if lit else 0.0


class KeyLamps:
    """The lamps behind a register. `on_change(t_us)` is called when those that are lit become dim or bright."""

    def __init__(self, register: HC595) -> None:
        self.on_change: Callable[[int], None] | None = None
        self.dim = False
        self._register = register

    @property
    def light(self) -> tuple[float, ...]:
        """Return the light of each lamp, from 0 to 1: its current by that of a lamp at the full supply."""
        lit = self._lit
        each = current_ma(lit, self.dim) / current_ma(lit, False) if lit else 0.0
        return tuple(each if self._register.outputs >> bit & 1 else 0.0 for bit in range(LAMPS))

    @property
    def ma(self) -> float:
        """Return what all lamps draw now, mA."""
        return current_ma(self._lit, self.dim)

    def speaks(self, on: bool, t_us: int) -> None:
        """Take the level of BUSY: whether a prompt plays."""
        if on != self.dim:
            self.dim = on
            if self._lit and self.on_change is not None:
                self.on_change(t_us)

    @property
    def _lit(self) -> int:
        return (self._register.outputs & (1 << LAMPS) - 1).bit_count()
