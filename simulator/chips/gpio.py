"""The microcontroller's pins (RP2040 datasheet 1.9, 2.19): modes, pulls, what drives them, edges.

Fault: pins whose interrupts get lost. Not modelled: drive strength, Schmitt levels, contention currents, the RP2350's
pull-down erratum E9, level-triggered interrupts, several outside drivers on one pin (the last one counts).
"""

from collections.abc import Callable

IN = 0
OUT = 1
OPEN_DRAIN = 2
ALT = 3
PULL_UP = 1
PULL_DOWN = 2
FALLING = 4
RISING = 8
PINS = 30

Listener = Callable[[int, int], None]


class _Pin:
    __slots__ = ("irq", "level", "listeners", "mode", "output", "outside", "pull", "strap")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.outside: int | None = None
        self.strap: int | None = None
        self.level = 0
        self.reset()

    def reset(self) -> None:
        self.mode = IN
        self.pull = PULL_DOWN
        self.output = 0
        self.irq = 0

    def resolve(self) -> int:
        if self.mode == OUT or (self.mode == OPEN_DRAIN and not self.output):
            return self.output
        if self.outside is not None:
            return self.outside
        if self.strap is not None:
            return self.strap
        return 1 if self.pull & PULL_UP else 0


class Gpio:
    """All pins of the chip; `on_edge(pin, edge, t_us)` is told edges whose interrupt is enabled."""

    def __init__(self) -> None:
        self._pins = [_Pin() for _ in range(PINS)]
        self.on_edge: Callable[[int, int, int], None] | None = None
        self.deaf: set[int] = set()  # pins whose edges raise no interrupt, as when it is lost

    def level(self, pin: int) -> int:
        """Return the level on the pad."""
        return self._pins[pin].level

    def mode(self, pin: int) -> int:
        """Return the mode the firmware chose."""
        return self._pins[pin].mode

    def watch(self, pin: int, listener: Listener) -> None:
        """Call `listener(level, t_us)` whenever the level changes."""
        self._pins[pin].listeners.append(listener)

    def configure(self, pin: int, mode: int, pull: int, value: int | None, t_us: int) -> None:
        """Set mode, pulls and, when given, the output level first."""
        entry = self._pins[pin]
        if value is not None:
            entry.output = value
        entry.mode = mode
        entry.pull = pull
        self._update(pin, t_us)

    def set_output(self, pin: int, value: int, t_us: int) -> None:
        """Set the output register of a pin."""
        self._pins[pin].output = value
        self._update(pin, t_us)

    def set_irq(self, pin: int, edges: int) -> None:
        """Enable the interrupt for FALLING, RISING, both or 0."""
        self._pins[pin].irq = edges

    def drive(self, pin: int, level: int | None, t_us: int) -> None:
        """Drive the pin from outside, or let go with None."""
        self._pins[pin].outside = level
        self._update(pin, t_us)

    def strap(self, pin: int, level: int) -> None:
        """Fit a resistor of the board to 3.3 V (1) or ground (0); it wins over the chip's own pulls."""
        self._pins[pin].strap = level
        self._update(pin, 0)

    def reset(self, t_us: int) -> None:
        """Put all pins into their state after a reset; what drives them from outside stays."""
        for number, pin in enumerate(self._pins):
            pin.reset()
            self._update(number, t_us)

    def _update(self, number: int, t_us: int) -> None:
        pin = self._pins[number]
        level = pin.resolve()
        if level == pin.level:
            return
        pin.level = level
        for listener in pin.listeners:
            listener(level, t_us)
        edge = RISING if level else FALLING
        if pin.irq & edge and number not in self.deaf and self.on_edge is not None:
            self.on_edge(number, edge, t_us)
