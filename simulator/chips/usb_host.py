"""A USB 2.0 full-speed host with the Linux cdc-acm driver, seen from the device (USB 2.0 chapter 9, CDC 1.2, PSTN 1.2).

Modelled: attach debounce, bus reset, the descriptors it reads and checks, SET_CONFIGURATION, SET_LINE_CODING and
SET_CONTROL_LINE_STATE on open and close, bulk transfers in packets of the endpoint's size, an IN endpoint that is not
read while the port is closed (its transfer stays pending, as with the real driver), silence when the cable is out
(the device is not told), a control request that is never answered, requests that the driver itself never makes.
Not modelled: suspend and resume, other classes, isochronous, error retries, hubs, the 1 ms frame grid.
"""

from collections.abc import Callable

from simulator.chips.usb_descriptors import AcmPort, DescriptorError, parse
from simulator.clock import Clock, Timed

DEBOUNCE_US = 100_000  # USB 2.0 7.1.7.3
RESET_US = 10_000
ENUMERATE_US = 20_000  # descriptors and SET_CONFIGURATION; desktop hosts take 10 to 100 ms
PACKET_US = 55  # 64 bytes at 12 Mbit/s with token, handshake and turnaround; in real time the host's own delay does
CONTROL_US = 1_000
CONTROL_TIMEOUT_US = 5_000_000
OUT_LIMIT_BYTES = 4096  # cdc-acm: 16 write buffers; more than this waits in the tty

_CLASS_OUT = 0x21
_SET_LINE_CODING = 0x20
_SET_CONTROL_LINE_STATE = 0x22
DTR, RTS = 1, 2
_SERIAL_NUMBER_AT = 16  # in the device descriptor


class DeviceLink:
    """What the host says to the device controller; the microcontroller's side implements it."""

    def bus_reset(self) -> None:
        """Reset the bus: transfers under way never complete."""

    def configured(self, on: bool) -> None:
        """Set or clear the configuration."""

    def open_interface(self, offset: int, length: int) -> None:
        """Accept an interface group of the configuration descriptor."""

    def setup(self, packet: bytes, data: bytes) -> None:
        """Begin a control transfer; the device answers with `UsbHost.control_answered`."""

    def transfer_done(self, ep: int, count: int, data: bytes) -> None:
        """Complete a transfer of the device."""


class UsbHost:
    """One host port with one cable. `port` is the serial port the driver offers, or None."""

    def __init__(self, clock: Clock, device: DeviceLink) -> None:
        self._clock = clock
        self._device = device
        self._pull_up = False
        self._descriptors: tuple[bytes, bytes, dict[int, bytes]] | None = None
        self._builtin_itfs = 0
        self._step: Timed | None = None
        self.plugged = True
        self.violations: list[str] = []
        self.refused: list[bytes] = []  # requests made by `request` that the device stalled
        self.on_port: Callable[[AcmPort | None], None] | None = None
        self.console = False  # the driver offers a port for the console that the image itself serves
        self.on_console: Callable[[bool], None] | None = None
        self.on_data: Callable[[bytes], bool] | None = None
        self.on_sent: Callable[[bytes], None] | None = None
        self.to_device: Callable[[bytes], bytes] | None = None  # a fault of the line, see simulator/faults.py
        self.from_device: Callable[[bytes], bytes] | None = None
        self.line_state = 0
        self.line_coding = (115_200, 0, 0, 8)
        self.port: AcmPort | None = None
        self._drop_session()

    def _drop_session(self) -> None:
        self._open = False
        self._in_pending: dict[int, bytes] = {}
        self._in_timed: Timed | None = None
        self._out_want: dict[int, int] = {}
        self._out_part = bytearray()
        self._out_packets: list[bytes] = []
        self.out_bytes = 0
        self._controls: list[tuple[bytes, bytes, bool]] = []  # setup, data, whether the device may refuse it
        self._control_timeout: Timed | None = None
        self.line_state = 0

    # -- cable and device

    def set_plugged(self, plugged: bool) -> None:
        """Put the cable in or pull it out; the device notices only what comes over the bus."""
        if plugged == self.plugged:
            return
        self.plugged = plugged
        self._change()

    def describe(self, device: bytes, configuration: bytes, strings: dict[int, bytes], builtin_itfs: int = 0) -> None:
        """Take the descriptors the device will answer with; its first interfaces may be the image's own console."""
        self._descriptors = (device, configuration, strings)
        self._builtin_itfs = builtin_itfs

    @property
    def serial_number(self) -> str | None:
        """Return the device's iSerialNumber (USB 2.0, 9.6.1), None where it has none."""
        if self._descriptors is None:
            return None
        device, _, strings = self._descriptors
        text = strings.get(device[_SERIAL_NUMBER_AT])
        return None if text is None else text.decode()

    def set_pull_up(self, on: bool) -> None:
        """Take the device's pull-up on D+: on the bus or not."""
        if on != self._pull_up:
            self._pull_up = on
            self._change()

    def power_off(self) -> None:
        """The device lost its power."""
        self.set_pull_up(False)

    def _change(self) -> None:
        if self._step is not None:
            self._step.cancel()
            self._step = None
        if self._control_timeout is not None:
            self._control_timeout.cancel()
        if self._in_timed is not None:
            self._in_timed.cancel()
        self._drop_session()
        if self.port is not None:
            self.port = None
            if self.on_port is not None:
                self.on_port(None)
        self._set_console(False)
        if self._pull_up and self.plugged:
            self._step = self._clock.after(DEBOUNCE_US, self._reset)

    def _reset(self) -> None:
        self._device.bus_reset()
        self._step = self._clock.after(RESET_US + ENUMERATE_US, self._configure)

    def _configure(self) -> None:
        self._step = None
        if self._descriptors is None:
            self.violations.append("no descriptors")
            return
        try:
            port = parse(*self._descriptors)
        except DescriptorError as error:
            self.violations.append(f"descriptors refused: {error}")
            return
        self._set_console(self._builtin_itfs > 0)
        if port.control_itf < self._builtin_itfs:
            return  # nothing but the console: its requests never reach a program of the device
        self.port = port
        self._device.configured(True)
        for offset, length in port.groups:
            self._device.open_interface(offset, length)
        self._control(_SET_LINE_CODING, 0, _pack_coding((9600, 0, 0, 8)))
        if self.on_port is not None:
            self.on_port(port)

    def _set_console(self, present: bool) -> None:
        if present != self.console:
            self.console = present
            if self.on_console is not None:
                self.on_console(present)

    # -- what a program does with the port

    @property
    def opened(self) -> bool:
        """Return whether a program has the port open."""
        return self._open

    def open(self, baudrate: int = 115_200) -> None:
        """Open the port: DTR and RTS on, line coding, reading starts."""
        if self.port is None or self._open:
            return
        self._open = True
        self.line_coding = (baudrate, 0, 0, 8)
        self._set_lines(DTR | RTS)
        self._control(_SET_LINE_CODING, 0, _pack_coding(self.line_coding))
        self._deliver_later()

    def close(self) -> None:
        """Close the port: DTR and RTS off, reading stops, unsent data is dropped."""
        if not self._open:
            return
        self._open = False
        self._out_packets.clear()
        self.out_bytes = 0
        self._set_lines(0)

    def _set_lines(self, state: int) -> None:
        self.line_state = state
        self._control(_SET_CONTROL_LINE_STATE, state, b"")

    def room(self) -> int:
        """Return how many bytes `write` takes now."""
        return max(0, OUT_LIMIT_BYTES - self.out_bytes) if self._open else 0

    def write(self, data: bytes) -> None:
        """Queue bytes for the device: one request, sent in packets of the endpoint's size."""
        if not self._open or self.port is None:
            return
        if self.to_device is not None:
            data = self.to_device(data)
        if self.on_sent is not None:
            self.on_sent(data)
        size = self.port.packet_bytes
        self._out_packets += [data[i : i + size] for i in range(0, len(data), size)]
        self.out_bytes += len(data)
        self._pump_out()

    # -- transfers

    def submit(self, ep: int, length: int, data: bytes) -> None:
        """Take a transfer the device has made ready on an endpoint."""
        if self.port is None:
            return
        if ep & 0x80:
            self._in_pending[ep] = data
            if ep == self.port.notify_ep:
                self._clock.after(CONTROL_US, lambda: self._finish_notify(ep))
            else:
                self._deliver_later()
        elif ep == self.port.out_ep:
            self._out_want[ep] = length
            self._pump_out()
        else:
            self.violations.append(f"transfer on endpoint {ep:#04x}, which the descriptors do not have")

    def _finish_notify(self, ep: int) -> None:
        if self._open and self._in_pending.pop(ep, None) is not None:
            self._device.transfer_done(ep, 0, b"")

    def _deliver_later(self) -> None:
        """Read the IN endpoint after the time its packets take, when the port is open."""
        port = self.port
        if not self._open or port is None or self._in_timed is not None or port.in_ep not in self._in_pending:
            return
        self._in_timed = self._clock.after(self._wire_us(len(self._in_pending[port.in_ep])), self._deliver)

    def _wire_us(self, size: int) -> int:
        return (1 + size // 64) * PACKET_US if self._clock.virtual else 0

    def _deliver(self) -> None:
        self._in_timed = None
        port = self.port
        if not self._open or port is None or port.in_ep not in self._in_pending:
            return
        data = self._in_pending[port.in_ep]
        arrived = data if self.from_device is None else self.from_device(data)
        if arrived and self.on_data is not None and not self.on_data(arrived):
            # The program does not read: its buffers are full, the endpoint is asked again later.
            self._in_timed = self._clock.after(CONTROL_US, self._deliver)
            return
        del self._in_pending[port.in_ep]
        self._device.transfer_done(port.in_ep, len(data), b"")

    def _pump_out(self) -> None:
        """Move packets into the device's OUT transfer until it is full or a short packet ends it."""
        port = self.port
        if port is None or port.out_ep not in self._out_want:
            return
        want = self._out_want[port.out_ep]
        while self._out_packets:
            packet = self._out_packets[0]
            if len(self._out_part) + len(packet) > want:
                self.violations.append(f"OUT transfer of {want} bytes overrun by a packet of {len(packet)}")
            self._out_packets.pop(0)
            self.out_bytes -= len(packet)
            self._out_part += packet[: want - len(self._out_part)]
            if len(packet) < port.packet_bytes or len(self._out_part) == want:
                self._finish_out(port.out_ep)
                return

    def _finish_out(self, ep: int) -> None:
        data = bytes(self._out_part)
        self._out_part.clear()
        del self._out_want[ep]
        self._clock.after(self._wire_us(len(data)), lambda: self._out_done(ep, data))

    def _out_done(self, ep: int, data: bytes) -> None:
        if self.port is not None:
            self._device.transfer_done(ep, len(data), data)

    # -- control requests, one after the other

    def request(self, setup: bytes) -> None:
        """Make a request without data that a device may refuse, such as SEND_BREAK; see `refused`."""
        self._queue(setup, b"", True)

    def _control(self, request: int, value: int, data: bytes) -> None:
        itf = self.port.control_itf if self.port is not None else 0
        setup = bytes((_CLASS_OUT, request)) + b"".join(n.to_bytes(2, "little") for n in (value, itf, len(data)))
        self._queue(setup, data, False)

    def _queue(self, setup: bytes, data: bytes, may_refuse: bool) -> None:
        self._controls.append((setup, data, may_refuse))
        if len(self._controls) == 1:
            self._send_control()

    def _send_control(self) -> None:
        self._device.setup(*self._controls[0][:2])
        self._control_timeout = self._clock.after(CONTROL_TIMEOUT_US, self._control_unanswered)

    def _control_unanswered(self) -> None:
        self.violations.append(f"control request {self._controls[0][0].hex()} not answered in 5 s")
        self.control_answered(False)

    def control_answered(self, accepted: bool) -> None:
        """Take the device's answer to the oldest control request."""
        if not self._controls:
            return
        if self._control_timeout is not None:
            self._control_timeout.cancel()
        setup, _, may_refuse = self._controls.pop(0)
        if not accepted and may_refuse:
            self.refused.append(setup)
        elif not accepted:
            self.violations.append(f"control request {setup.hex()} stalled")
        if self._controls:
            self._send_control()


def _pack_coding(coding: tuple[int, int, int, int]) -> bytes:
    baudrate, stop, parity, bits = coding
    return baudrate.to_bytes(4, "little") + bytes((stop, parity, bits))
