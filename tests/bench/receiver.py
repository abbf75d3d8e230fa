"""Measures the city's receiver: events that one CPU second opens, checks, commits and receipts.

The receiver's own code without the network, on a real database with `synchronous=FULL`; in batches as small as a broker
that lets 20 messages be under way makes them, and as large as a backlog makes them.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from host_agent.receiver.intake import Raw
from tests.bench import figures
from tests.city.terminals import City, Terminal, message

TERMINALS = 20
EVENTS = 3000
SMALL_BATCH, LARGE_BATCH = 20, 200
_STEP_MS = 20

Say = Callable[[str], None]


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians of the repetitions."""
    runs = []
    for number in range(1, repetitions + 1):
        small, small_wall = rate(SMALL_BATCH, number)
        large, _ = rate(LARGE_BATCH, number)
        runs.append(
            {
                "receiver_events_per_cpu_s": small,
                f"receiver_batches_of_{LARGE_BATCH}_events_per_cpu_s": large,
                "receiver_events_per_s": small_wall,
            }
        )
        say(f"{number}/{repetitions}: {small:.0f} events a CPU second in batches of {SMALL_BATCH}")
    return figures.medians(runs)


def rate(batch: int, seed: int, events: int = EVENTS) -> tuple[float, float]:
    """Return events a CPU second and events a second of the clock."""
    terminals = [Terminal(f"T{number}", seed=seed, step_ms=_STEP_MS) for number in range(TERMINALS)]
    messages = _rated(terminals, events)
    with tempfile.TemporaryDirectory() as folder:
        city = City(Path(folder), *terminals)
        began, cpu_began = time.perf_counter(), time.process_time()
        for start in range(0, events, batch):
            city.take(*messages[start : start + batch])
        cpu_s, wall_s = time.process_time() - cpu_began, time.perf_counter() - began
        assert city.store.outbox.counts() == (events, 0), "not every event was stored and handed on"
        city.close()
    return events / cpu_s, events / wall_s


def _rated(terminals: list[Terminal], events: int) -> list[Raw]:
    """Return ratings as the agents publish them, the terminals in turn."""
    messages = []
    for number in range(events):
        terminal = terminals[number % len(terminals)]
        invite = terminal.invite()
        messages.append(message(terminal, terminal.rates(1 + number % 5, invite), invite.preimage))
    return messages
