"""The microcontroller as its pins see it: each message of the firmware goes to the chip that is wired there."""

import struct
from collections.abc import Callable

from simulator import bus as b
from simulator.bus import Bus, BusClosed, Message
from simulator.chips.gpio import Gpio
from simulator.chips.interfaces import I2cChip, PwmOutput, SelectedChip, SerialChip, ShiftedChip
from simulator.chips.usb_host import DeviceLink, UsbHost
from simulator.chips.watchdog import Watchdog
from simulator.clock import Clock

HARD, BOOTLOADER, SOFT = 0, 1, 2


class SpiBus:
    """The chips on one SPI bus: with a chip select each, or always listening."""

    def __init__(self) -> None:
        self.baudrate = 0
        self._selected: list[SelectedChip] = []
        self._listening: list[ShiftedChip] = []
        self._dead: list[SelectedChip] = []
        self.violations: list[str] = []

    def listen(self, chip: ShiftedChip) -> None:
        """Put a chip without a select on the bus: it sees every byte and never answers."""
        self._listening.append(chip)

    def attach(self, chip: SelectedChip, gpio: Gpio, cs_pin: int) -> None:
        """Put a chip on the bus whose select is on a pin."""
        gpio.watch(cs_pin, lambda level, t_us: self._select(chip, level, t_us))

    def detach(self, chip: SelectedChip) -> None:
        """Take a chip off the bus: it neither hears nor answers."""
        self._dead.append(chip)

    def _select(self, chip: SelectedChip, level: int, t_us: int) -> None:
        if chip in self._dead:
            return
        if level == 0 and chip not in self._selected:
            self._selected.append(chip)
            if len(self._selected) > 1:
                self.violations.append("two chips selected on one SPI bus")
            chip.select(t_us)
        elif level and chip in self._selected:
            self._selected.remove(chip)
            chip.deselect(t_us)

    def transfer(self, mosi: bytes, t_us: int) -> bytes:
        """Clock bytes through the selected chip; without one the line floats high."""
        miso = b"\xff" * len(mosi)
        for chip in self._selected:
            miso = chip.transfer(mosi, t_us)
        for chip in self._listening:
            chip.transfer(mosi, t_us)
        return miso

    def release(self, t_us: int) -> None:
        """Deselect everything, as when the firmware dies."""
        for chip in self._selected:
            chip.deselect(t_us)
        self._selected.clear()


class Soc(DeviceLink):
    """Pins and peripherals of the microcontroller. `on_reset(kind)` is called when the firmware asks for a reset."""

    def __init__(self, clock: Clock, on_reset: Callable[[int], None], on_bite: Callable[[], None]) -> None:
        self.clock = clock
        self._bus: Bus | None = None
        self.gpio = Gpio()
        self.gpio.on_edge = lambda pin, edge, t_us: self._post(b.PIN_EDGE, pin, edge)
        self.spi = {0: SpiBus(), 1: SpiBus()}
        self.i2c: dict[int, dict[int, I2cChip]] = {0: {}, 1: {}}
        self.uart: dict[int, SerialChip] = {}
        self.pwm: dict[int, PwmOutput] = {}
        self.watchdog = Watchdog(clock, on_bite)
        self.usb = UsbHost(clock, self)
        self.boot_answer: Callable[[], bytes] = bytes
        self.flash_room: Callable[[], bytes] = bytes
        self.main_ended: int | None = None
        self.messages = 0
        self._on_reset = on_reset
        self._handlers = {
            b.BOOT: self._boot,
            b.PIN_MODE: self._pin_mode,
            b.PIN_SET: self._pin_set,
            b.PIN_GET: self._pin_get,
            b.PIN_IRQ: lambda m: self.gpio.set_irq(m.unit, m.a),
            b.SPI_INIT: self._spi_init,
            b.SPI_WRITE: lambda m: self.spi[m.unit].transfer(m.payload, m.t_us),
            b.SPI_TRANSFER: self._spi_transfer,
            b.SPI_READ: self._spi_read,
            b.I2C_INIT: lambda m: None,
            b.I2C_WRITE: self._i2c_write,
            b.I2C_READ: self._i2c_read,
            b.UART_INIT: lambda m: None,
            b.UART_WRITE: self._uart_write,
            b.PWM: self._pwm,
            b.WDT_START: lambda m: self.watchdog.start(int.from_bytes(m.payload, "little"), m.t_us),
            b.WDT_FEED: lambda m: self.watchdog.feed(m.t_us),
            b.USB_CONFIG: self._usb_config,
            b.USB_ACTIVE: lambda m: self.usb.set_pull_up(bool(m.a)),
            b.USB_SUBMIT: lambda m: self.usb.submit(m.unit, m.a, m.payload),
            b.USB_STALL: lambda m: None,
            b.USB_CONTROL_REPLY: lambda m: self.usb.control_answered(bool(m.a)),
            b.RESET: lambda m: self._on_reset(m.a),
            b.MAIN_ENDED: self._main_ended,
            b.FLASH_ROOM: lambda m: self.bus.answer(m.op, 0, 0, self.flash_room()),
        }

    @property
    def bus(self) -> Bus:
        """Return the bus to the running firmware. Raises BusClosed when none runs."""
        if self._bus is None:
            raise BusClosed("no firmware runs")
        return self._bus

    def connect(self, bus: Bus | None) -> None:
        """Take the bus of a firmware that starts, or None when it has died."""
        self._bus = bus

    def posted(self) -> bool:
        """Return whether something waits to be told to the firmware."""
        return self._bus is not None and self._bus.posted > 0

    def handle(self, message: Message) -> None:
        """Carry one message to its chip and answer it where an answer is due. Raises BusClosed."""
        self.messages += 1
        self._handlers[message.op](message)

    def reset(self, t_us: int, soft: bool = False) -> None:
        """Put pins and peripherals into their state after a reset; a soft one leaves the image's own console be."""
        self._bus = None
        self.main_ended = None
        self.watchdog.reset()
        if not (soft and self.usb.console and self.usb.port is None):
            self.usb.set_pull_up(False)
        self.gpio.reset(t_us)
        for spi in self.spi.values():
            spi.release(t_us)
        for output in self.pwm.values():
            output(0, 0, t_us)

    def _post(self, op: int, unit: int = 0, a: int = 0, payload: bytes = b"") -> None:
        if self._bus is not None:
            self._bus.post(op, unit, a, payload)

    def keyboard_interrupt(self, on: bool) -> None:
        """Tell the firmware of a Ctrl-C at its console, or take that back."""
        self._post(b.KEYBOARD, 0, on)

    # -- pins

    def _boot(self, m: Message) -> None:
        self.bus.answer(m.op, 0, 0, self.boot_answer())

    def _pin_mode(self, m: Message) -> None:
        value = (m.a >> 9) & 1 if m.a & 0x100 else None
        self.gpio.configure(m.unit, m.a & 0x0F, (m.a >> 4) & 3, value, m.t_us)

    def _pin_set(self, m: Message) -> None:
        self.gpio.set_output(m.unit, m.a, m.t_us)

    def _pin_get(self, m: Message) -> None:
        self.bus.answer(m.op, m.unit, self.gpio.level(m.unit))

    def _pwm(self, m: Message) -> None:
        freq_hz, duty = struct.unpack("<IH", m.payload)
        output = self.pwm.get(m.unit)
        if output is not None:
            output(freq_hz, duty if m.a else 0, m.t_us)

    # -- buses

    def _spi_init(self, m: Message) -> None:
        self.spi[m.unit].baudrate = int.from_bytes(m.payload[:4], "little")

    def _spi_transfer(self, m: Message) -> None:
        self.bus.answer(m.op, m.unit, 0, self.spi[m.unit].transfer(m.payload, m.t_us))

    def _spi_read(self, m: Message) -> None:
        mosi = bytes((m.a & 0xFF,)) * int.from_bytes(m.payload, "little")
        self.bus.answer(m.op, m.unit, 0, self.spi[m.unit].transfer(mosi, m.t_us))

    def _i2c_write(self, m: Message) -> None:
        chip = self.i2c[m.unit].get(m.a & 0x7F)
        if chip is None:
            self.bus.answer(m.op, m.unit, b.NACK)
            return
        chip.write(m.payload, m.t_us)
        self.bus.answer(m.op, m.unit, len(m.payload))

    def _i2c_read(self, m: Message) -> None:
        count = int.from_bytes(m.payload, "little")
        chip = self.i2c[m.unit].get(m.a & 0x7F)
        if chip is None:
            self.bus.answer(m.op, m.unit, b.NACK, b"\xff" * count)
        else:
            self.bus.answer(m.op, m.unit, 0, chip.read(count, m.t_us))

    def _uart_write(self, m: Message) -> None:
        device = self.uart.get(m.unit)
        if device is not None:
            device.receive(m.payload, m.t_us)

    def uart_data(self, unit: int, data: bytes) -> None:
        """Deliver bytes a chip has sent to a UART."""
        self._post(b.UART_DATA, unit, 0, data)

    # -- USB

    def _usb_config(self, m: Message) -> None:
        device_size, config_size = struct.unpack_from("<HH", m.payload)
        at = 4 + device_size + config_size
        strings = {}
        while at < len(m.payload):
            index, size = m.payload[at], m.payload[at + 1]
            strings[index] = m.payload[at + 2 : at + 2 + size]
            at += 2 + size
        device, rest = m.payload[4 : 4 + device_size], m.payload[4 + device_size :]
        self.usb.describe(device, rest[:config_size], strings, m.a)

    def bus_reset(self) -> None:
        """Tell the device of a bus reset."""
        self._post(b.USB_BUS_RESET)

    def configured(self, on: bool) -> None:
        """Tell the device that it is configured."""
        self._post(b.USB_STATE, 0, 1 if on else 0)

    def open_interface(self, offset: int, length: int) -> None:
        """Tell the device that an interface group was accepted."""
        self._post(b.USB_OPEN, 0, offset, length.to_bytes(2, "little"))

    def setup(self, packet: bytes, data: bytes) -> None:
        """Send a control request."""
        self._post(b.USB_SETUP, 0, 0, packet + data)

    def transfer_done(self, ep: int, count: int, data: bytes) -> None:
        """Tell the device that a transfer is complete."""
        self._post(b.USB_XFER, ep, count, data)

    def _main_ended(self, m: Message) -> None:
        self.main_ended = m.a
