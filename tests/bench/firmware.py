"""Measures the terminal: from a pin's edge to a durable event and to the first changed pixel, and its memory.

Bus and chip time come from the whole firmware on the simulated board in virtual time. The processor's own time is an
estimate: the same code runs under MicroPython on this machine without chips (firmware_press.py), and is taken to be
slower on an RP2040 at 125 MHz by as much as the CCM of one event is, which takes 6 to 8 ms there. Bytes of a 32-bit
heap are estimates too, by the ratio that tests/device/heap32 found.
"""

import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from simulator.process import HEAP_KB
from tests.bench import figures
from tests.device import heap
from tests.device.changed import changed_firmware
from tests.device.counter import Counter
from tests.micropython_server import run_forked

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "firmware" / "assets" / "k5"
PRESSES = 10
TIMED_PRESSES = 200
HOST_HEAP = "900K"  # holds the compiler and the sources too
TIMEOUT_S = 120.0
CCM_ON_BOARD_MS = 7.0
GLYPH_PIXEL_ON_BOARD_US = 1.2
RECORD_BYTES = 100  # longer programs are events
DECISION_MS = 50  # a press counts when no second key came meanwhile, app/keys.py

LONG_EVENTS = 10_000
PRESSES_AN_INVITE = 8
CHECKED = "        dead = supervisor.check()\n"
PROBE = """        dead = supervisor.check()
        if time.ticks_ms() // 2_000 % 150 == 3:
            low, high = 0, 262_144
            while high - low > 32:
                middle = (low + high) // 2
                gc.collect()
                try:
                    bytearray(middle)
                    low = middle
                except MemoryError:
                    high = middle
            gc.collect()
            print("heap", gc.mem_free(), low)
"""
PROBED_EACH_MS = 300_000

Say = Callable[[str], None]


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians of the repetitions."""
    runs = []
    for number in range(1, repetitions + 1):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(_latency(bus_times(Path(folder), number), press_on_host()))
        shown = runs[-1]
        say(
            f"{number}/{repetitions}: durable {shown['firmware_press_to_durable_estimate_ms']:.1f} ms, "
            f"pixel {shown['firmware_press_to_first_pixel_estimate_ms']:.1f} ms"
        )
    return figures.medians(runs) | heap_in_use()


def press_on_host(presses: int = TIMED_PRESSES) -> dict[str, float]:
    """Return what firmware_press.py prints."""
    script = Path(__file__).with_name("firmware_press.py")
    path = f"{ROOT}:{ROOT}/firmware:.frozen"
    code, output = run_forked([str(script), str(ASSETS), str(presses)], path, HOST_HEAP, TIMEOUT_S)
    if code:
        raise RuntimeError(output)
    return json.loads(output)


def bus_times(folder: Path, seed: int, presses: int = PRESSES) -> list[tuple[float, float]]:
    """Return, for each press, ms from its edge to the event on the chip and to the first changed pixel."""
    found = []
    with Counter(folder / "bus", seed=seed) as counter:
        counter.login()
        programs, pixels = _watch(counter)
        for n in range(presses):
            counter.open_invite(n)
            edge_us = counter.terminal.now_us
            programs.clear()
            pixels.clear()
            counter.press(1 + n % 5)
            durable_us = min(at_us for at_us, size in programs if size > RECORD_BYTES)
            shown_us = min(at_us for at_us in pixels if at_us > durable_us)
            found.append(((durable_us - edge_us) / 1000, (shown_us - edge_us) / 1000))
            counter.until_state("idle", 20_000)
    return found


def _watch(counter: Counter) -> tuple[list[tuple[int, int]], list[int]]:
    """Return lists that fill with (time, size) of each page program and the time of each change of the glass, µs."""
    terminal, programs, pixels = counter.terminal, [], []
    array, lcd = terminal.wiring.nor.array, terminal.wiring.lcd
    program, changed = array.program, lcd.on_change

    def noted_program(address: int, data: bytes) -> None:
        program(address, data)
        programs.append((terminal.now_us, len(data)))

    def noted_change(t_us: int) -> None:
        pixels.append(t_us)
        changed(t_us)

    array.program, lcd.on_change = noted_program, noted_change
    return programs, pixels


def _latency(bus: list[tuple[float, float]], host: dict[str, float]) -> dict[str, float]:
    """Return the figures of a press."""
    factor = 1000 * CCM_ON_BOARD_MS / host["ccm_us"]
    durable_bus = statistics.median([row[0] for row in bus])
    pixel_bus = statistics.median([row[1] for row in bus])
    durable_cpu = factor * host["durable_us"] / 1000
    glyphs = host["glyph_pixels"] * GLYPH_PIXEL_ON_BOARD_US / 1000
    pixel_cpu = durable_cpu + factor * (host["answer_us"] + host["strip_us"]) / 1000 + glyphs
    return {
        "firmware_press_to_durable_bus_ms": durable_bus,
        "firmware_press_to_durable_cpu_estimate_ms": durable_cpu,
        "firmware_press_to_durable_estimate_ms": durable_bus + durable_cpu,
        "firmware_decided_to_durable_estimate_ms": durable_bus + durable_cpu - DECISION_MS,
        "firmware_press_to_first_pixel_bus_ms": pixel_bus,
        "firmware_press_to_first_pixel_estimate_ms": pixel_bus + pixel_cpu,
        "firmware_cpu_to_rp2040_estimate_ratio": factor,
        "firmware_event_bytes": host["event_bytes"],
        "firmware_allocated_per_event_64bit_bytes": host["press_alloc_bytes"],
        "firmware_allocated_per_event_32bit_estimate_bytes": host["press_alloc_bytes"] * heap.NARROW,
        "firmware_allocated_per_strip_64bit_bytes": host["paint_alloc_bytes"],
        "firmware_allocated_per_acknowledgement_64bit_bytes": host["acknowledge_alloc_bytes"],
    }


def heap_in_use() -> dict[str, float]:
    """Return the bytes of the heap that the firmware has in use after its start, see tests/device/heap.py."""
    used = heap.in_use(*heap.measure(), heap.PLAIN_BYTES, heap.ENTRY_BYTES)
    return {
        "firmware_heap_in_use_64bit_bytes": used,
        "firmware_heap_in_use_32bit_estimate_bytes": used * heap.NARROW,
    }


def measure_long(repetitions: int, say: Say) -> dict[str, float]:
    """Return the largest free block of the 64-bit heap after 10,000 events; once, as it takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        probed = after_events(Path(folder), LONG_EVENTS, say)
    free, block = probed[-1]
    return {
        "firmware_largest_free_block_after_10000_events_bytes": block,
        "firmware_smallest_largest_free_block_bytes": min(row[1] for row in probed),
        "firmware_heap_in_use_after_10000_events_64bit_bytes": HEAP_KB * 1024 - free,
    }


def after_events(folder: Path, events: int, say: Say) -> list[tuple[int, int]]:
    """Return (free, largest free block) as the terminal told them every 5 minutes of some rated events."""
    with Counter(folder, seed=1, firmware_dir=changed_firmware(folder, "link/tasks.py", CHECKED, PROBE)) as counter:
        counter.login()
        n = 0
        while max(counter.events, default=0) < events:
            n += 1
            counter.open_invite(n)
            for press in range(PRESSES_AN_INVITE):
                counter.press(1 + (n + press) % 5)
            counter.until_state("idle", 20_000)
            if n % 100 == 0:
                say(f"{max(counter.events)} of {events} events")
        counter.run(PROBED_EACH_MS + 10_000)
        lines = counter.terminal.console(1 << 24).splitlines()
    return [(int(line.split()[1]), int(line.split()[2])) for line in lines if line.startswith("heap")]
