"""Lamps of the keys on a 74HC595 shift register (Nexperia, revision 11), which shares its SPI bus with the display.

The register has no chip select: it takes every byte of the bus and shows the last eight bits at the latch's rising
edge. Its clock is slower than the display's, so the bus is slowed down for the one byte.
"""


class Lamps:
    """Up to eight lamps; bit 0 is the lamp of key 1. Nothing here allocates after `__init__`."""

    def __init__(self, spi: object, latch: object, baudrate_hz: int, bus_hz: int) -> None:
        self._spi = spi
        self._latch = latch
        self._hz = baudrate_hz
        self._bus_hz = bus_hz
        self._byte = bytearray(1)

    def set(self, lit: int) -> None:
        """Light exactly the lamps whose bits are set."""
        self._byte[0] = lit
        self._spi.init(baudrate=self._hz)
        self._spi.write(self._byte)
        self._spi.init(baudrate=self._bus_hz)
        self._latch(1)
        self._latch(0)
