"""Data of board t35: a 3.5 inch touch display, Pico 2 (RP2350). No code.

Wiring for people: hardware/boards/t35/pinout.csv, which a test compares with this file. Pins are GPIO numbers.
"""

BOARD = {
    "name": "t35",
    # CPU and peripheral clock: SPI is capped at 24 MHz while the peripherals keep their default clock.
    "freq_hz": (125_000_000, 125_000_000),
    "spi": {
        # what modules with an ST7796S are commonly run at; its datasheet promises less (hardware/chips/st7796.md)
        0: {"sck": 18, "mosi": 19, "miso": None, "baudrate_hz": 24_000_000},
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
            "chip": "st7796",
            "spi": 0,
            "cs": 17,
            "dc": 16,
            "backlight": 21,
            "width": 480,
            "height": 320,
            "madctl": 0x68,  # MX and MV: the connector is on the left of the landscape picture; BGR filter
            "inverted": True,  # IPS glass: colours are right with INVON
        },
        "touch": {"chip": "ft6336", "i2c": 1, "address": 0x38, "interrupt": 22},
        "nor": {"chip": "w25q", "spi": 1, "cs": 13, "jedec": 0xEF4016, "size_bytes": 4_194_304},
        "rtc": {"chip": "ds3231", "i2c": 1, "address": 0x68},
        "buzzer": {"chip": "buzzer", "pwm": 15},
        "voice": {"chip": "jq8900", "uart": 1, "busy": 14, "busy_level": 1},
    },
    # active low with the pin's pull-up; the levels are columns of the display
    "keys": (("function", 7), ("clerk", 8)),
    "case_switch": 9,  # closed (low) while the case is shut
    "maintenance_jumper": 28,  # low = set
    # pid.codes test id: a product must have its own before it is sold
    "usb": {"vid": 0x1209, "pid": 0x0001, "manufacturer": "Yiping", "product": "Yiping t35"},
}
