"""The whole chain on one machine, each part as its user would start it, all of it in one folder.

broker · registry · receiver · city · agent are processes started by their own commands; each terminal is the real
firmware in the simulator. Everything that a run or the page wants to break has a name here.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.demo.broker import BrokerPart
from simulator.demo.http_json import answers, call
from simulator.demo.parts import Part, free_port, run_once, shut_off_signals, yiping
from simulator.errors import UserError
from simulator.terminal import SimTerminal

CENTRE = "C01"
WINDOW = "W01"
TERMINAL = "YP-0001"
PREFIX = "yiping/v1"
CLERK: Mapping[str, object] = {"number": "0817", "name": "李文静", "post": "综合受理", "stars": 5}
LINK_READY_S = 30.0

AGENT_TOML = """\
[agent]
id = "pc-01"
centre = "{centre}"
data_dir = "agent"
listen = "127.0.0.1:{agent_port}"

[broker]
url = "{broker_url}"
prefix = "{prefix}"

[policy]
{policy}

{windows}
"""

WINDOW_TOML = """\
[[window]]
id = "{window}"
name = "{name}"
terminal = "{terminal}"
port = "{link}"
"""

RECEIVER_TOML = """\
[receiver]
name = "city-01"
data_dir = "receiver"
registry = "registry.db"
listen = "127.0.0.1:{receiver_port}"
shared = {shared}

[broker]
url = "{broker_url}"
prefix = "{prefix}"

[forward]
url = "http://127.0.0.1:{city_port}/api/v1/ratings"
"""


@dataclass(frozen=True)
class Place:
    """One window with its terminal, and the path of the terminal's port."""

    window: str
    name: str
    terminal_id: str
    board: str
    link: Path
    terminal: SimTerminal


class Chain:
    """Own the parts and the terminals; a context manager that leaves no process behind."""

    def __init__(
        self,
        folder: Path,
        policy: Mapping[str, int | str | bool] | None = None,
        seed: int = 0,
        broker: str | None = None,
        say: Callable[[str], None] = lambda _text: None,
        boards: Sequence[str] = ("k5",),
    ) -> None:
        """Lay the configuration out in `folder` (emptied of nothing): a window for each of `boards`.

        `policy` goes to the terminals by the agent.
        """
        self.folder = folder
        self.say = say
        folder.mkdir(parents=True, exist_ok=True)
        ports = _distinct_ports(4)
        self.agent_url = f"http://127.0.0.1:{ports[1]}"
        self.city_url = f"http://127.0.0.1:{ports[2]}"
        self.receiver_url = f"http://127.0.0.1:{ports[3]}"
        self.broker = BrokerPart(folder, ports[0], broker)
        self.places = [_place(folder, number, board, seed) for number, board in enumerate(boards, 1)]
        self.terminal = self.places[0].terminal
        self._write_config(ports, policy or {})
        self.city = self._part(
            "city", ports[2], "summary", "city", "run", "--listen", f"127.0.0.1:{ports[2]}", "--data", "city"
        )
        self.receiver = self._part("receiver", ports[3], "status", "receiver", "run", "--config", "receiver.toml")
        self.agent = self._part("agent", ports[1], "status", "agent", "run", "--wait", "--config", "agent.toml")

    @property
    def nor_image(self) -> Path:
        """Return the file that stands for the terminal's NOR chip."""
        return self.terminal.state.nor

    @property
    def agent_database(self) -> Path:
        """Return the file of the agent's store."""
        return self.folder / "agent" / "agent.db"

    @property
    def clerk_url(self) -> str:
        """Return the address of the first window's clerk's page."""
        return self.clerk_url_of(WINDOW)

    def clerk_url_of(self, window: str) -> str:
        """Return the address of a window's clerk's page."""
        return f"{self.agent_url}/clerk/{window}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        shut_off_signals()
        self._stop()

    def agent_call(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Call the agent's API at `/api/v1` + path. Raise OSError when it does not answer."""
        return call(method, f"{self.agent_url}/api/v1{path}", body)

    def window_call(self, method: str, path: str, body: object = None, window: str = WINDOW) -> tuple[int, dict]:
        """Call the agent's API of a window. Raise OSError when the agent does not answer."""
        return self.agent_call(method, f"/windows/{window}{path}", body)

    def city_items(self) -> list[dict]:
        """Return every record that reached the city, oldest first. Raise OSError when the city does not answer."""
        items: list[dict] = []
        after = 0
        while True:
            _, answer = call("GET", f"{self.city_url}/api/v1/ratings?after={after}")
            if not answer["items"]:
                return items
            items += answer["items"]
            after = answer["next"]

    def terminal_status(self, terminal: str = TERMINAL) -> dict:
        """Return what the agent says of a terminal; an empty dict when it does not answer."""
        try:
            _, status = self.agent_call("GET", "/status")
        except OSError:
            return {}
        return next((row for row in status["terminals"] if row["terminal"] == terminal), {})

    def wait_connected(self, place: Place | None = None, timeout_s: float = LINK_READY_S) -> None:
        """Block until the agent holds a session with a terminal. Raise UserError when it does not in time."""
        place = place or self.places[0]
        terminal = place.terminal
        deadline = time.monotonic() + timeout_s
        while not self.terminal_status(place.terminal_id).get("connected"):
            if terminal.engine.main_ended:
                said = terminal.console().strip().splitlines() or ["no message"]
                raise UserError(f"the firmware ended: {said[-1]}", str(terminal.state.console), "read its console")
            if time.monotonic() > deadline:
                said = self.terminal_status(place.terminal_id).get("message", "no answer from the agent")
                raise UserError(
                    f"the terminal did not connect: {said}", str(self.agent.log_path), "read the agent's log"
                )
            time.sleep(0.05)

    def login(self, window: str = WINDOW) -> None:
        """Put the demo's clerk at a window. Raise UserError when the agent refuses."""
        status, answer = self.window_call("POST", "/login", dict(CLERK), window)
        if status >= 300:
            raise UserError(f"the agent refused the clerk: {answer}", self.agent_url, "read the agent's log")

    def _start(self) -> None:
        self.say(f"broker {self.broker.kind}")
        self.broker.start(wait=False)
        self.city.start(wait=False)
        for place in self.places:
            place.terminal.start()
            provision = str(place.terminal.state.provision)
            run_once("registry add", yiping("registry", "add", "--registry", "registry.db", provision), self.folder)
        self.broker.wait_ready()
        self.receiver.start(wait=False)
        self.agent.start(wait=False)
        for part in (self.city, self.receiver, self.agent):
            part.wait_ready()
            self.say(f"{part.name} answers")
        for place in self.places:
            self.wait_connected(place)
            self.login(place.window)
        self.say("terminal connected" if len(self.places) == 1 else f"{len(self.places)} terminals connected")

    def _stop(self) -> None:
        for part in (self.agent, self.receiver, self.city, self.broker):
            part.stop()
        for place in self.places:
            place.terminal.close()

    def _part(self, name: str, port: int, path: str, *command: str) -> Part:
        return Part(name, yiping(*command), self.folder, answers(f"http://127.0.0.1:{port}/api/v1/{path}"))

    def _write_config(self, ports: list[int], policy: Mapping[str, int | str | bool]) -> None:
        windows = [
            WINDOW_TOML.format(window=place.window, name=place.name, terminal=place.terminal_id, link=place.link)
            for place in self.places
        ]
        values = {
            "centre": CENTRE, "prefix": PREFIX, "broker_url": self.broker.url, "agent_port": ports[1],
            "city_port": ports[2], "receiver_port": ports[3], "windows": "\n".join(windows),
            "shared": json.dumps(self.broker.kind != "iotcore"),  # rumqttd dies when a sharing client vanishes
            "policy": "\n".join(f"{key} = {json.dumps(value)}" for key, value in policy.items()),
        }  # fmt: skip
        (self.folder / "agent.toml").write_text(AGENT_TOML.format(**values), encoding="utf-8")
        (self.folder / "receiver.toml").write_text(RECEIVER_TOML.format(**values), encoding="utf-8")


def _place(folder: Path, number: int, board: str, seed: int) -> Place:
    """Return the window of this number, from 1, with its terminal, which is not started."""
    window, terminal_id = f"W{number:02}", f"YP-{number:04}"
    state, link = (folder / f"terminal{'' if number == 1 else number}{suffix}" for suffix in ("", ".port"))
    own_seed = seed + number - 1
    terminal = SimTerminal(board, state, link, seed=own_seed, terminal=terminal_id, centre=CENTRE, window=window)
    return Place(window, f"{number}号窗口", terminal_id, board, link, terminal)


def _distinct_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)
