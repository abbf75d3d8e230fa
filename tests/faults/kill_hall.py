"""Agents on ptys, a broker and the city's receiver, to be killed at any moment; what the terminals know is the truth.

A desk is one agent with its terminals. After each kill its store is copied and read: what a terminal has been
acknowledged must be in it byte for byte, and an invite that was answered, too.
"""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from host_agent.receiver.aes import Aes
from protocol import evidence
from simulator.demo.broker import BrokerPart
from simulator.demo.parts import free_port
from tests.city.live import Receiver, until
from tests.unit.agent_support import AgentProcess
from tests.unit.fake_terminal import FakeTerminal

WAIT_S = 120.0
START_S = 1.5  # an agent answers within about this time
LEVEL = 6


class Provisioned:
    """A terminal as the registry is told of it."""

    def __init__(self, name: str, window: str) -> None:
        """Make its secret."""
        self.id = name
        self.window = window
        self.secret = random.Random(name).randbytes(32)

    def provision(self) -> dict:
        """Return the object of a provision.json."""
        return {
            "terminal": self.id, "epoch": 1, "secret": self.secret.hex(), "centre": "C01", "window": self.window,
            "board": "k5",
        }  # fmt: skip


class Desk:
    """One agent and its terminals."""

    def __init__(self, folder: Path, broker: BrokerPart, name: str, terminals: list[Provisioned]) -> None:
        """Plug the terminals in; `start` starts the agent."""
        folder.mkdir()
        self.folder = folder
        self.terminals = [
            FakeTerminal(folder / one.id, terminal=one.id, secret=one.secret).start() for one in terminals
        ]
        windows = [(one.window, one.id, folder / one.id) for one in terminals]
        self.agent = AgentProcess(folder, broker.port, windows)
        text = self.agent.config.read_text(encoding="utf-8")
        self.agent.config.write_text(text.replace('"pc-01"', f'"{name}"'), encoding="utf-8")
        self._windows = {one.window: terminal for one, terminal in zip(terminals, self.terminals, strict=True)}
        self.kills = 0
        self.invited: set[bytes] = set()

    def start(self) -> None:
        """Start the agent and do not wait."""
        self.agent.start("--wait", ready=False)

    def close(self) -> None:
        """End everything."""
        self.agent.stop(signal.SIGKILL)
        for terminal in self.terminals:
            terminal.close()

    # --- one turn

    def live(self, rng: random.Random) -> None:
        """Let some be rated and sealed; wait for a moment by lot at which to be killed."""
        for terminal in self.terminals:
            terminal.flood(rng.randint(5, 60))
        if rng.random() < 0.25:
            self.linger(rng.uniform(0.0, START_S))
            return
        if rng.random() < 0.3:
            self.invite(rng)
        acked = sum(terminal.acked() for terminal in self.terminals)
        sealed = sum(terminal.outbox.last() for terminal in self.terminals)
        goal = rng.randint(min(acked + 1, sealed), sealed)
        until(lambda: sum(terminal.acked() for terminal in self.terminals) >= goal, f"{goal} acknowledgements", WAIT_S)
        self.linger(rng.uniform(0.0, 0.02))

    def linger(self, span_s: float) -> None:
        """Let the agent live so long."""
        with suppress(subprocess.TimeoutExpired):
            self.agent.process.wait(span_s)
            raise AssertionError(f"the agent ended by itself: {self.agent.output()}")

    def invite(self, rng: random.Random) -> None:
        """Invite at each window as counter software does, and rate."""
        until(self.agent.answers, "the agent's API", WAIT_S)
        for window, terminal in self._windows.items():
            self.agent.call("POST", f"/api/v1/windows/{window}/login", {"number": "007"})
            code, answer = self.agent.call("POST", f"/api/v1/windows/{window}/invites", {})
            if code in (200, 201, 202):
                invite = bytes.fromhex(answer["invite"])
                self.invited.add(invite)
                terminal.rate(rng.randint(1, 5), invite)

    def kill(self) -> None:
        """Kill the agent, which must be alive."""
        process = self.agent.process
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL, self.agent.output()
        self.agent.process = None
        self.kills += 1

    # --- judging

    def judge(self) -> None:
        """Compare a copy of the dead agent's store with what its terminals have been acknowledged."""
        held, invites = self._read_copy()
        for terminal in self.terminals:
            acked = {seq: event for seq, event in self.sealed(terminal) if self._is_acked(terminal, seq)}
            lost = [seq for seq, event in acked.items() if held.get((terminal.terminal, seq)) != [event]]
            assert not lost, f"{terminal.terminal} was acknowledged {lost[:5]}, which the store lacks"
        doubled = [key for key, events in held.items() if len(events) > 1]
        assert not doubled, f"doubled in the store: {doubled[:5]}"
        assert self.invited <= invites, "an invite that was answered is lost"

    def sealed(self, terminal: FakeTerminal) -> list[tuple[int, bytes]]:
        """Return all that a terminal has sealed, by number."""
        return list(enumerate(list(terminal.outbox.events), 1))

    def settled(self) -> bool:
        """Say whether the city has receipted everything."""
        store = self.agent.status()["store"]
        sealed = sum(terminal.outbox.last() for terminal in self.terminals)
        return store["receipted_total"] >= sealed and store["waiting"] == 0

    def _is_acked(self, terminal: FakeTerminal, seq: int) -> bool:
        return seq <= terminal.acked() or seq in terminal.outbox._beyond

    def _read_copy(self) -> tuple[dict[tuple[str, int], list[bytes]], set[bytes]]:
        held: dict[tuple[str, int], list[bytes]] = {}
        with tempfile.TemporaryDirectory() as copy:
            for path in (self.folder / "data").glob("agent.db*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, copy)
            conn = sqlite3.connect(Path(copy) / "agent.db")
            try:
                if not conn.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'counters'").fetchone()[0]:
                    return {}, set()
                for terminal, seq, event in conn.execute("SELECT terminal, seq, evidence FROM events ORDER BY copy"):
                    held.setdefault((terminal, seq), []).append(event)
                return held, {row[0] for row in conn.execute("SELECT invite FROM invites")}
            finally:
                conn.close()


class KillHall:
    """Several desks, one broker, one receiver that hands on to a file."""

    def __init__(self, folder: Path, desks: int, terminals: int = 2) -> None:
        """Start broker and receiver, plug the terminals in."""
        self.broker = BrokerPart(folder, free_port())
        self.broker.start()
        self._provisioned = [
            [Provisioned(f"YP-{desk}-{number}", f"W{desk}-{number}") for number in range(terminals)]
            for desk in range(desks)
        ]
        self.receiver = Receiver(folder, self.broker, *[one for desk in self._provisioned for one in desk])
        self.receiver.part.start()
        self.desks = [
            Desk(folder / f"desk{number}", self.broker, f"pc-{number}", desk)
            for number, desk in enumerate(self._provisioned)
        ]

    def close(self) -> None:
        """End everything."""
        for desk in self.desks:
            desk.close()
        self.receiver.part.stop()
        self.broker.stop()

    def drain(self) -> int:
        """Start what is dead, wait until the city has everything, judge it; return how many events there are."""
        self.receiver.part.start()
        for desk in self.desks:
            if desk.agent.process is None:
                desk.start()
        for desk in self.desks:
            until(desk.agent.answers, "the agent's API", WAIT_S)
            until(desk.settled, "the receipts of everything", WAIT_S)
        until(lambda: self.receiver.status()["forward"]["waiting"] == 0, "the handing on", WAIT_S)
        return self._judge_city()

    def _judge_city(self) -> int:
        """Compare what was handed on with what was sealed: lost none, doubled none, altered none."""
        last: dict[str, dict] = {}
        for record in self.receiver.records():
            if record["revision"] >= last.get(record["id"], record)["revision"]:
                last[record["id"]] = record
        wanted = {}
        for desk, provisioned in zip(self.desks, self._provisioned, strict=True):
            for terminal, one in zip(desk.terminals, provisioned, strict=True):
                opened = [_open(one, event) for _, event in desk.sealed(terminal)]
                wanted |= {f"{one.id}-1-{clear.seq}": fields.get(LEVEL) for clear, fields in opened}
        assert last.keys() == wanted.keys(), _difference(last.keys(), wanted.keys())
        assert {id_: record["level"] for id_, record in last.items()} == wanted
        assert Counter(record["status"] for record in last.values()) == {"stored": len(wanted)}
        for row in self.receiver.terminals():
            assert (row["missing"], row["conflicts"], row["chain_broken"]) == (0, 0, 0), json.dumps(row)
        assert self.receiver.status()["store"]["stored"] == len(wanted)
        return len(wanted)


def _open(one: Provisioned, event: bytes) -> tuple[evidence.Clear, dict]:
    clear = evidence.parse(event)
    return clear, evidence.open_parsed(Aes, evidence.event_key(one.secret, 1), clear)


def _difference(found: set[str], wanted: set[str]) -> str:
    return f"lost {sorted(wanted - found)[:5]}, invented {sorted(found - wanted)[:5]}"
