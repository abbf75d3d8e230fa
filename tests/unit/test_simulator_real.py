"""A terminal in real time: its pty, its keys, its cable and its power switch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from simulator.errors import SimError, UserError
from tests.lint.sources import ROOT
from tests.unit.simulated import ECHO, terminal, wait_for

MAIN = (
    ECHO
    + """
led, flag, key = Pin(4, Pin.OUT, value=0), asyncio.ThreadSafeFlag(), Pin(2, Pin.IN, Pin.PULL_UP)
key.irq(lambda pin: flag.set(), Pin.IRQ_FALLING)
async def main():
    while True:
        await flag.wait()
        led.toggle()
asyncio.run(main())
"""
)


@pytest.fixture
def running(tmp_path):
    """A running echo terminal whose port is there."""
    with terminal(tmp_path, MAIN, clock="real", link_path=tmp_path / "port") as simulated:
        wait_for((tmp_path / "port").exists, "the port")
        yield simulated


def open_port(tmp_path, timeout: float = 60.0) -> serial.Serial:
    """Open the port as the agent does."""
    return serial.Serial(str(tmp_path / "port"), 115_200, timeout=timeout, exclusive=True)


def read_all(port: serial.Serial, count: int) -> bytes:
    """Read `count` bytes, or what came before the time-out."""
    got = b""
    while len(got) < count:
        more = port.read(count - len(got))
        if not more:
            return got
        got += more
    return got


def test_program_talks_to_the_firmware_over_the_pty(running, tmp_path):
    with open_port(tmp_path) as port:
        data = bytes(range(256)) * 20
        port.write(data)
        assert read_all(port, len(data)) == data
        assert running.status()["opened"] is True
    assert running.violations == []


def test_port_can_be_opened_by_one_program_only_when_it_asks_so(running, tmp_path):
    with open_port(tmp_path), pytest.raises(serial.SerialException, match="exclusively lock"):
        open_port(tmp_path)


def test_closing_drops_dtr_and_opening_again_raises_it_in_raw_mode(running, tmp_path):
    for _ in range(3):
        with open_port(tmp_path) as port:
            port.write(b"\x03\x04\x11\x13\r\n\x00\xff")
            assert read_all(port, 8) == b"\x03\x04\x11\x13\r\n\x00\xff"
        wait_for(lambda: not running.status()["opened"], "the closing")
    wait_for(lambda: running.console().count("dtr False") == 3, "the third dtr False")
    dtr = [line for line in running.console().splitlines() if line.startswith("dtr")]
    assert dtr == ["dtr True", "dtr False"] * 3


def test_slave_is_raw_before_the_program_sets_anything(running, tmp_path):
    descriptor = os.open(tmp_path / "port", os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(descriptor, b"a\rb\nc\x03")
        got = b""
        while len(got) < 6:
            got += os.read(descriptor, 100)
        assert got == b"a\rb\nc\x03"
    finally:
        os.close(descriptor)


def test_each_press_reaches_the_firmware(running):
    changes = []
    running.engine.soc.gpio.watch(4, lambda level, t_us: changes.append(level))
    for _ in range(20):
        changes.clear()
        running.press(1, 20)
        wait_for(lambda: changes, "the answer to a press")
        wait_for(lambda: not running.wiring.keys[1].down, "the release")


def test_unplugging_breaks_the_open_port_and_plugging_makes_a_new_one(running, tmp_path):
    port = open_port(tmp_path)
    port.write(b"x")
    assert port.read(1) == b"x"
    running.unplug()
    with pytest.raises((serial.SerialException, OSError)):
        while True:
            port.read(1)
    assert not os.path.lexists(tmp_path / "port")
    port.close()
    running.plug()
    wait_for((tmp_path / "port").exists, "the new port")
    with open_port(tmp_path) as port:
        port.write(b"y")
        assert port.read(1) == b"y"
    assert len(running.resets) == 1


def test_power_cut_takes_the_port_and_power_brings_it_back(running, tmp_path):
    with open_port(tmp_path):
        running.power_off()
        assert not os.path.lexists(tmp_path / "port") and not running.powered
    running.power_on()
    wait_for((tmp_path / "port").exists, "the port after the power cut")
    with open_port(tmp_path) as port:
        port.write(b"z")
        assert port.read(1) == b"z"
    assert [cause for _, cause in running.resets] == ["power_on", "power_on"]


def test_watchdog_bites_in_real_time(tmp_path):
    main = "import machine, time\nmachine.WDT(timeout=200)\nwhile True:\n    time.ticks_ms()\n"
    with terminal(tmp_path, main, clock="real") as simulated:
        wait_for(lambda: len(simulated.resets) >= 2, "a bite")
        assert simulated.resets[1][1] == "watchdog"


def test_ticks_wrap_in_real_time_and_timers_go_on(tmp_path):
    main = """
        import asyncio, time
        async def main():
            while time.ticks_ms() > 2**29:  # a slow start may have passed the wrap
                await asyncio.sleep_ms(20)
            start = time.ticks_ms()
            await asyncio.sleep_ms(50)
            # asyncio counts by the host's ms, which begin elsewhere than the chip's
            print("went on", time.ticks_diff(time.ticks_ms(), start) >= 49)
        asyncio.run(main())
    """
    with terminal(tmp_path, main, clock="real", ticks_start_ms=2**30 - 500) as simulated:
        wait_for(lambda: simulated.console().endswith("\n"), "the wrap")
        assert simulated.console() == "went on True\n"


def test_close_removes_the_link_and_ends_the_process(tmp_path):
    simulated = terminal(tmp_path, MAIN, clock="real", link_path=tmp_path / "port").start()
    wait_for((tmp_path / "port").exists, "the port")
    process = simulated.engine._firmware.pid
    simulated.close()
    simulated.close()
    assert not os.path.lexists(tmp_path / "port")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    with pytest.raises(SimError):
        simulated.press(1)


def test_link_path_in_use_is_refused_and_a_dangling_one_is_taken(tmp_path):
    (tmp_path / "file").write_text("")
    for name, what in (("file", "not a terminal's link"), ("nowhere/port", "no such folder")):
        with pytest.raises(UserError, match=what):
            terminal(tmp_path, MAIN, clock="real", link_path=tmp_path / name).start()
    (tmp_path / "live").symlink_to("/dev/null")
    with pytest.raises(UserError, match="in use by another terminal"):
        terminal(tmp_path, MAIN, clock="real", link_path=tmp_path / "live").start()
    (tmp_path / "port").symlink_to(tmp_path / "gone")
    with terminal(tmp_path, MAIN, clock="real", link_path=tmp_path / "port"):
        wait_for((tmp_path / "port").exists, "the port")


def test_firmware_ends_when_its_simulator_is_killed(tmp_path):
    code = """
import sys
from pathlib import Path
from tests.unit.simulated import terminal
simulated = terminal(Path(sys.argv[1]), sys.argv[2], clock="real").start()
simulated.engine.soc.gpio.watch(4, lambda level, t_us: print(simulated.engine._firmware.pid, flush=True))
sys.stdin.read()
"""
    main = "import time\nfrom machine import Pin\nPin(4, Pin.OUT, value=1)\nwhile True:\n    time.sleep_ms(1000)\n"
    command = [sys.executable, "-c", code, str(tmp_path), main]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        firmware_pid = int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def is_gone() -> bool:
        try:
            os.kill(firmware_pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{firmware_pid}/stat")  # where nobody adopts it, a dead one may stay a zombie
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"

    wait_for(is_gone, "the end of the firmware")
