"""What a chip model offers to the bus it sits on. Times are µs of simulated time."""

from collections.abc import Callable
from typing import Protocol


class PoweredChip(Protocol):
    """Anything with a supply; `violations` lists what its datasheet forbids and the firmware did."""

    violations: list[str]

    def power_on(self, t_us: int) -> None:
        """Apply power."""

    def power_off(self, t_us: int) -> None:
        """Cut power at this instant."""


class ShiftedChip(Protocol):
    """A chip that takes every byte of an SPI bus."""

    def transfer(self, mosi: bytes, t_us: int) -> bytes:
        """Shift bytes in; return the bytes shifted out."""
        ...


class SelectedChip(ShiftedChip, Protocol):
    """A chip on an SPI bus with a chip select."""

    def select(self, t_us: int) -> None:
        """Take the select low."""

    def deselect(self, t_us: int) -> None:
        """Take the select high."""


class I2cChip(Protocol):
    """A chip at one address of an I2C bus."""

    def write(self, data: bytes, t_us: int) -> None:
        """Take the bytes of a write."""

    def read(self, n: int, t_us: int) -> bytes:
        """Return the bytes of a read."""
        ...


class SerialChip(Protocol):
    """A chip on a UART."""

    def receive(self, data: bytes, t_us: int) -> None:
        """Take bytes of the firmware."""


PwmOutput = Callable[[int, int, int], None]  # freq_hz, duty_u16, t_us
