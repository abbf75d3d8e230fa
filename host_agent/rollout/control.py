"""The roll-out in the running receiver: hears terminals' states, moves the plan on, gives the agents their word.

Promise: a word is given only of a plan that is on the disk; the store belongs to one thread of its own, so that events
never wait for it; while it cannot be read no word is given, and the agents' leases end.
"""

import asyncio
import copy
import json
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from host_agent.receiver.message import segments
from host_agent.rollout import overview, step
from host_agent.rollout.model import OPEN_STATES, Member, Report, Rollout, read_report
from host_agent.rollout.store import RolloutStore

LOOK_S = 1.0
RENEW_S = 20.0  # an agent's lease is 90 s: three words may be lost
STATE_LIMIT_BYTES = 16 * 1024
_TERMINALS_A_WORD = 64

_log = logging.getLogger(__name__)
Send = Callable[[str, bytes], None]


class Control:
    """Own the roll-outs of one receiver; belongs to the event loop."""

    def __init__(self, store: RolloutStore, prefix: str, send: Send, utc_ms: Callable[[], int]) -> None:
        """Keep the parts; `send` publishes a command that nobody keeps."""
        self._store = store
        self._prefix = prefix
        self._send = send
        self._utc_ms = utc_ms
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="rollout-store")
        self._heard: dict[tuple[str, str], Report] = {}
        self._agents: dict[tuple[str, str], bool] = {}
        self._said: dict[tuple[str, str], tuple[frozenset[str], float]] = {}
        self._number = 0
        self._seen: list[dict[str, Any]] = []
        self.fault: str | None = None

    def hear(self, topic: str, payload: bytes) -> bool:
        """Take a message if it is a state of a terminal or an agent; return whether it was."""
        terminal = segments(topic, self._prefix, "terminal", "state")
        agent = segments(topic, self._prefix, "agent", "state")
        if terminal is None and agent is None:
            return False
        try:
            told = json.loads(payload) if len(payload) <= STATE_LIMIT_BYTES else None
        except (ValueError, RecursionError):
            return True
        if terminal is not None:
            report = read_report(terminal[1], told, self._utc_ms())
            if report is not None:
                self._heard[terminal] = report
        elif agent is not None and isinstance(told, dict):
            self._agents[agent] = told.get("state") == "online"
        return True

    async def run(self) -> None:
        """Move the roll-outs on for ever; returns only by being cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            heard, self._heard = self._heard, {}
            agents, self._agents = self._agents, {}
            try:
                found, self._seen = await loop.run_in_executor(self._worker, self._step, heard, agents)
                self.fault = None
            except sqlite3.Error as error:
                self._heard, self._agents = heard | self._heard, agents | self._agents
                if self.fault is None:
                    _log.error("the roll-outs cannot be kept: %s", error)
                self.fault = str(error)
                found = []
            self._give_words(found, loop.time())
            await asyncio.sleep(LOOK_S)

    def overview(self) -> list[dict[str, Any]]:
        """Return each centre's versions and roll-out, as they were at the last look."""
        return self._seen

    def close(self) -> None:
        """Finish what was begun on the disk, and close it."""
        self._worker.shutdown()
        self._store.close()

    # --- on the store's thread

    def _step(
        self, heard: dict[tuple[str, str], Report], agents: dict[tuple[str, str], bool]
    ) -> tuple[list[Rollout], list[dict[str, Any]]]:
        now_ms = self._utc_ms()
        with self._store.change():
            for (centre, _), report in heard.items():
                self._store.hear(centre, report)
            for (centre, agent), there in agents.items():
                self._store.hear_agent(centre, agent, there)
            for rollout in self._store.open_ones():
                was = copy.deepcopy(rollout)
                step.step(rollout, self._store.reports(rollout.centre), now_ms)
                if rollout != was:
                    self._store.put(rollout)
                if rollout.state != was.state:
                    _log.warning(
                        "roll-out %s of %s: %s %s", rollout.id, rollout.centre, rollout.state, rollout.why or ""
                    )
        return self._store.newest(), overview.centres(self._store, now_ms)

    # --- words

    def _give_words(self, rollouts: list[Rollout], now_s: float) -> None:
        """Say to each agent who may go: at once when that has changed, else again before its lease ends."""
        for rollout in rollouts:
            for agent, members in step.words(rollout).items():
                key, names = (rollout.centre, agent), frozenset(member.terminal for member in members)
                said, at_s = self._said.get(key, (frozenset(), -RENEW_S))
                # An agent that has heard of a halt or has nobody to update need not hear it again and again.
                if names != said or (names and now_s - at_s >= RENEW_S):
                    self._said[key] = names, now_s
                    self._say(rollout, agent, members)

    def _say(self, rollout: Rollout, agent: str, members: list[Member]) -> None:
        self._number += 1
        offers = rollout.offers.values() if rollout.state in OPEN_STATES else ()
        command = {
            "id": f"{rollout.id}-{self._number}",
            "arguments": {
                "rollout": rollout.id,
                "bundles": {
                    one.board: {"manifest": one.manifest, "version": rollout.version, "url": one.url} for one in offers
                },
                "terminals": sorted(member.terminal for member in members)[:_TERMINALS_A_WORD],
                "retry": sorted(member.terminal for member in members if member.retry)[:_TERMINALS_A_WORD],
            },
        }
        topic = f"{self._prefix}/{rollout.centre}/agent/{agent}/command/update"
        self._send(topic, json.dumps(command).encode())
