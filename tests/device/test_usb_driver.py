"""drivers/link_usb, started by port.py as boot.py does, against the USB host model."""

import random

import pytest

from simulator.terminal import SimTerminal
from tests.device.bench import printed, terminal

ECHO = """
link = hw.link
buffer = memoryview(bytearray(256))
async def run():
    while True:
        await link.readable.wait()
        count = link.readinto(buffer)
        while count:
            rest = buffer[:count]
            while len(rest):
                taken = link.write(rest)
                rest = rest[taken:]
                if len(rest):
                    await link.writable.wait()
            count = link.readinto(buffer)
asyncio.run(run())
"""
SLOW = """
link = hw.link
for n in range(200):
    link.write(bytes((n,)) * 50)
    time.sleep_ms(20)
"""


class Ends:
    """A peer that sends what it is given and keeps what comes back."""

    def __init__(self) -> None:
        self.to_send = b""
        self.got = bytearray()

    def receive(self, data: bytes, now_ms: int) -> list[tuple]:
        self.got += data
        return []

    def tick(self, now_ms: int) -> list[tuple]:
        return []

    def deadline_ms(self) -> int | None:
        return None

    def take_output(self) -> bytes:
        data, self.to_send = self.to_send, b""
        return data


@pytest.fixture
def echo(tmp_path) -> SimTerminal:
    with terminal(tmp_path, ECHO) as running:
        assert running.run_until(lambda: running.engine.soc.usb.port is not None, 2_000)
        yield running
        assert running.violations == []


def test_port_names_the_terminal_and_offers_no_console(echo):
    port = echo.engine.soc.usb.port
    assert (port.vid, port.pid) == (0x1209, 0x0001)
    assert (port.manufacturer, port.product, port.serial) == ("Yiping", "Yiping k5", "YP-0001")
    assert len(port.groups) == 1 and port.control_itf == 0


def test_maintenance_jumper_adds_the_console_beside_the_data_port(tmp_path):
    with terminal(tmp_path, "") as running:
        running.set_jumper(True)
        assert running.run_until(lambda: running.engine.soc.usb.port is not None, 2_000)
        assert len(running.engine.soc.usb.port.groups) == 2
        assert running.console() == ""


def test_control_c_in_the_data_does_not_stop_the_program(echo):
    ends = Ends()
    peer = echo.attach(ends)
    ends.to_send = b"\x03\x03\x04\x03"
    peer.pump()
    assert echo.run_until(lambda: len(ends.got) == 4, 1_000) and not echo.engine.main_ended


@pytest.mark.parametrize("size", [1, 62, 63, 64, 65, 126, 128, 2_047, 2_048, 2_049, 20_000])
def test_bytes_come_back_complete_and_in_order(echo, size):
    ends = Ends()
    peer = echo.attach(ends)
    data = random.Random(size).randbytes(size)
    ends.to_send = data
    peer.pump()
    assert echo.run_until(lambda: len(ends.got) >= size, 20_000), len(ends.got)
    echo.run_for(100)
    assert bytes(ends.got) == data


@pytest.mark.parametrize("room", [1, 7, 63])
def test_reader_with_less_room_than_a_packet_gets_all_of_it(tmp_path, room):
    with terminal(tmp_path, ECHO.replace("bytearray(256)", f"bytearray({room})")) as running:
        ends = Ends()
        peer = running.attach(ends)
        assert running.run_until(lambda: running.engine.soc.usb.opened, 2_000)
        ends.to_send = data = random.Random(room).randbytes(600)
        peer.pump()
        assert running.run_until(lambda: len(ends.got) >= 600, 20_000), len(ends.got)
        assert bytes(ends.got) == data


def test_writer_with_more_than_there_is_room_for_sends_all_of_it(tmp_path):
    main = """
data = memoryview(bytes(n * 7 & 255 for n in range(5_000)))
async def run():
    link, rest = hw.link, data
    while not link.connected():
        await link.writable.wait()
    taken = link.write(rest)
    print(taken)
    while taken < len(rest):
        rest = rest[taken:]
        await link.writable.wait()
        taken = link.write(rest)
asyncio.run(run())
"""
    with terminal(tmp_path, main) as running:
        ends = Ends()
        running.attach(ends)
        assert running.run_until(lambda: len(ends.got) >= 5_000, 20_000), len(ends.got)
        assert bytes(ends.got) == bytes(n * 7 & 255 for n in range(5_000))
        assert running.console().splitlines() == ["2047"]


def test_requests_that_a_modem_does_not_know_are_refused_and_the_port_goes_on(echo):
    ends = Ends()
    peer = echo.attach(ends)
    usb = echo.engine.soc.usb
    itf = usb.port.control_itf
    send_break = bytes((0x21, 0x23, 100, 0, itf, 0, 0, 0))  # PSTN 1.2, 6.3.13, as tcsendbreak makes it
    other_interface = bytes((0x21, 0x22, 1, 0, itf + 1, 0, 0, 0))
    vendor = bytes((0x40, 0x01, 0, 0, itf, 0, 0, 0))
    for setup in (send_break, other_interface, vendor):
        usb.request(setup)
    echo.run_for(100)
    assert usb.refused == [send_break, other_interface, vendor]
    usb.request(bytes((0xA1, 0x21, 0, 0, itf, 0, 7, 0)))  # GET_LINE_CODING
    ends.to_send = b"on"
    peer.pump()
    assert echo.run_until(lambda: bytes(ends.got) == b"on", 1_000)
    assert len(usb.refused) == 3


def test_writes_are_dropped_while_the_port_is_closed_and_never_sent_later(tmp_path):
    with terminal(tmp_path, SLOW) as running:
        running.run_for(1_500)
        ends = Ends()
        running.attach(ends)
        running.run_for(1_000)
        first = ends.got[0]
        assert first > 10 and ends.got[:50] == bytes([first]) * 50


def test_closing_and_opening_the_port_begins_with_empty_rings(tmp_path):
    with terminal(tmp_path, SLOW) as running:
        ends = Ends()
        peer = running.attach(ends)
        running.run_for(1_500)
        peer.detach()
        before = ends.got[-1]
        running.run_for(500)
        again = Ends()
        running.attach(again)
        running.run_for(500)
        assert again.got and again.got[0] > before + 10


def test_cable_pulled_and_put_back_enumerates_again_and_goes_on(echo):
    ends = Ends()
    peer = echo.attach(ends)
    ends.to_send = b"before"
    peer.pump()
    assert echo.run_until(lambda: bytes(ends.got) == b"before", 1_000)
    echo.unplug()
    echo.run_for(5_000)
    echo.plug()
    assert echo.run_until(lambda: echo.engine.soc.usb.opened, 2_000)
    ends.got.clear()
    ends.to_send = b"after"
    peer.pump()
    assert echo.run_until(lambda: bytes(ends.got) == b"after", 1_000)


def test_transfers_allocate_nothing(tmp_path):
    main = """
link = hw.link
buffer, data = bytearray(64), bytes(63)
while not link.connected():
    time.sleep_ms(10)
time.sleep_ms(100)
link._usb = type("Usb", (), {"submit_xfer": lambda self, endpoint, packet: True})()
def turn():
    link.write(data)
    link.on_transfer(link._ep_in, 0, 63)
    link.on_transfer(link._ep_out, 0, 64)
    link.readinto(buffer)
print(spent(turn))
"""
    with terminal(tmp_path, main) as running:
        running.attach(Ends())
        running.run_for(2_000)
        assert running.console().splitlines() == ["0"]


# A transfer may end, and be told, before submit_xfer has returned: callbacks run between two bytecodes.
AT_ONCE = """
from drivers.link_usb import UsbLink
class Flag:
    def set(self):
        pass
class Usb:
    def __init__(self):
        self.link = UsbLink(Flag(), Flag(), self)
        self.link._ep_in = 0x81
        self.sent = b""
        self.offered = 0
        self.takes = True
        self.told = False
    def submit_xfer(self, endpoint, data):
        if not self.takes:
            return False
        if endpoint & 0x80:
            self.sent += bytes(data)
            self.link.on_transfer(endpoint, 0, len(data))
        else:
            self.offered += 1
            if self.told:
                self.link.on_transfer(endpoint, 0, 1)
        return True
usb = Usb()
link = usb.link
link.on_open(None)
link._set_dtr(True)
data = bytes(range(200))
"""


def test_transfer_that_ends_at_once_sends_each_byte_once(tmp_path):
    lines = printed(tmp_path, AT_ONCE + "link.write(data)\nlink.write(data)\nprint(usb.sent == data + data)\n")
    assert lines == ["True"]


def test_transfer_that_is_not_taken_is_sent_with_the_next(tmp_path):
    main = AT_ONCE + (
        "usb.takes = False\nlink.write(data)\nprint(usb.sent == b'')\n"
        "usb.takes = True\nlink.write(b'!')\nprint(usb.sent == data + b'!')\n"
    )
    assert printed(tmp_path, main) == ["True", "True"]


def test_reception_that_ends_at_once_fills_the_slots_and_goes_on_when_they_are_read(tmp_path):
    main = AT_ONCE + (
        "usb.told = True\nlink.on_transfer(1, 0, 1)\nfull = usb.offered\nusb.told = False\n"
        "print(link.readinto(bytearray(64)) == 15)\nprint(usb.offered == full + 1)\n"
    )
    assert printed(tmp_path, main) == ["True", "True"]


def test_reception_that_is_not_taken_is_offered_again_with_the_next_read(tmp_path):
    main = AT_ONCE + (
        "offered = usb.offered\nlink.on_reset()\nusb.takes = False\nlink.on_open(None)\nprint(usb.offered == offered)\n"
        "usb.takes = True\nlink.readinto(bytearray(64))\nprint(usb.offered == offered + 1)\n"
    )
    assert printed(tmp_path, main) == ["True", "True"]
