"""Read back how a ST7789V or ST7796S fares, where its data line back is wired: command 0Ah, a byte, no dummy clock."""

from micropython import const

_RDDPM = const(0x0A)
_SLEEP_OUT_AND_ON = const(0x14)
_READ_HZ = const(6_000_000)  # read cycle of the ST7789V: 150 ns at least


def shows(lcd: object, bus_hz: int) -> bool:
    """Return whether the controller says that it is awake and shows; the bus then runs at `bus_hz` again."""
    found = bytearray(1)
    lcd.spi.init(baudrate=_READ_HZ)
    lcd.dc(0)
    lcd.cs(0)
    lcd.spi.write(bytes((_RDDPM,)))
    lcd.dc(1)
    lcd.spi.readinto(found)
    lcd.cs(1)
    lcd.spi.init(baudrate=bus_hz)
    return found[0] != 0xFF and found[0] & _SLEEP_OUT_AND_ON == _SLEEP_OUT_AND_ON
