"""Measures the terminals: from a key's edge or a finger's lift to a durable event, tone and pixels, and their memory.

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
from typing import NamedTuple

from simulator.process import HEAP_KB
from tests.bench import figures, firmware_ratings
from tests.bench.firmware_probe import PROBED_EACH_MS, Block, blocks, probing
from tests.device import heap
from tests.device.counter import Counter
from tests.micropython_server import run_forked
from tests.ui.gallery import stage_packs, stage_screens
from ui import layout_t35

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ("k5", "t35")
PRESSES = 10
TIMED_PRESSES = 200
HOST_HEAP = "900K"  # holds the compiler and the sources too
TIMEOUT_S = 120.0
CCM_ON_BOARD_MS = 7.0
GLYPH_PIXEL_ON_BOARD_US = 1.2
RECORD_BYTES = 100  # longer programs are events
NAMES = {"k5": "firmware", "t35": "firmware_t35"}  # of a board's figures
TAP_MS, TAP_Y = 80, 250
ANSWERED_MS = 300  # no countdown changes in it
DECISION_MS = 50  # a press counts when no second key came meanwhile, app/keys.py

LONG_EVENTS = 10_000
PRESSES_AN_INVITE = 8
LONG_RATINGS = 10_000

Say = Callable[[str], None]


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians of the repetitions."""
    runs = []
    for number in range(1, repetitions + 1):
        with tempfile.TemporaryDirectory() as folder:
            buses = {board: bus_times(Path(folder), number, PRESSES, board) for board in BOARDS}
        found = {}
        for board, bus in buses.items():
            found |= _latency(bus, press_on_host(TIMED_PRESSES, board), NAMES[board])
        runs.append(found)
        shown = runs[-1]
        say(
            f"{number}/{repetitions}: durable {shown['firmware_press_to_durable_estimate_ms']:.1f} ms, "
            f"pixel {shown['firmware_press_to_first_pixel_estimate_ms']:.1f} ms"
        )
    return figures.medians(runs) | heap_in_use()


def press_on_host(presses: int = TIMED_PRESSES, board: str = "k5") -> dict[str, float]:
    """Return what firmware_press.py prints with the screens of a board."""
    script = Path(__file__).with_name("firmware_press.py")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{ROOT}:{stage_screens(board, Path(folder, 'staged'))}:{ROOT}/firmware:.frozen"
        flash = stage_packs(board, Path(folder, "flash"))
        code, output = run_forked([str(script), str(flash), str(presses)], path, HOST_HEAP, TIMEOUT_S)
    if code:
        raise RuntimeError(output)
    return json.loads(output)


class Answer(NamedTuple):
    """When one press was answered, ms from the key's edge or the finger's lift; bus and chip time only."""

    durable: float
    tone: float
    first_pixel: float
    last_pixel: float  # of the level and the band above it


def bus_times(folder: Path, seed: int, presses: int = PRESSES, board: str = "k5") -> list[Answer]:
    """Return the answer to each press."""
    found = []
    with Counter(folder / board, seed=seed, board=board) as counter:
        counter.login()
        programs, pixels = _watch(counter)
        for n in range(presses):
            counter.open_invite(n)
            edge_us = _press(counter, board, 1 + n % 5, programs, pixels)
            durable_us = min(at_us for at_us, size in programs if size > RECORD_BYTES)
            tone_us = min(tone[0] for tone in counter.terminal.tones if tone[0] > edge_us)
            shown = [at_us for at_us in pixels if at_us > durable_us]
            times = (durable_us, tone_us, shown[0], shown[-1])
            found.append(Answer(*((at_us - edge_us) / 1000 for at_us in times)))
            counter.until_state("idle", 20_000)
    return found


def _press(counter: Counter, board: str, key: int, *noted: list) -> int:
    """Press a key, or tap its column; return when it went down, or was lifted, µs. `noted` begins anew there."""
    terminal = counter.terminal
    if board == "t35":
        column = layout_t35.WIDTH // 5
        terminal.touch((column * key - column // 2, TAP_Y))
        counter.run(TAP_MS)
    for rows in noted:
        rows.clear()
    edge_us = terminal.now_us
    if board == "t35":
        terminal.touch()
        counter.run(ANSWERED_MS)
    else:
        terminal.press(key)
        counter.run(ANSWERED_MS)
    return edge_us


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


def _latency(bus: list[Answer], host: dict[str, float], name: str) -> dict[str, float]:
    """Return the figures of a press; their names begin with `name`."""
    factor = 1000 * CCM_ON_BOARD_MS / host["ccm_us"]
    durable, tone, first, last = (statistics.median(column) for column in zip(*bus, strict=True))
    durable_cpu = factor * host["durable_us"] / 1000
    answer_cpu = durable_cpu + factor * host["answer_us"] / 1000
    glyphs = host["glyph_pixels"] * GLYPH_PIXEL_ON_BOARD_US / 1000
    return {
        f"{name}_press_to_durable_bus_ms": durable,
        f"{name}_press_to_durable_cpu_estimate_ms": durable_cpu,
        f"{name}_press_to_durable_estimate_ms": durable + durable_cpu,
        f"{name}_decided_to_durable_estimate_ms": durable + durable_cpu - (DECISION_MS if name == NAMES["k5"] else 0),
        f"{name}_press_to_tone_bus_ms": tone,
        f"{name}_press_to_tone_estimate_ms": tone + answer_cpu,
        f"{name}_press_to_first_pixel_bus_ms": first,
        f"{name}_press_to_first_pixel_estimate_ms": first + answer_cpu + factor * host["strip_us"] / 1000 + glyphs,
        f"{name}_press_to_last_pixel_bus_ms": last,
        f"{name}_press_to_last_pixel_estimate_ms": last + answer_cpu + factor * host["strips_us"] / 1000,
        f"{name}_cpu_to_rp2040_estimate_ratio": factor,
        f"{name}_event_bytes": host["event_bytes"],
        f"{name}_allocated_per_event_64bit_bytes": host["press_alloc_bytes"],
        f"{name}_allocated_per_event_32bit_estimate_bytes": host["press_alloc_bytes"] * heap.NARROW,
        f"{name}_allocated_per_strip_64bit_bytes": host["paint_alloc_bytes"],
        f"{name}_allocated_per_acknowledgement_64bit_bytes": host["acknowledge_alloc_bytes"],
    }


def heap_in_use() -> dict[str, float]:
    """Return the bytes of the heap that the firmware has in use after its start, see tests/device/heap.py."""
    used = heap.in_use("k5", *heap.measure("k5"), heap.PLAIN_BYTES, heap.ENTRY_BYTES)
    return {
        "firmware_heap_in_use_64bit_bytes": used,
        "firmware_heap_in_use_32bit_estimate_bytes": used * heap.NARROW,
    }


def measure_long(repetitions: int, say: Say) -> dict[str, float]:
    """Return what is left of the 64-bit heap after 10,000 events, and after as many ratings; once: it takes long."""
    found = {}
    for board, name in NAMES.items():
        with tempfile.TemporaryDirectory() as folder:
            probed = after_events(Path(folder), LONG_EVENTS, say, board)
        found |= {
            f"{name}_largest_free_block_after_10000_events_bytes": probed[-1].largest,
            f"{name}_smallest_largest_free_block_bytes": min(row.largest for row in probed),
            f"{name}_heap_in_use_after_10000_events_64bit_bytes": HEAP_KB * 1024 - probed[-1].free,
        }
        with tempfile.TemporaryDirectory() as folder:
            found |= ratings_figures(firmware_ratings.run(Path(folder), LONG_RATINGS, board, say), name)
    return found


def ratings_figures(growth: firmware_ratings.Growth, name: str) -> dict[str, float]:
    """Return the figures of a run of ratings; the first looks are left out of what has grown since."""
    half = len(growth.blocks) // 2
    early, late = growth.blocks[1 : half + 1], growth.blocks[half:]
    return {
        f"{name}_events_of_10000_ratings": growth.events,
        f"{name}_smallest_largest_free_block_of_10000_ratings_bytes": min(row.largest for row in growth.blocks),
        f"{name}_free_heap_lost_over_10000_ratings_bytes": max(row.free for row in early) - max(r.free for r in late),
        f"{name}_files_grown_over_10000_ratings_bytes": growth.looks[-1].flash_bytes - growth.looks[0].flash_bytes,
    }


def after_events(folder: Path, events: int, say: Say, board: str = "k5") -> list[Block]:
    """Return what the terminal told of its heap every 5 minutes of some rated events."""
    with Counter(folder, seed=1, board=board, firmware_dir=probing(folder)) as counter:
        counter.login()
        n = 0
        while max(counter.events, default=0) < events:
            n += 1
            counter.open_invite(n)
            for press in range(PRESSES_AN_INVITE):
                _press(counter, board, 1 + (n + press) % 5)
            counter.until_state("idle", 20_000)
            if n % 100 == 0:
                say(f"{max(counter.events)} of {events} events")
        counter.run(PROBED_EACH_MS + 10_000)
        return blocks(counter.terminal.console(1 << 24))
