"""machine.Pin and machine.Signal as the RP2 port has them."""

import _bus
from micropython import const

_PIN_MODE = const(0x02)
_PIN_SET = const(0x03)
_PIN_GET = const(0x04)
_PIN_IRQ = const(0x05)
_PIN_EDGE = const(0x81)
_PINS = const(30)
_HAS_VALUE = const(0x100)
_HIGH = const(0x200)


class PinIRQ:
    """The interrupt of one pin."""

    def __init__(self, pin) -> None:
        self._pin = pin
        self._handler = None
        self._trigger = 0
        self._flags = 0
        self._hard = False

    def flags(self) -> int:
        """Return which edges caused the last interrupt."""
        return self._flags

    def trigger(self, new=None) -> int:
        """Return the edges waited for; set them when given."""
        before = self._trigger
        if new is not None:
            self._trigger = new
            _bus.post(_PIN_IRQ, self._pin._id, new if self._handler else 0)
        return before

    def __call__(self) -> None:
        if self._handler is not None:
            _bus.run_handler(self._handler, self._pin, self._hard)


def _find(pin):
    if isinstance(pin, Pin):
        return pin._id
    if isinstance(pin, str):
        number = 25 if pin == "LED" else -1
        if pin.startswith("GP") or pin.startswith("GPIO"):
            digits = pin[4:] if pin.startswith("GPIO") else pin[2:]
            number = int(digits) if digits.isdigit() else -1
        if not 0 <= number < _PINS:
            raise ValueError('unknown named pin "%s"' % pin)
        return number
    if isinstance(pin, int) and 0 <= pin < _PINS:
        return int(pin)
    raise ValueError("invalid pin")


class Pin:
    """One GPIO; every call with the same id returns the same object."""

    IN = const(0)
    OUT = const(1)
    OPEN_DRAIN = const(2)
    ALT = const(3)
    PULL_UP = const(1)
    PULL_DOWN = const(2)
    IRQ_FALLING = const(4)
    IRQ_RISING = const(8)

    _all = {}

    def __new__(cls, id, *args, **kwargs):
        number = _find(id)
        pin = cls._all.get(number)
        if pin is None:
            pin = object.__new__(cls)
            pin._id = number
            pin._irq = None
            pin._level = 0
            pin._mode = 0
            cls._all[number] = pin
        return pin

    def __init__(self, id, mode=None, pull=None, *, value=None, alt: int = 5) -> None:
        if mode is not None or pull is not None or value is not None:
            self.init(mode, pull, value=value, alt=alt)

    def init(self, mode=None, pull=None, *, value=None, alt: int = 5) -> None:
        """Configure the pin; a pull of None is no pull."""
        if mode is None:
            mode = self._mode
        self._mode = mode
        a = mode | (pull or 0) << 4
        if mode == Pin.OPEN_DRAIN and value is None:
            value = 1
        if value is not None and mode != Pin.IN:
            self._level = 1 if value else 0
            a |= _HAS_VALUE | (_HIGH if value else 0)
        _bus.post(_PIN_MODE, self._id, a)

    def value(self, x=None):
        """Return the level, or set it."""
        if x is None:
            return _bus.call(_PIN_GET, self._id)
        self._level = 1 if x else 0
        _bus.post(_PIN_SET, self._id, self._level)

    __call__ = value

    def on(self) -> None:
        """Drive the pin high."""
        self.value(1)

    def off(self) -> None:
        """Drive the pin low."""
        self.value(0)

    high = on
    low = off

    def toggle(self) -> None:
        """Invert the driven level."""
        self.value(self._level ^ 1)

    def irq(self, handler=None, trigger=None, hard=None):
        """Set the interrupt handler; without arguments only return the interrupt object."""
        irq = self._irq
        if irq is None:
            irq = self._irq = PinIRQ(self)
            if handler is None and trigger is None and hard is None:
                return irq
        elif handler is None and trigger is None and hard is None:
            return irq
        irq._handler = handler
        irq._trigger = Pin.IRQ_FALLING | Pin.IRQ_RISING if trigger is None else trigger
        irq._hard = bool(hard)
        irq._flags = 0
        _bus.post(_PIN_IRQ, self._id, irq._trigger if handler is not None else 0)
        return irq

    def __repr__(self) -> str:
        return "Pin(GPIO%d, mode=%s)" % (self._id, ("IN", "OUT", "OPEN_DRAIN", "ALT")[self._mode])


def _on_edge(unit: int, a: int, payload) -> None:
    pin = Pin._all.get(unit)
    irq = None if pin is None else pin._irq
    if irq is not None and irq._handler is not None and irq._trigger & a:
        irq._flags = a & irq._trigger
        _bus.run_handler(irq._handler, pin, irq._hard)


_bus.handlers[_PIN_EDGE] = _on_edge


class Signal:
    """A pin whose level may be inverted."""

    def __init__(self, pin, *args, invert: bool = False, **kwargs) -> None:
        self._pin = pin if isinstance(pin, Pin) else Pin(pin, *args, **kwargs)
        self._invert = 1 if invert else 0

    def value(self, x=None):
        """Return the logical level, or set it."""
        if x is None:
            return self._pin.value() ^ self._invert
        self._pin.value((1 if x else 0) ^ self._invert)

    __call__ = value

    def on(self) -> None:
        """Make the signal active."""
        self.value(1)

    def off(self) -> None:
        """Make the signal inactive."""
        self.value(0)
