"""The agent's recorded runs: a few terminals, receipts, invites, notes, a purge, a full disk, restarts."""

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path

from host_agent.errors import AgentError
from host_agent.store_rows import WindowRow
from tests.city.terminals import Invite, Terminal
from tests.host_power_cut import agent_life
from tests.host_power_cut.agent_life import Clock, Life
from tests.host_power_cut.promise import Mark
from tests.host_power_cut.vfs import Recording

_LEFT = 3  # receipts that are late


@dataclass(frozen=True)
class Plan:
    """What a run is like; the counts are rounds, a round is a few commits."""

    name: str
    rounds: int
    terminals: int = 3
    most: int = 3  # events of one terminal in one round
    checkpoint_pages: int = 12  # small, so that the log is folded in and begun anew again and again
    restart_every: int = 0
    purge_every: int = 0
    full_every: int = 0


class AgentRun:
    """One run on an empty folder."""

    def __init__(self, plan: Plan, seed: int) -> None:
        """Keep the plan; `record` carries it out."""
        self._plan = plan
        self._rng = random.Random(f"{plan.name}:{seed}")
        self._seed = seed
        self._clock = Clock()
        self.marks: list[Mark] = []
        self._terminals = [
            Terminal(f"YP-{number:04}", window=f"W{number:02}", seed=seed) for number in range(1, plan.terminals + 1)
        ]
        self._waiting: dict[str, list[tuple[int, bytes]]] = {terminal.id: [] for terminal in self._terminals}
        self._invited = 0

    def record(self, folder: Path, recording: Recording) -> None:
        """Live through the plan."""
        agent_life.run(lambda: self._live(folder, recording), self._seed, self._plan.checkpoint_pages)

    async def _live(self, folder: Path, recording: Recording) -> None:
        life = Life(folder, self._clock, recording, self.marks)
        await life.start()
        for number in range(1, self._plan.rounds + 1):
            await self._round(life, number)
            if _is_turn(number, self._plan.purge_every):
                await life.purge()
            if _is_turn(number, self._plan.full_every):
                await self._fill(life, recording)
            if _is_turn(number, self._plan.restart_every):
                await life.stop()
                life = Life(folder, self._clock, recording, self.marks)
                await life.start()
        await life.stop()

    async def _round(self, life: Life, number: int) -> None:
        """Invite somewhere, take what all terminals bring at once, with receipts and notes in the same commits."""
        self._clock.now_ms += self._rng.randrange(1, 5_000)
        inviting = self._rng.sample(self._terminals, self._rng.randint(0, 2))
        self._invited += len(inviting)
        rows = await asyncio.gather(
            *(life.invite(terminal, self._invited - at) for at, terminal in enumerate(inviting))
        )
        for terminal, row in zip(inviting, rows, strict=True):
            if self._rng.random() < 0.7:
                life.invites(terminal).opened(row.invite)
            invite = Invite(row.invite, row.preimage)
            if self._rng.random() < 0.7:
                self._seal(terminal, terminal.rates(self._rng.randint(1, 5), invite))
            if self._rng.random() < 0.3:
                self._seal(terminal, terminal.rates(self._rng.randint(1, 5), invite))
        for terminal in self._terminals:
            for _ in range(self._rng.randint(1, self._plan.most)):
                self._seal(terminal, terminal.marks())
        taken = [self._bring(life, terminal) for terminal in self._terminals]
        self._hear_city(life)
        if self._rng.random() < 0.3:
            life.note(WindowRow("W01", None, number % 2), self._terminals[0])
        self._bring(life, self._terminals[0])  # the frame came twice: answered once
        await asyncio.wait_for(asyncio.gather(*taken), agent_life.WAIT_S)
        await life.tell(WindowRow("W02", f'{{"number":"{number}"}}', 0))
        assert self._bring(life, self._terminals[1]).done()  # it is held already
        for waiting in self._waiting.values():
            waiting.clear()

    def _seal(self, terminal: Terminal, event: bytes) -> None:
        self._waiting[terminal.id].append((terminal.seq, event))

    def _bring(self, life: Life, terminal: Terminal) -> asyncio.Future[None]:
        return life.take(terminal, self._waiting[terminal.id])

    def _hear_city(self, life: Life) -> None:
        """Receipts for most of what waits, in any order; now and then a refusal."""
        ids = [id_ for id_ in life.rows if self._rng.random() < 0.8][: max(0, len(life.rows) - _LEFT)]
        if ids and self._rng.random() < 0.1:
            life.refused(ids.pop())
        if ids:
            life.receipted(ids)

    async def _fill(self, life: Life, recording: Recording) -> None:
        """Let the disk take less than the next commit needs; then give it room again."""
        recording.room_bytes = self._rng.randrange(1, 30_000)
        terminal = self._terminals[0]
        for _ in range(10):
            self._seal(terminal, terminal.marks())
        self._hear_city(life)
        taken = self._bring(life, terminal)
        try:
            await life.tell(WindowRow("W03", None, 1))
        except AgentError:
            assert not taken.done()
        recording.room_bytes = None
        await life.taking()
        await asyncio.wait_for(self._bring(life, terminal), agent_life.WAIT_S)
        self._waiting[terminal.id].clear()


def _is_turn(number: int, every: int) -> bool:
    return bool(every) and number % every == 0
