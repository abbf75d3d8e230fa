"""A centre in real time: a broker, a receiver, several agents with a terminal each, as their users start them."""

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from host_agent.bundle.keys import Key
from host_agent.rollout.cli import status
from simulator.demo.broker import BrokerPart
from simulator.demo.parts import free_port
from tests.city.live import Receiver
from tests.city.terminals import Terminal as CityTerminal
from tests.rollout.updating_terminal import UpdatingTerminal
from tests.unit.agent_support import AgentProcess, wait_until

# In use a minute of quiet before the switch, five seconds between looks and twenty between words.
QUICK = {
    "host_agent.update.window_update.QUIET_S": 0.0,
    "host_agent.update.window_update.TRIAL_LOOK_S": 0.2,
    "host_agent.update.updates.LOOK_S": 0.2,
}


def yiping(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    command = [sys.executable, "-m", "host_agent", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Centre:
    """Own all processes; every agent has `each` terminals."""

    def __init__(self, folder: Path, key: Key, agents: int, update: str = "", each: int = 1) -> None:
        self.folder = folder
        (folder / "bundle.key").write_bytes(key.modulus)
        self.broker = BrokerPart(folder, free_port())
        self.broker.start()
        self.known = [CityTerminal(f"YP-000{i}", window=f"W{i:02}") for i in range(1, agents * each + 1)]
        self.terminals = [
            UpdatingTerminal(folder / f"tty-{one.id}", one.id, secret=one.secret).start() for one in self.known
        ]
        places = [(known.window, one) for known, one in zip(self.known, self.terminals, strict=True)]
        self.agents = [self._agent(i + 1, places[i * each : (i + 1) * each], update) for i in range(agents)]
        self.receiver: Receiver | None = None

    def _agent(self, number: int, places: list[tuple[str, UpdatingTerminal]], update: str) -> AgentProcess:
        folder = self.folder / f"pc-{number}"
        folder.mkdir()
        text = f'[update]\nkey = "{self.folder / "bundle.key"}"\n{update}\n'
        windows = [(window, terminal.terminal, terminal.link_path) for window, terminal in places]
        made = AgentProcess(folder, self.broker.port, windows, policy=text, constants=QUICK)
        config = made.config.read_text(encoding="utf-8").replace('id = "pc-01"', f'id = "pc-{number:02}"')
        made.config.write_text(config, encoding="utf-8")
        return made

    def start(self, receiver: bool = True) -> None:
        """Start receiver and agents, and wait until the city has heard of every terminal."""
        if receiver:
            folder = self.folder / "city"
            folder.mkdir()
            self.receiver = Receiver(folder, self.broker, *self.known)
            config = folder / "receiver.toml"
            text = config.read_text(encoding="utf-8")
            config.write_text(f'{text}[rollout]\nkey = "{self.folder / "bundle.key"}"\n', encoding="utf-8")
            self.receiver.part.start()
        for agent in self.agents:
            agent.start()
        if receiver:
            wait_until("the city hears of every terminal", lambda: self._heard() == len(self.terminals))

    def _heard(self) -> int:
        return sum(sum(row["versions"].get("k5", {}).values()) for row in self.rollouts(check=False))

    def rollouts(self, check: bool = True) -> list[dict]:
        """Return what `status --json` says; in this process, as tests ask again and again."""
        config = self.folder / "city" / "receiver.toml"
        found = CliRunner().invoke(status, ["--config", str(config), "--json"])
        assert not check or found.stdout, found.output
        return json.loads(found.stdout or "[]")

    def rollout(self, verb: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return yiping("rollout", verb, "--config", self.folder / "city" / "receiver.toml", *arguments)

    def offer(self, bundle: Path) -> None:
        for agent in self.agents:
            done = yiping("update", "offer", bundle, "--config", agent.config)
            assert done.returncode == 0, done.stderr

    def close(self) -> None:
        for agent in self.agents:
            agent.stop()
        if self.receiver is not None:
            self.receiver.part.stop()
        for terminal in self.terminals:
            terminal.close()
        self.broker.stop()
