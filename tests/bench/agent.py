"""Measures the agent beside its peers: events a second to PUBACK with durable commit, processor, memory, latency.

Real `yiping agent run`, real mosquitto, real ptys fed by a process of its own. In each repetition agent and peers run
one after the other and the ratios are taken there; what is returned is the median of the repetitions.
"""

import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import agent_events, agent_latency
from tests.bench.agent_events import Terminal
from tests.bench.agent_rooms import Agent, Child, Listener, broker, child, hall, listener, receiver, until

Say = Callable[[str], None]

SEED = 1
PTYS = (8, 64)
# Enough that the start and the end weigh little: some three seconds of the agent.
EVENTS = 24_000
CITY_EVENTS = 4_800
# What reads lines is so much slower that it is measured by the clock.
PEER_S = 4.0
# Ways to run bare paho; the one that is the fastest here is the peer.
BARE_WAYS = (("thread", 20), ("thread", 100), ("own", 20), ("own", 100))
MB = 1_000_000


class Bench:
    """Holds the events; measures one thing at a time, each with a broker of its own."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder = folder
        self._say = say
        self._runs = 0
        self._terminals: dict[int, list[Terminal]] = {}
        self._files: dict[int, Path] = {}
        for ptys in PTYS:
            self._terminals[ptys] = agent_events.make(ptys, EVENTS // ptys, SEED)
            self._files[ptys] = folder / f"events-{ptys}"
            agent_events.save(self._terminals[ptys], self._files[ptys])
        self._bare_way = BARE_WAYS[0]

    def choose_bare(self) -> None:
        """Find bare paho's fastest way on this machine."""
        rates: dict[tuple[str, int], float] = {}
        for way in BARE_WAYS:
            self._bare_way = way
            rates[way] = self.bare()
        self._bare_way = max(rates, key=rates.__getitem__)
        self._say(", ".join(f"bare paho {loop} {in_flight}: {rate:.0f}/s" for (loop, in_flight), rate in rates.items()))

    def bare(self) -> float:
        """Return the events a second of paho without storage."""
        with self._broker() as (_, port, _listener):
            with child("tests.bench.agent_peers", "bare", port, self._files[64], *self._bare_way, EVENTS) as peer:
                return _rate(peer)

    def lines(self, kind: str, ptys: int) -> float:
        """Return the events a second of a peer that reads lines."""
        with self._broker() as (folder, port, _listener):
            links = folder / "links"
            links.mkdir()
            with child("tests.bench.agent_feeder", "hex", self._files[ptys], links) as feeder:
                feeder.expect("ready")
                feeder.say("go")
                with child("tests.bench.agent_peers", kind, port, links, PEER_S) as peer:
                    return _rate(peer)

    def agent(self, ptys: int) -> tuple[float, float, float]:
        """Return events a second, processor seconds for 1,000 events, and peak memory in bytes."""
        with self._broker() as (folder, port, heard):
            with hall(folder, self._terminals[ptys], port, "puback") as (agent, feeder):
                return _flood(agent, feeder, EVENTS, heard)

    def city(self, ptys: int) -> float:
        """Return events a second to the receipt of a real receiver, noted durably."""
        terminals = [row._replace(events=row.events[: CITY_EVENTS // ptys]) for row in self._terminals[ptys]]
        with self._broker() as (folder, port, heard):
            with receiver(folder / "receiver", terminals, port):
                with hall(folder, terminals, port, "city") as (agent, feeder):
                    return _flood(agent, feeder, CITY_EVENTS, heard)[0]

    def latency(self) -> list[float]:
        """Return ms from press to receipt, of each event."""
        with self._broker() as (folder, port, _listener):
            return agent_latency.run(folder, self._terminals[64], port)

    @contextmanager
    def _broker(self) -> Iterator[tuple[Path, int, Listener]]:
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        folder.mkdir()
        with broker(folder / "broker") as port, listener(port) as heard:
            yield folder, port, heard


def measure(repetitions: int, say: Say) -> dict[str, float]:
    """Return the medians by name."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench-agent-") as name:
        bench = Bench(Path(name), say)
        bench.choose_bare()
        for number in range(1, repetitions + 1):
            once = _repetition(bench)
            say(f"agent {number}/{repetitions}: " + ", ".join(f"{key} {value:.3g}" for key, value in once.items()))
            for key, value in once.items():
                found[key].append(value)
    return {key: statistics.median(values) for key, values in found.items()}


def _repetition(bench: Bench) -> dict[str, float]:
    once: dict[str, float] = {}
    once["bare_paho_events_per_s"] = bare = bench.bare()
    for ptys in PTYS:
        rate, cpu_s, memory_bytes = bench.agent(ptys)
        once[f"agent_{ptys}_ptys_events_per_s"] = rate
        once[f"agent_{ptys}_ptys_to_bare_paho_ratio"] = rate / bare
        for kind, peer in (("script", "readline_script"), ("queue", "persist_queue")):
            once[f"{peer}_{ptys}_ptys_events_per_s"] = slow = bench.lines(kind, ptys)
            once[f"agent_{ptys}_ptys_to_{peer}_ratio"] = rate / slow
        once[f"agent_{ptys}_ptys_cpu_s_per_1000_events"] = cpu_s
        once[f"agent_{ptys}_terminals_memory_mb"] = memory_bytes / MB
    once["agent_cpu_s_per_1000_events"] = once["agent_64_ptys_cpu_s_per_1000_events"]
    once["agent_64_ptys_city_receipts_events_per_s"] = bench.city(64)
    waits = sorted(bench.latency())
    once["agent_press_to_receipt_40_per_s_p50_ms"] = waits[len(waits) // 2]
    once["agent_press_to_receipt_40_per_s_p99_ms"] = waits[len(waits) * 99 // 100]
    return once


def _flood(agent: Agent, feeder: Child, count: int, heard: Listener) -> tuple[float, float, float]:
    """Feed everything at once; end when the agent's store says that each event is done with."""
    cpu_s, begun_s = agent.cpu_s(), time.monotonic()
    feeder.say("go")
    until(f"{count} events at the broker", lambda: heard.messages >= count)
    until(f"{count} events noted as done", lambda: agent.settled() >= count, 0.005)
    seconds = time.monotonic() - begun_s
    spent_s = agent.cpu_s() - cpu_s
    feeder.expect("done")
    assert agent.settled() == count, "more events are done than there were"
    return count / seconds, spent_s / count * 1000, agent.memory_bytes()


def _rate(peer: Child) -> float:
    peer.expect("ready")
    peer.say("go")
    result = json.loads(peer.hear())
    return result["events"] / result["seconds"]
