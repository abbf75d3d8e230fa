"""Boards as data, and the joining of a board's data with the drivers.

`k5.py` and `t35.py` hold data only; the test bench reads the same files, so nothing here touches hardware at import.
"""


class Hardware:
    """The drivers of one board. Nothing has been started; each driver says what its `start` does."""

    def __init__(self) -> None:
        self.board = None
        self.nor = None
        self.lcd = None
        self.touch = None  # only where there is no key for each level
        self.lamps = None  # only in keys
        self.rtc = None
        self.keys = None
        self.buzzer = None
        self.voice = None
        self.watchdog = None
        self.link = None


# Numbers of the contacts of `Hardware.keys`: the level keys have their own, 1 to 5.
_NUMBERS = {"function": 6, "clerk": 7}
CASE = 8


def load(name: str) -> dict:
    """Return the data of a board by its name; ImportError for an unknown one."""
    return getattr(__import__("boards." + name), name).BOARD


def start_usb(board: dict, serial: str, console: bool) -> None:
    """Bring up the data port, and a console beside it when asked; for boot.py."""
    from asyncio import ThreadSafeFlag

    from drivers import link_usb

    link_usb.start(board["usb"], serial, console, ThreadSafeFlag(), ThreadSafeFlag())


def build(board: dict) -> Hardware:
    """Return the drivers of a board, biggest buffers first; raises only what a wrong board description causes."""
    import machine

    from drivers import link_usb, watchdog

    machine.freq(*board["freq_hz"])
    hardware = Hardware()
    hardware.board = board
    hardware.link = link_usb.opened() or _uart_link(board)
    buses = _spi(board)
    i2c = _i2c(board)
    hardware.lcd = _lcd(board["chips"]["lcd"], buses)
    if "lamps" in board["chips"]:
        hardware.lamps = _lamps(board, buses)
    if "touch" in board["chips"]:
        hardware.touch = _touch(board["chips"], i2c)
    hardware.nor = _nor(board["chips"]["nor"], buses)
    hardware.rtc = _rtc(board["chips"]["rtc"], i2c)
    hardware.buzzer = _buzzer(board["chips"]["buzzer"])
    hardware.voice = _voice(board)
    hardware.keys = _keys(board)
    hardware.watchdog = watchdog.Watchdog()
    return hardware


def at_the_bench(board: dict) -> tuple:
    """Return (memory of the journal, clock chip) alone, for work at the prompt; nothing is started."""
    return _nor(board["chips"]["nor"], _spi(board)), _rtc(board["chips"]["rtc"], _i2c(board))


def _uart_link(board: dict) -> object:
    """Return the link over the UART, where the settings choose it."""
    from asyncio import StreamReader, ThreadSafeFlag

    from machine import UART, Pin

    from drivers.link_uart import UartLink

    data = board["uart"][board["link_uart"]]
    pins = {"tx": Pin(data["tx"]), "rx": Pin(data["rx"])}
    uart = UART(board["link_uart"], baudrate=data["baudrate"], rxbuf=2048, txbuf=512, **pins)
    return UartLink(StreamReader(uart), ThreadSafeFlag())


def _spi(board: dict) -> dict:
    """Return the SPI buses by number."""
    from machine import SPI, Pin

    buses = {}
    for number, bus in board["spi"].items():
        pins = {"sck": Pin(bus["sck"]), "mosi": Pin(bus["mosi"])}
        if bus["miso"] is not None:
            pins["miso"] = Pin(bus["miso"])
        buses[number] = SPI(number, baudrate=bus["baudrate_hz"], **pins)
    return buses


def _lcd(data: dict, buses: dict) -> object:
    from machine import PWM, Pin

    if data["chip"] == "st7796":
        from drivers.lcd_st7796 import Lcd
    else:
        from drivers.lcd_st7789 import Lcd

    cs, dc = Pin(data["cs"], Pin.OUT, value=1), Pin(data["dc"], Pin.OUT, value=1)
    backlight = PWM(Pin(data["backlight"]))
    size = (data["width"], data["height"])
    return Lcd(buses[data["spi"]], cs, dc, backlight, size[0], size[1], data["madctl"], data["inverted"])


def _lamps(board: dict, buses: dict) -> object:
    from machine import Pin

    from drivers.lamps_hc595 import Lamps

    data = board["chips"]["lamps"]
    latch = Pin(data["latch"], Pin.OUT, value=0)
    lamps = Lamps(buses[data["spi"]], latch, data["baudrate_hz"], board["spi"][data["spi"]]["baudrate_hz"])
    lamps.set(0)  # the register wakes up with whatever it likes
    return lamps


def _nor(data: dict, buses: dict) -> object:
    from machine import Pin

    from drivers.nor_w25q import Nor

    return Nor(buses[data["spi"]], Pin(data["cs"], Pin.OUT, value=1), data["size_bytes"], data["jedec"])


def _i2c(board: dict) -> dict:
    """Return the I2C buses by number."""
    from machine import I2C, Pin

    return {
        number: I2C(number, freq=bus["freq_hz"], scl=Pin(bus["scl"]), sda=Pin(bus["sda"]))
        for number, bus in board["i2c"].items()
    }


def _rtc(data: dict, buses: dict) -> object:
    from drivers.rtc_ds3231 import Rtc

    return Rtc(buses[data["i2c"]], data["address"])


def _touch(chips: dict, buses: dict) -> object:
    from asyncio import ThreadSafeFlag

    from machine import Pin

    from drivers.touch_ft6336 import Touch

    data = chips["touch"]
    interrupt = Pin(data["interrupt"], Pin.IN, Pin.PULL_UP)
    height = chips["lcd"]["height"]
    return Touch(buses[data["i2c"]], data["address"], interrupt, Pin.IRQ_FALLING, ThreadSafeFlag(), height)


def _buzzer(data: dict) -> object:
    from machine import PWM, Pin

    from drivers.buzzer_pwm import Buzzer

    return Buzzer(PWM(Pin(data["pwm"])))


def _voice(board: dict) -> object:
    from machine import UART, Pin

    data = board["chips"]["voice"]
    if data["chip"] == "dfplayer":
        from drivers.voice_dfplayer import Voice
    else:
        from drivers.voice_jq8900 import Voice

    line = board["uart"][data["uart"]]
    uart = UART(data["uart"], baudrate=line["baudrate"], tx=Pin(line["tx"]), rx=None)
    return Voice(uart, Pin(data["busy"], Pin.IN), data["busy_level"])


def _keys(board: dict) -> object:
    from asyncio import ThreadSafeFlag

    from machine import Pin

    from drivers.keys import Keys

    gpios = [(_NUMBERS.get(name, name), gpio) for name, gpio in board["keys"]] + [(CASE, board["case_switch"])]
    pins = tuple([(number, Pin(gpio, Pin.IN, Pin.PULL_UP)) for number, gpio in gpios])
    return Keys(pins, ThreadSafeFlag(), Pin.IRQ_FALLING | Pin.IRQ_RISING)
