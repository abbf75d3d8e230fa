"""The chip's `machine` module (RP2 port), every access carried to the simulator."""

import _buses
import _bus
from _buses import I2C, SPI
from _pins import Pin, Signal
from _timers import PWM, RTC, WDT
from _uart import UART
from _usb import USBDevice
from micropython import const

PWRON_RESET = const(1)
WDT_RESET = const(3)
_RESET = const(0x39)
_USB_HZ = const(48_000_000)

_cpu_hz = 150_000_000


def reset() -> None:
    """Reset the chip; does not return."""
    _bus.post(_RESET, 0, 0)
    while True:
        _bus.wait(_bus.FOREVER)


def soft_reset() -> None:
    """End the program as Ctrl-D does."""
    raise SystemExit


def bootloader(timeout=0) -> None:
    """Restart into the ROM's boot loader; does not return."""
    _bus.post(_RESET, 0, 1)
    while True:
        _bus.wait(_bus.FOREVER)


def reset_cause() -> int:
    """Return PWRON_RESET, or WDT_RESET after a bite and after reset(), which uses the watchdog."""
    return _bus.cause


def unique_id() -> bytes:
    """Return the 8-byte id of the flash chip."""
    return _bus.unique_id


def freq(hz=None, peripheral=None):
    """Return the processor's frequency in Hz, or set it and that of the peripherals."""
    global _cpu_hz
    if hz is None:
        return _cpu_hz
    if not 10_000_000 <= hz <= 300_000_000:
        raise ValueError("cannot change frequency")
    if peripheral is not None:
        if peripheral not in (_USB_HZ, hz):
            raise ValueError("peripheral freq must be 48_000_000 or the same as the MCU freq")
        _buses.peripheral_hz = peripheral
    _cpu_hz = hz


def idle() -> None:
    """Wait for an event, at most 1 ms."""
    _bus.wait(_bus.now() + 1000)


def disable_irq() -> int:
    """Hold interrupts back; returns the state for `enable_irq`."""
    return _bus.mask()


def enable_irq(state: int) -> None:
    """Restore the state that `disable_irq` returned."""
    _bus.unmask(state)


def lightsleep(ms=None) -> None:
    """Sleep for a number of ms."""
    _bus.wait(_bus.FOREVER if ms is None else _bus.now() + ms * 1000)


def deepsleep(ms=None) -> None:
    """Sleep, then reset."""
    lightsleep(ms)
    reset()
