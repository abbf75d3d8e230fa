"""drivers/link_uart, chosen by the settings, against a line that echoes."""

import json

import pytest

from simulator.terminal import SimTerminal
from tests.device.bench import terminal

ECHO = """
link = hw.link
buffer = memoryview(bytearray(256))
async def send_on():
    while True:
        await link.writable.wait()
async def run():
    asyncio.create_task(send_on())
    print(type(link).__name__, link.connected())
    while True:
        await link.readable.wait()
        count = link.readinto(buffer)
        while count:
            rest = buffer[:count]
            while len(rest):
                rest = rest[link.write(rest):]
                await asyncio.sleep_ms(1)
            count = link.readinto(buffer)
asyncio.run(run())
"""


class Line:
    """What is at the other end of the cable."""

    def __init__(self) -> None:
        self.got = bytearray()

    def receive(self, data: bytes, t_us: int) -> None:
        self.got += data


@pytest.fixture
def main() -> str:
    return ECHO


@pytest.fixture
def running(tmp_path, main: str) -> SimTerminal:
    simulated = terminal(tmp_path, main)
    simulated.start(power=False)
    path = simulated.state.settings
    path.write_text(json.dumps(json.loads(path.read_text()) | {"link": "uart"}))
    simulated.power_on()
    simulated.run_for(500)
    yield simulated
    simulated.close()
    assert simulated.violations == []


def test_settings_choose_the_uart_and_usb_stays_silent(running):
    assert running.console().splitlines() == ["UartLink True"]
    assert running.engine.soc.usb.port is None


@pytest.mark.parametrize("size", [1, 255, 256, 257, 2_000])
def test_bytes_come_back_complete_and_in_order(running, size):
    line = running.engine.soc.uart[0] = Line()
    data = bytes(i * 31 & 255 for i in range(size))
    running.engine.soc.uart_data(0, data)
    running.run_for(1_000)
    assert bytes(line.got) == data


PUSHING = """
link = hw.link
async def run():
    print(link.write(bytes(300)), link.write(b"more"), link.write(b""))
    await link.writable.wait()
    print(link.write(b"more"))
    await link.writable.wait()
asyncio.run(run())
"""


@pytest.mark.parametrize("main", [PUSHING], ids=["pushing"])
def test_writer_that_does_not_wait_is_told_that_nothing_was_taken(running):
    line = running.engine.soc.uart[0] = Line()
    running.power_off()
    running.power_on()
    running.run_for(500)
    assert running.console().splitlines()[-2:] == ["256 0 0", "4"]
    assert bytes(line.got) == bytes(256) + b"more"
