"""Power, resets and virtual time: what happens to the firmware and what the chips keep."""

import pytest

from simulator.errors import SimError
from tests.unit.simulated import printed, terminal

CAUSE = "import machine\nprint('cause', machine.reset_cause())\n"


def test_power_on_gives_the_power_on_cause_and_a_second_start_after_power_off(tmp_path):
    with terminal(tmp_path, CAUSE) as simulated:
        simulated.run_for(50)
        simulated.power_off()
        assert not simulated.powered
        simulated.run_for(1000)
        simulated.power_on()
        simulated.run_for(50)
        assert simulated.console().splitlines() == ["cause 1", "cause 1"]
        assert [cause for _, cause in simulated.resets] == ["power_on", "power_on"]


def test_reset_and_watchdog_give_the_watchdog_cause(tmp_path):
    main = (
        CAUSE
        + """
if machine.reset_cause() == machine.PWRON_RESET:
    machine.reset()
machine.WDT(timeout=300)
while True:
    machine.idle()
"""
    )
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(1000)
        assert [cause for _, cause in simulated.resets[:4]] == ["power_on", "reset", "watchdog", "watchdog"]
        gap_us = simulated.resets[3][0] - simulated.resets[2][0]
        assert 320_000 <= gap_us <= 330_000
        assert simulated.console().splitlines()[:3] == ["cause 1", "cause 3", "cause 3"]


def test_fed_watchdog_never_bites(tmp_path):
    main = """
        import asyncio, machine
        wdt = machine.WDT(timeout=1000)
        async def main():
            while True:
                wdt.feed()
                await asyncio.sleep_ms(700)
        asyncio.run(main())
    """
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(600_000)
        assert len(simulated.resets) == 1


def test_firmware_that_computes_for_ever_is_bitten_by_its_watchdog(tmp_path, monkeypatch):
    main = (
        CAUSE
        + """
machine.WDT(timeout=500)
if machine.reset_cause() == machine.PWRON_RESET:
    while True:
        pass
while True:
    machine.idle()
"""
    )
    with terminal(tmp_path, main) as simulated:
        assert simulated.run_until(lambda: simulated.engine.soc.watchdog.deadline_us is not None)
        monkeypatch.setattr("simulator.engine.SILENCE_S", 0.3)  # not before: the process needs its time to start
        simulated.run_until(lambda: len(simulated.resets) == 2)
        assert simulated.resets[1][1] == "watchdog"


def test_firmware_that_computes_for_ever_without_a_watchdog_is_reported(tmp_path, monkeypatch):
    main = "from machine import Pin\nPin(4, Pin.OUT, value=1)\nwhile True:\n    pass\n"
    with terminal(tmp_path, main) as simulated:
        assert simulated.run_until(lambda: simulated.engine.soc.gpio.level(4) == 1)
        monkeypatch.setattr("simulator.engine.SILENCE_S", 0.3)  # not before: the process needs its time to start
        with pytest.raises(SimError, match="without using its"):
            simulated.run_for(1000)


def test_system_exit_is_a_soft_reset_and_keeps_the_cause(tmp_path):
    main = """
        import machine, os, sys
        try:
            os.stat("again")
        except OSError:
            open("again", "w").close()
            sys.exit()
        print("cause", machine.reset_cause())
    """
    with terminal(tmp_path, main) as simulated:
        simulated.run_for(200)
        assert [cause for _, cause in simulated.resets] == ["power_on", "soft_reset"]
        assert simulated.console().splitlines() == ["cause 1"]
        assert simulated.status()["main_ended"]


def test_exception_in_main_is_printed_and_leaves_the_chip_at_its_prompt(tmp_path):
    with terminal(tmp_path, "1 / 0\n") as simulated:
        simulated.run_for(60_000)
        assert "ZeroDivisionError" in simulated.console()
        assert simulated.status()["main_ended"] and len(simulated.resets) == 1


def test_process_that_dies_hangs_the_chip_until_its_watchdog_bites(tmp_path):
    with terminal(tmp_path, "import machine\nmachine.WDT(timeout=800)\nwhile True:\n    machine.idle()\n") as simulated:
        simulated.run_for(100)
        simulated.engine._firmware._process.kill()
        simulated.run_for(2000)
        assert [cause for _, cause in simulated.resets[:2]] == ["power_on", "watchdog"]
        assert "ended by itself" in simulated.violations[0]


def test_same_seed_gives_the_same_trace_and_another_seed_another(tmp_path):
    main = """
        import asyncio, os, random, time
        from machine import Pin
        flag, edges = asyncio.ThreadSafeFlag(), []
        def edge(pin):
            edges.append(time.ticks_us())
            flag.set()
        Pin(2, Pin.IN, Pin.PULL_UP).irq(edge, Pin.IRQ_FALLING | Pin.IRQ_RISING)
        async def other():
            while True:
                await asyncio.sleep_ms(3)
        async def main():
            print(os.urandom(8), random.getrandbits(30))
            asyncio.create_task(other())
            while True:
                await flag.wait()
                print(len(edges), edges[-1])
        asyncio.run(main())
    """

    def trace(folder: str, seed: int) -> str:
        (tmp_path / folder).mkdir()
        with terminal(tmp_path / folder, main, seed=seed) as simulated:
            for _ in range(5):
                simulated.press(1, 40)
                simulated.run_for(90)
            return simulated.console()

    first = trace("a", 7)
    assert len(first.splitlines()) > 10
    assert trace("b", 7) == first
    assert trace("c", 8) != first


def test_asyncio_timers_pass_the_tick_wrap(tmp_path):
    main = """
        import asyncio, time
        async def beat(name, ms):
            for _ in range(4):
                await asyncio.sleep_ms(ms)
                print(name, time.ticks_ms())
        async def main():
            await asyncio.gather(beat("a", 300), beat("b", 500))
        asyncio.run(main())
    """
    lines = printed(tmp_path, main, 3000, ticks_start_ms=2**30 - 1000)
    assert [line.split()[0] for line in lines] == ["a", "b", "a", "a", "b", "a", "b", "b"]
    ticks = [int(line.split()[1]) for line in lines]
    assert ticks[3] > 2**29 and ticks[4] < 100 and ticks[-1] in range(999, 1010)


def test_asyncio_cancels_waits_and_gathers_on_the_virtual_clock(tmp_path):
    main = """
        import asyncio, time
        async def forever(event):
            try:
                await event.wait()
            except asyncio.CancelledError:
                print("cancelled", time.ticks_ms())
                raise
        async def fails():
            await asyncio.sleep_ms(5)
            raise ValueError("no")
        async def naps(ms=3):
            await asyncio.sleep_ms(ms)
        async def main():
            event = asyncio.Event()
            task = asyncio.create_task(forever(event))
            await asyncio.sleep_ms(10)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                print("ended", task.done())
            try:
                await asyncio.wait_for_ms(event.wait(), 30)
            except asyncio.TimeoutError:
                print("timeout", time.ticks_ms())
            print(await asyncio.gather(fails(), naps(), return_exceptions=True))
            lock = asyncio.Lock()
            async with lock:
                print(lock.locked())
            event.set()
            await event.wait()
            sleeper = asyncio.create_task(naps(1000))
            await asyncio.sleep_ms(1)
            print(sleeper.cancel(), time.ticks_ms())
            await asyncio.sleep_ms(0)
            print(sleeper.done(), sleeper.cancel())
        asyncio.run(main())
    """
    assert printed(tmp_path, main, 500) == [
        "cancelled 10",
        "ended True",
        "timeout 40",
        "[ValueError('no',), None]",
        "True",
        "True 46",
        "True False",
    ]


def test_idle_day_costs_seconds_and_passes_the_wrap(tmp_path):
    main = """
        import asyncio, machine, time
        wdt = machine.WDT(timeout=8000)
        async def main():
            while True:
                wdt.feed()
                await asyncio.sleep_ms(4000)
        asyncio.run(main())
    """
    with terminal(tmp_path, main, ticks_start_ms=2**30 - 3_600_000) as simulated:
        simulated.run_for(86_400_000)
        assert len(simulated.resets) == 1 and simulated.now_us == 86_400_000_000
