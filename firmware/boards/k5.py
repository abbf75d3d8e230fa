"""Data of board k5: five keys, a 2.8 inch display, Pico 2 (RP2350) or Pico (RP2040). No code.

Wiring for people: hardware/boards/k5/pinout.csv, which a test compares with this file. Pins are GPIO numbers.
"""

BOARD = {
    "name": "k5",
    # CPU and peripheral clock: SPI is capped at 24 MHz while the peripherals keep their default clock.
    "freq_hz": (125_000_000, 125_000_000),
    "spi": {
        # 74HC595 and ST7789V write only; 125 MHz / 4 keeps the ST7789V's 16 ns write cycle with room for wires
        0: {"sck": 18, "mosi": 19, "miso": None, "baudrate_hz": 31_250_000},
        1: {"sck": 10, "mosi": 11, "miso": 12, "baudrate_hz": 31_250_000},
    },
    "i2c": {1: {"sda": 26, "scl": 27, "freq_hz": 400_000}},
    "uart": {
        0: {"tx": 0, "rx": 1, "baudrate": 115_200},
        1: {"tx": 20, "rx": None, "baudrate": 9_600},
    },
    "link_uart": 0,
    "chips": {
        "lcd": {
            "chip": "st7789",
            "spi": 0,
            "cs": 17,
            "dc": 16,
            "backlight": 21,
            "width": 320,
            "height": 240,
            "madctl": 0x60,  # MX and MV: the connector is on the left of the landscape picture
            "inverted": True,  # IPS glass: colours are right with INVON
        },
        # no chip select: it sees every byte of SPI 0 and shows the last eight bits at the latch's rising edge
        "lamps": {"chip": "hc595", "spi": 0, "latch": 22, "count": 5, "baudrate_hz": 4_000_000},
        "nor": {"chip": "w25q", "spi": 1, "cs": 13, "jedec": 0xEF4016, "size_bytes": 4_194_304},
        "rtc": {"chip": "ds3231", "i2c": 1, "address": 0x68},
        "buzzer": {"chip": "buzzer", "pwm": 15},
        "voice": {"chip": "jq8900", "uart": 1, "busy": 14, "busy_level": 1},
    },
    # in the session's order: keys 1 to 5 (1 leftmost), function 6, clerk 7; active low with the pin's pull-up
    "keys": ((1, 2), (2, 3), (3, 4), (4, 5), (5, 6), ("function", 7), ("clerk", 8)),
    "case_switch": 9,  # closed (low) while the case is shut
    "maintenance_jumper": 28,  # low = set
    # pid.codes test id: a product must have its own before it is sold
    "usb": {"vid": 0x1209, "pid": 0x0001, "manufacturer": "Yiping", "product": "Yiping k5"},
}
