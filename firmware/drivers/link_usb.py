"""The data port over USB: one CDC-ACM interface made with machine.USBDevice (USB 2.0, CDC 1.2, PSTN 1.2).

A stream for link/peer: await `readable`, then `readinto`; `write` takes what fits, await `writable` for more room.
While the host's program has the port closed (DTR low), writes are dropped and nothing of them is sent later.
Nothing here allocates after `__init__`. Callbacks run between two bytecodes of the program, not inside one.
"""

import struct

import machine
from micropython import const

_EP_IN = const(0x80)
_PACKET = const(64)  # of a bulk endpoint at full speed
_SEND = const(63)  # shorter than a packet, so that the host sees the end of every transfer at once
_SLOTS = const(16)  # received packets that may wait; more stay at the host
_RING = const(2_048)  # bytes that may wait to be sent: a window of events fills it, heartbeats still fit

_STAGE_SETUP = const(1)
_STAGE_ACK = const(3)
_CLASS_INTERFACE = const(0x21)  # bmRequestType without the direction bit
_SET_LINE_CODING = const(0x20)
_GET_LINE_CODING = const(0x21)
_SET_CONTROL_LINE_STATE = const(0x22)
_DTR = const(1)

_CONFIGURATION_BYTES = const(9)
_MAX_POWER = const(225)  # 450 mA in units of 2 mA

_opened = []


class UsbLink:
    """The port. `readable` and `writable` are flags with `set()` and `wait()`, one waiter each."""

    def __init__(self, readable: object, writable: object, usb: object) -> None:
        self.readable = readable
        self.writable = writable
        self._usb = usb
        got = memoryview(bytearray(_PACKET * _SLOTS))
        self._got = [got[n * _PACKET : (n + 1) * _PACKET] for n in range(_SLOTS)]
        self._got_bytes = bytearray(_SLOTS)
        self._first = self._last = self._offset = 0
        self._receiving = self._sending = self._dtr = False
        self._ring = bytearray(_RING)
        self._head = self._tail = 0
        packet = memoryview(bytearray(_SEND))
        self._packets = [packet[:n] for n in range(_SEND + 1)]
        self._line_coding = bytearray(struct.pack("<IBBB", 115_200, 0, 0, 8))
        self._interface = self._ep_in = self._ep_out = 0

    # -- stream

    def connected(self) -> bool:
        """Return whether a program on the host has the port open."""
        return self._dtr

    def readinto(self, buffer: "bytearray | memoryview") -> int:
        """Move received bytes into `buffer`; return how many, 0 when none wait."""
        count = 0
        size = len(buffer)
        while count < size and self._first != self._last:
            slot = self._got[self._first]
            offset = self._offset
            end = self._got_bytes[self._first]
            while offset < end and count < size:
                buffer[count] = slot[offset]
                count += 1
                offset += 1
            if offset < end:
                self._offset = offset
            else:
                self._offset = 0
                self._first = (self._first + 1) % _SLOTS
        self._receive()
        return count

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """Take bytes to send; return how many fitted. With the port closed all are taken and dropped."""
        size = len(data)
        if not self._dtr:
            return size
        head = self._head
        room = (self._tail - head - 1) % _RING
        if size > room:
            size = room
        ring = self._ring
        for i in range(size):
            ring[head] = data[i]
            head += 1
            if head == _RING:
                head = 0
        self._head = head
        self._send()
        return size

    # -- transfers

    def _send(self) -> None:
        """Start to send what waits, unless a transfer is under way.

        All is noted before: the transfer may end, and call this again, before submit_xfer has returned.
        """
        start = tail = self._tail
        if self._sending or tail == self._head:
            return
        count = (self._head - tail) % _RING
        if count > _SEND:
            count = _SEND
        packet = self._packets[count]
        ring = self._ring
        for i in range(count):
            packet[i] = ring[tail]
            tail += 1
            if tail == _RING:
                tail = 0
        self._tail = tail
        self._sending = True
        if not self._usb.submit_xfer(self._ep_in, packet):
            self._sending = False
            if self._dtr:  # else what waited was dropped meanwhile
                self._tail = start

    def _receive(self) -> None:
        """Offer the host a free slot, unless one is offered already; noted before, as in `_send`."""
        if self._receiving or not self._ep_out or (self._last + 1) % _SLOTS == self._first:
            return
        self._receiving = True
        if not self._usb.submit_xfer(self._ep_out, self._got[self._last]):
            self._receiving = False

    def _clear(self) -> None:
        self._first = self._last
        self._offset = 0
        self._head = self._tail

    # -- called by the USB stack

    def on_open(self, descriptors: memoryview) -> None:
        """Take the host's choice of the configuration: transfers may start."""
        self._ep_out = self._ep_in & ~_EP_IN
        self._receiving = self._sending = False
        self._receive()

    def on_reset(self) -> None:
        """Forget everything: the host begins anew."""
        self._ep_out = 0
        self._receiving = self._sending = False
        self._set_dtr(False)

    def on_control(self, stage: int, request: memoryview) -> "bool | bytearray":
        """Answer a request to the interface: a buffer, True to go on, False to refuse."""
        if request[0] & 0x7F != _CLASS_INTERFACE or request[4] != self._interface:
            return False
        what = request[1]
        if what == _SET_CONTROL_LINE_STATE:
            if stage == _STAGE_ACK:
                self._set_dtr(bool(request[2] & _DTR))
            return True
        if what == _SET_LINE_CODING or what == _GET_LINE_CODING:
            return self._line_coding if stage == _STAGE_SETUP else True
        return False

    def on_transfer(self, endpoint: int, result: int, count: int) -> None:
        """Take the end of a transfer."""
        if endpoint == self._ep_in:
            self._sending = False
            self._send()
            self.writable.set()
        elif endpoint == self._ep_out:
            self._receiving = False
            if result == 0 and count:
                self._got_bytes[self._last] = count
                self._last = (self._last + 1) % _SLOTS
                self.readable.set()
            self._receive()

    def _set_dtr(self, dtr: bool) -> None:
        if dtr != self._dtr:
            self._dtr = dtr
            self._clear()
            self.readable.set()
            self.writable.set()

    # -- descriptors

    def configuration(self, builtin: object) -> bytes:
        """Return the configuration descriptor: the built-in driver's interfaces, then the data port's two."""
        control = builtin.itf_max
        notify = max(builtin.ep_max, 1)
        self._interface = control
        self._ep_in = notify + 1 | _EP_IN
        before = bytes(builtin.desc_cfg)[_CONFIGURATION_BYTES:]
        own = (
            struct.pack("<8B", 8, 0x0B, control, 2, 2, 2, 0, 0)  # association of both interfaces
            + struct.pack("<9B", 9, 0x04, control, 0, 1, 2, 2, 0, 0)  # communication, abstract control model
            + struct.pack("<3BH", 5, 0x24, 0x00, 0x0120)  # header: CDC 1.2
            + struct.pack("<5B", 5, 0x24, 0x01, 0, control + 1)  # call management: none
            + struct.pack("<4B", 4, 0x24, 0x02, 0x02)  # line coding and control line state
            + struct.pack("<5B", 5, 0x24, 0x06, control, control + 1)  # union
            + struct.pack("<4BHB", 7, 0x05, notify | _EP_IN, 3, 8, 16)  # notifications, never used
            + struct.pack("<9B", 9, 0x04, control + 1, 0, 2, 0x0A, 0, 0, 0)  # data
            + struct.pack("<4BHB", 7, 0x05, notify + 1, 2, _PACKET, 0)
            + struct.pack("<4BHB", 7, 0x05, self._ep_in, 2, _PACKET, 0)
        )
        total = _CONFIGURATION_BYTES + len(before) + len(own)
        return struct.pack("<BBHBBBBB", 9, 2, total, control + 2, 1, 0, 0x80, _MAX_POWER) + before + own


def close_console() -> object:
    """Take the built-in serial console off the bus; return the USB device, inactive."""
    usb = machine.USBDevice()
    usb.active(False)
    usb.builtin_driver = usb.BUILTIN_NONE
    return usb


def start(board_usb: dict, serial: str, console: bool, readable: object, writable: object) -> None:
    """Bring up the data port, beside the console only when `console`; for boot.py, once."""
    usb = close_console()
    if console:
        usb.builtin_driver = usb.BUILTIN_DEFAULT
    link = UsbLink(readable, writable, usb)
    builtin = usb.builtin_driver
    configuration = link.configuration(builtin)
    ids = struct.pack("<HHH", board_usb["vid"], board_usb["pid"], 0x0100)
    device = struct.pack("<BBHBBBB", 18, 1, 0x0200, 0xEF, 0x02, 0x01, 64) + ids + bytes((1, 2, 3, 1))
    strings = [None, board_usb["manufacturer"], board_usb["product"], serial]
    while len(strings) < builtin.str_max:
        strings.append(None)
    usb.config(device, configuration, strings, link.on_open, link.on_reset, link.on_control, link.on_transfer)
    usb.active(True)
    _opened.append(link)


def opened() -> "UsbLink | None":
    """Return the port that boot.py started, if it did; the chip has only one, and main.py is a program of its own."""
    return _opened[0] if _opened else None
