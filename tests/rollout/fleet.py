"""A fleet as the city sees it: terminals that take the word, switch after a while, and may fail in every way."""

import random

import attrs

from host_agent.rollout import step
from host_agent.rollout.model import GO, Limits, Offer, Report, Rollout

MANIFEST = "ab" * 32
OLD8 = "00000000"
MINUTE_MS = 60_000


@attrs.define
class FleetTerminal:
    """One terminal and its agent's view of it; `fate` says how its update ends."""

    name: str
    agent: str
    fate: str = "done"
    there: bool = True
    running: str = OLD8
    update: tuple[str | None, str | None] = ("none", None)
    began_ms: int | None = None

    def report(self, now_ms: int) -> Report:
        firmware = "0.7.0" if self.running == MANIFEST[:8] else "0.6.0"
        manifest = None if self.began_ms is None else MANIFEST
        state = "ready" if self.there else "lost"
        return Report(self.name, self.agent, "W", "k5", firmware, self.running, state, *self.update, manifest, now_ms)

    def hear(self, may_go: bool, now_ms: int) -> None:
        """Move on as the agent does; without a word nothing begins."""
        if not self.there or self.update[0] in ("failed", "done"):
            return
        if self.began_ms is None:
            if may_go:
                self.began_ms, self.update = now_ms, ("sending", None)
        elif now_ms - self.began_ms > 3 * MINUTE_MS:
            self.end()

    def end(self) -> None:
        if self.fate == "done":
            self.running, self.update = MANIFEST[:8], ("done", None)
        else:
            self.update = ("failed", self.fate)


class Fleet:
    """One centre under one roll-out, in virtual time."""

    def __init__(self, count: int, agents: int, limits: Limits, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.now_ms = 1_790_000_000_000
        self.terminals = {f"YP-{i:04}": FleetTerminal(f"YP-{i:04}", f"pc-{i % agents:02}") for i in range(1, count + 1)}
        self.rollout = Rollout(
            "r-1", "C01", "0.7.0", {"k5": Offer("k5", MANIFEST, None)}, limits, started_ms=self.now_ms
        )
        self.begun: list[list[str]] = []  # after each minute: who has begun so far

    def minute(self) -> None:
        reports = {name: terminal.report(self.now_ms) for name, terminal in self.terminals.items()}
        step.step(self.rollout, reports, self.now_ms)
        going = {member.terminal for members in step.words(self.rollout).values() for member in members}
        assert going == {one.terminal for one in self.rollout.members.values() if one.state == GO} or not going
        for name, terminal in self.terminals.items():
            terminal.hear(name in going, self.now_ms)
        self.begun.append([name for name, one in self.terminals.items() if one.began_ms is not None])
        self.now_ms += MINUTE_MS

    def minutes(self, count: int) -> None:
        for _ in range(count):
            self.minute()

    @property
    def touched(self) -> list[str]:
        return self.begun[-1]
