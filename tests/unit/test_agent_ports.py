"""Ports and transports: blocks in, whole output out, every loss told once, a hung driver left behind."""

import asyncio
import errno
import os
import pty
import random
import termios
import threading
import time
import tty

import pytest
import serial

from host_agent import bounded, ports, transport
from host_agent.ports import NO_PORT, PORT_BUSY, PORT_FAULT, PortError, UsbPort
from host_agent.transport import FdTransport, ThreadTransport

WAIT_S = 60


class Wire:
    """A pty: the test holds the far end."""

    def __init__(self, folder):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.name = str(folder / "port")
        os.symlink(os.ttyname(self.slave), self.name)

    def close(self):
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)
        self.master = self.slave = -1


@pytest.fixture
def wire(tmp_path):
    made = Wire(tmp_path)
    yield made
    made.close()


def thread_transport(name):
    port = serial.serial_for_url(name, do_not_open=True, baudrate=ports.BAUD)
    port.open()
    return ThreadTransport(port)


async def opened(wire, kind):
    return thread_transport(wire.name) if kind == "thread" else await ports.open_port(wire.name)


async def until(what, condition):
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, f"not within {WAIT_S} s: {what}"
        await asyncio.sleep(0.01)


def both(scenario):
    """Run a scenario with each kind of transport."""
    return pytest.mark.parametrize("kind", ["descriptor", "thread"])(scenario)


@both
def test_transport_carries_every_byte_both_ways(wire, kind):
    async def scenario():
        received, lost = bytearray(), []
        opened_port = await opened(wire, kind)
        assert isinstance(opened_port, FdTransport if kind == "descriptor" else ThreadTransport)
        opened_port.start(received.extend, lost.append)
        sent = random.Random(1).randbytes(40_000)
        far = bytearray()
        for start in range(0, len(sent), 1000):
            opened_port.write(sent[start : start + 1000])
        at = 0

        def pump():
            nonlocal at
            try:
                far.extend(os.read(wire.master, 65536))
            except BlockingIOError:
                pass
            try:
                at += os.write(wire.master, sent[at : at + 2000])
            except BlockingIOError:
                pass
            return bytes(far) == sent and bytes(received) == sent

        await until("all bytes", pump)
        opened_port.close()
        assert lost == []

    asyncio.run(scenario())


@both
def test_transport_tells_the_loss_of_its_port_once(wire, kind):
    async def scenario():
        lost = []
        opened_port = await opened(wire, kind)
        opened_port.start(lambda _: None, lost.append)
        await asyncio.sleep(0)
        wire.close()
        await until("the loss", lambda: lost)
        opened_port.write(b"x")
        opened_port.close()
        await asyncio.sleep(0.05)
        assert len(lost) == 1 and lost[0]

    asyncio.run(scenario())


def test_transport_of_a_port_that_takes_nothing_is_given_up(wire):
    async def scenario():
        lost = []
        opened_port = await ports.open_port(wire.name)
        opened_port.start(lambda _: None, lost.append)
        for _ in range(200):
            opened_port.write(bytes(2000))
        await until("the loss", lambda: lost)
        assert lost == ["the port takes no data"]

    asyncio.run(scenario())


def test_transport_close_that_hangs_does_not_hold_the_loop(wire):
    go, closed = threading.Event(), []

    class Hung:
        def close(self):
            go.wait(WAIT_S)
            closed.append(self)

    async def scenario():
        opened_port = FdTransport(Hung(), wire.slave)
        opened_port.start(lambda _: None, lambda _: None)
        opened_port.close()
        assert not closed
        go.set()
        await until("the end of the driver's close", lambda: closed)

    asyncio.run(scenario())


def test_bounded_call_that_hangs_ends_in_time_and_its_late_result_is_handed_over():
    go, late = threading.Event(), threading.Event()

    def hang():
        go.wait(WAIT_S)
        return "handle"

    async def scenario():
        with pytest.raises(TimeoutError):
            await bounded.call(hang, 0.05, lambda handle: late.set() if handle == "handle" else None)

    asyncio.run(scenario())
    go.set()
    assert late.wait(WAIT_S)


def test_bounded_call_gives_the_result_or_the_error():
    async def scenario():
        assert await bounded.call(lambda: 7, WAIT_S) == 7
        with pytest.raises(OSError, match="broken"):
            await bounded.call(lambda: (_ for _ in ()).throw(OSError("broken")), WAIT_S)

    asyncio.run(scenario())


def open_error(name):
    with pytest.raises(PortError) as caught:
        asyncio.run(ports.open_port(name))
    return caught.value


def test_port_that_hangs_is_told(monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(ports, "OPEN_S", 0.05)
    monkeypatch.setattr(ports, "open_serial", lambda name, _baud: go.wait(WAIT_S))
    error = open_error("/dev/hung")
    go.set()
    assert error.condition == PORT_FAULT and "the port hangs (/dev/hung)" in error.message


def test_port_that_hangs_is_not_opened_a_second_time_until_the_first_try_has_ended(monkeypatch):
    go, tries = threading.Event(), []
    monkeypatch.setattr(ports, "OPEN_S", 0.05)
    monkeypatch.setattr(ports, "open_serial", lambda name, _baud: tries.append(name) or go.wait(WAIT_S))

    async def scenario():
        opener = ports.PortOpener()
        for _ in range(20):
            with pytest.raises(PortError, match="the port hangs"):
                await opener.open("/dev/hung")
        assert len(tries) == 1
        go.set()
        monkeypatch.setattr(ports, "open_serial", lambda name, _baud: serial.serial_for_url("loop://"))
        await until("the port opens", lambda: not opener._busy.locked())
        (await opener.open("/dev/well")).close()

    asyncio.run(scenario())


def test_port_held_by_another_is_told(wire):
    async def scenario():
        first = await ports.open_port(wire.name)
        with pytest.raises(PortError) as caught:
            await ports.open_port(wire.name)
        first.close()
        return caught.value

    assert asyncio.run(scenario()).condition == PORT_BUSY


def test_port_that_is_missing_or_no_port_is_told(tmp_path):
    assert open_error(str(tmp_path / "none")).condition == NO_PORT
    (tmp_path / "file").write_bytes(b"")
    assert open_error(str(tmp_path / "file")).condition == PORT_FAULT
    assert open_error("nonsense://x").condition == PORT_FAULT


def test_port_auto_finds_the_terminal_by_its_serial_number_under_any_name():
    usb = [UsbPort("/dev/ttyACM3", "OTHER", ""), UsbPort("/dev/ttyACM7", "YP-0001", "Yiping k5")]
    assert ports.find("auto", "YP-0001", lambda: usb) == "/dev/ttyACM7"
    assert ports.find("/dev/ttyS0", "YP-0001", lambda: usb) == "/dev/ttyS0"
    with pytest.raises(PortError) as caught:
        ports.find("auto", "YP-0009", lambda: usb)
    assert caught.value.condition == NO_PORT and "YP-0009" in caught.value.message


def test_transport_over_a_serial_server_is_driven_by_its_descriptor():
    async def scenario():
        received = bytearray()

        async def serve(reader, writer):
            writer.write(await reader.readexactly(5))
            await writer.drain()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        opened_port = await ports.open_port(f"socket://127.0.0.1:{port}")
        assert isinstance(opened_port, FdTransport)
        opened_port.start(received.extend, lambda _: None)
        opened_port.write(b"hello")
        await until("the echo", lambda: received == b"hello")
        opened_port.close()
        server.close()

    asyncio.run(scenario())


def test_transport_kinds_are_chosen_by_what_the_port_is():
    assert transport._plain_descriptor(serial.serial_for_url("loop://")) is None


def test_port_that_vanishes_while_it_is_opened_raises_an_os_error(monkeypatch):
    def vanishing(_port):
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(serial.Serial, "open", vanishing)
    with pytest.raises(OSError) as caught:
        ports.open_serial("/dev/ttyACM0")
    assert caught.value.errno == errno.EIO
