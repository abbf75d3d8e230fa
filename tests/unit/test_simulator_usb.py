"""The USB host model: descriptors checked, transfers in packets, a port that is open, closed, unplugged."""

import random
import struct

import pytest

from simulator.chips.usb_descriptors import DescriptorError, parse
from simulator.chips.usb_host import DEBOUNCE_US, OUT_LIMIT_BYTES, DeviceLink, UsbHost
from simulator.clock import Clock
from simulator.faults import Noise
from tests.unit.simulated import ECHO, terminal

DEVICE = b"\x12\x01\x00\x02\xef\x02\x01\x40" + struct.pack("<HHH", 0x1209, 1, 0x100) + b"\x01\x02\x03\x01"
FUNCTION = (
    b"\x08\x0b\x00\x02\x02\x02\x00\x00"
    b"\x09\x04\x00\x00\x01\x02\x02\x00\x00"
    b"\x05\x24\x00\x20\x01\x05\x24\x01\x00\x01\x04\x24\x02\x02\x05\x24\x06\x00\x01"
    b"\x07\x05\x81\x03\x08\x00\x10"
    b"\x09\x04\x01\x00\x02\x0a\x00\x00\x00\x07\x05\x02\x02\x40\x00\x00\x07\x05\x82\x02\x40\x00\x00"
)
STRINGS = {1: b"Yiping", 2: b"Yiping k5", 3: b"YP-0001"}


def configuration(body: bytes = FUNCTION, interfaces: int = 2) -> bytes:
    """Return a configuration descriptor around interface descriptors."""
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), interfaces, 1, 0, 0x80, 225) + body


def second_function() -> bytes:
    """Return the same function again as interfaces 2 and 3, endpoints 3 and 4."""
    body = bytearray(FUNCTION)
    for offset, value in ((2, 2), (10, 2), (34, 2), (35, 3), (38, 0x83), (45, 3), (54, 4), (61, 0x84)):
        body[offset] = value
    return bytes(body)


class Recorder(DeviceLink):
    """A device that notes what the host does."""

    def __init__(self) -> None:
        self.seen: list[tuple] = []

    def bus_reset(self) -> None:
        self.seen.append(("reset",))

    def configured(self, on: bool) -> None:
        self.seen.append(("configured", on))

    def open_interface(self, offset: int, length: int) -> None:
        self.seen.append(("open", offset, length))

    def setup(self, packet: bytes, data: bytes) -> None:
        self.seen.append(("setup", packet, data))

    def transfer_done(self, ep: int, count: int, data: bytes) -> None:
        self.seen.append(("done", ep, count, data))


class Bench:
    """A host with a recorded device and a virtual clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.device = Recorder()
        self.host = UsbHost(self.clock, self.device)
        self.got = bytearray()
        self.takes = True
        self.host.on_data = self.take
        self.host.describe(DEVICE, configuration(), STRINGS)

    def take(self, data: bytes) -> bool:
        if self.takes:
            self.got += data
        return self.takes

    def run(self, us: int) -> None:
        limit = self.clock.now_us + us
        while self.clock.run_next(limit):
            pass
        self.clock.advance(limit)

    def answer_controls(self) -> list[tuple]:
        """Accept control requests until none waits; return them as (request, value, data)."""
        answered = 0
        found = []
        while True:
            setups = [entry for entry in self.device.seen if entry[0] == "setup"]
            if answered == len(setups):
                return found
            _, packet, data = setups[answered]
            found.append((packet[1], packet[2] | packet[3] << 8, data))
            answered += 1
            self.host.control_answered(True)


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.host.set_pull_up(True)
    made.run(300_000)
    return made


def done(bench: Bench) -> list[tuple]:
    return [entry[1:] for entry in bench.device.seen if entry[0] == "done"]


def test_good_descriptors_give_the_port():
    port = parse(DEVICE, configuration(), STRINGS)
    assert (port.vid, port.pid, port.serial, port.product) == (0x1209, 1, "YP-0001", "Yiping k5")
    assert (port.control_itf, port.notify_ep, port.in_ep, port.out_ep, port.packet_bytes) == (0, 0x81, 0x82, 0x02, 64)
    assert port.groups == ((17, len(FUNCTION) - 8),)


def test_data_port_beside_a_console_is_the_last_function():
    port = parse(DEVICE, configuration(FUNCTION + second_function(), 4), STRINGS)
    assert (port.control_itf, port.in_ep, port.out_ep) == (2, 0x84, 0x04)
    assert len(port.groups) == 2 and port.groups[1][0] == 9 + len(FUNCTION) + 8


@pytest.mark.parametrize(
    ("device", "config", "strings", "reason"),
    [
        (DEVICE[:-1], configuration(), STRINGS, "not 18 bytes"),
        (DEVICE[:7] + b"\x09" + DEVICE[8:], configuration(), STRINGS, "bMaxPacketSize0 is 9"),
        (DEVICE, configuration()[:-1], STRINGS, "wTotalLength"),
        (DEVICE, configuration(interfaces=3), STRINGS, "bNumInterfaces is 3"),
        (DEVICE, configuration(FUNCTION.replace(b"\x02\x02\x40\x00", b"\x02\x02\x00\x02", 1)), STRINGS, "512 bytes"),
        (DEVICE, configuration(FUNCTION.replace(b"\x05\x82", b"\x05\x81")), STRINGS, "endpoint address 0x81"),
        (DEVICE, configuration(FUNCTION[:-7]), STRINGS, "bNumEndpoints"),
        (DEVICE, configuration(FUNCTION.replace(b"\x05\x24\x06\x00\x01", b"\x05\x24\x07\x00\x01")), STRINGS, "union"),
        (
            DEVICE,
            configuration(FUNCTION.replace(b"\x02\x02\x00\x00\x05", b"\xff\x02\x00\x00\x05")),
            STRINGS,
            "no CDC-A",
        ),
        (DEVICE, configuration(), {3: "号".encode()}, "string 3 is not ASCII"),
    ],
)
def test_bad_descriptors_are_refused(device, config, strings, reason):
    with pytest.raises(DescriptorError, match=reason):
        parse(device, config, strings)


def test_attach_resets_configures_and_opens_interfaces(bench):
    kinds = [entry[0] for entry in bench.device.seen]
    assert kinds == ["reset", "configured", "open", "setup"]
    assert bench.device.seen[2] == ("open", 17, len(FUNCTION) - 8)
    assert bench.host.port is not None and not bench.host.opened


def test_nothing_happens_before_the_debounce_time():
    bench = Bench()
    bench.host.set_pull_up(True)
    bench.run(DEBOUNCE_US - 1)
    assert bench.device.seen == []


def test_opening_raises_dtr_and_sets_the_line(bench):
    bench.host.open(115_200)
    assert bench.answer_controls() == [
        (0x20, 0, struct.pack("<IBBB", 9600, 0, 0, 8)),
        (0x22, 3, b""),
        (0x20, 0, struct.pack("<IBBB", 115_200, 0, 0, 8)),
    ]
    bench.host.close()
    assert bench.answer_controls()[-1] == (0x22, 0, b"")


def test_in_transfer_stays_pending_while_the_port_is_closed(bench):
    bench.host.submit(0x82, 0, b"early")
    bench.run(1_000_000)
    assert bench.got == b"" and done(bench) == []
    bench.host.open()
    bench.run(1000)
    assert bench.got == b"early" and done(bench) == [(0x82, 5, b"")]


def test_in_transfer_waits_for_a_program_that_does_not_read(bench):
    bench.host.open()
    bench.takes = False
    bench.host.submit(0x82, 0, b"x")
    bench.run(10_000)
    assert done(bench) == []
    bench.takes = True
    bench.run(2_000)
    assert bench.got == b"x" and done(bench) == [(0x82, 1, b"")]


def test_out_transfer_ends_with_a_short_packet_or_when_full(bench):
    bench.host.open()
    bench.host.write(b"a" * 10)
    bench.run(1000)
    assert done(bench) == []
    bench.host.submit(0x02, 64, b"")
    bench.run(1000)
    bench.host.submit(0x02, 128, b"")
    bench.host.write(b"b" * 64)
    bench.run(1000)
    assert done(bench) == [(0x02, 10, b"a" * 10)]
    bench.host.write(b"c" * 3)
    bench.run(1000)
    assert done(bench)[1:] == [(0x02, 67, b"b" * 64 + b"ccc")]


def test_out_packets_larger_than_the_transfer_are_a_violation(bench):
    bench.host.open()
    bench.host.submit(0x02, 32, b"")
    bench.host.write(b"d" * 40)
    assert "overrun" in bench.host.violations[0]


def test_room_shrinks_with_what_waits_and_is_none_while_closed(bench):
    assert bench.host.room() == 0
    bench.host.open()
    bench.host.write(bytes(OUT_LIMIT_BYTES))
    assert bench.host.room() == 0
    bench.host.submit(0x02, 64, b"")
    assert bench.host.room() == 64


def test_transfer_on_a_strange_endpoint_is_a_violation(bench):
    bench.host.submit(0x05, 8, b"")
    assert "0x05" in bench.host.violations[0]


def test_refused_and_unanswered_control_requests_are_violations(bench):
    bench.host.control_answered(False)
    assert "stalled" in bench.host.violations[0]
    bench.host.open()
    bench.run(6_000_000)
    assert "not answered" in bench.host.violations[1]


def test_pulled_cable_is_not_told_and_a_new_one_resets(bench):
    ports = []
    bench.host.on_port = ports.append
    bench.host.open()
    bench.answer_controls()
    bench.host.submit(0x82, 0, b"lost")
    seen = len(bench.device.seen)
    bench.host.set_plugged(False)
    bench.run(1_000_000)
    assert len(bench.device.seen) == seen and ports == [None] and bench.got == b""
    bench.host.set_plugged(True)
    bench.run(300_000)
    assert bench.device.seen[seen] == ("reset",) and ports[1] is not None
    bench.host.open()
    bench.run(1000)
    assert bench.got == b""


def test_line_faults_turn_bits_and_lose_pieces_in_both_directions(bench):
    seed = 11
    print("seed", seed)
    bench.host.open()
    noise = Noise(random.Random(seed), bit_errors=1e-3)
    bench.host.from_device = noise
    for _ in range(50):
        bench.host.submit(0x82, 0, bytes(60))
        bench.run(1000)
    assert len(bench.got) == 3000
    turned = sum(byte.bit_count() for byte in bench.got)
    assert turned == noise.turned and 8 <= turned <= 48
    bench.host.to_device = Noise(random.Random(seed), lost=1.0)
    bench.host.write(b"gone")
    bench.host.to_device = Noise(random.Random(seed), doubled=1.0)
    bench.host.write(b"two")
    bench.host.submit(0x02, 64, b"")
    bench.run(1000)
    assert done(bench)[-1] == (0x02, 6, b"twotwo")


def test_refused_device_gets_no_port():
    bench = Bench()
    bench.host.describe(DEVICE, configuration()[:-1], STRINGS)
    bench.host.set_pull_up(True)
    bench.run(500_000)
    assert bench.host.port is None and "descriptors refused" in bench.host.violations[0]


class Link:
    """A sans-IO peer that sends what it is given and keeps what it gets."""

    def __init__(self) -> None:
        self.out = b""
        self.got = b""
        self.ticks: list[int] = []

    def receive(self, data: bytes, now_ms: int) -> list[tuple]:
        self.got += data
        return [("got", len(data))]

    def tick(self, now_ms: int) -> list[tuple]:
        self.ticks.append(now_ms)
        return []

    def deadline_ms(self) -> int | None:
        return 1000 if not self.ticks else None

    def take_output(self) -> bytes:
        out, self.out = self.out, b""
        return out


def test_peer_on_the_virtual_cable_talks_to_the_firmware(tmp_path):
    main = ECHO + "while True:\n    machine.idle()\n"
    with terminal(tmp_path, main) as simulated:
        link = Link()
        peer = simulated.attach(link)
        simulated.run_until(lambda: simulated.engine.soc.usb.opened)
        link.out = b"hello " * 40
        peer.pump()
        assert simulated.run_until(lambda: len(link.got) == 240, 1000)
        assert link.got == b"hello " * 40
        simulated.run_until(1500)
        assert link.ticks == [1000]
        assert all(event[0] == "got" for _, event in peer.events)
        simulated.unplug()
        simulated.run_for(500)
        link.out = b"nobody hears"
        peer.pump()
        simulated.plug()
        assert simulated.run_until(lambda: simulated.engine.soc.usb.opened)
        link.out = b"again"
        peer.pump()
        assert simulated.run_until(lambda: link.got.endswith(b"again"), 1000)
        lines = simulated.console().splitlines()
        assert [line for line in lines if line.startswith(("reset", "open"))] == ["reset", "open 58 4"] * 2
        assert simulated.violations == []
