"""The city behind flashed terminals: the station's export imported; broker, receiver, city and one agent."""

import json
import time
from collections.abc import Sequence
from http import HTTPStatus

from host_agent.provision import export
from simulator.demo.broker import BrokerPart
from simulator.demo.chain import AGENT_TOML, CLERK, PREFIX, RECEIVER_TOML, WINDOW_TOML
from simulator.demo.http_json import answers, call
from simulator.demo.parts import Part, free_port, yiping
from tests.flash.hall import Hall
from tests.provision import stations
from tests.unit.simulated import wait_for

POLICY = 'detail = "off"\nguard_ms = 20\nchange_ms = 700\nthanks_ms = 100'
RATED = "rated"
PRESS_AGAIN_S = 3.0
WAIT_S = 60.0


class City:
    """A context manager that leaves no process behind."""

    def __init__(self, hall: Hall, settings: str = POLICY, agent: Sequence[str] = ()) -> None:
        """Register the terminals of the hall's station, and lay the configuration out for those in its ledger.

        `settings` go into the agent's file behind `[policy]`; `agent` is its command line, if not `yiping agent run`.
        """
        self.folder = hall.folder / "city"
        self.folder.mkdir()
        self.hall = hall
        self.terminals = {board.window: board.terminal for board in hall.book.boards()}
        self.keys = {window: number % 5 + 1 for number, window in enumerate(sorted(self.terminals))}
        self.boards = {bare.usb_serial: bare for bare in hall.boards if bare.data_port is not None}
        own, city, receiver = free_port(), free_port(), free_port()
        self.agent_url, self.city_url = f"http://127.0.0.1:{own}", f"http://127.0.0.1:{city}"
        self.broker = BrokerPart(self.folder, free_port())
        self._register()
        windows = [
            WINDOW_TOML.format(window=window, name=window, terminal=terminal, link=self.boards[terminal].data_port)
            for window, terminal in self.terminals.items()
        ]
        values = {
            "centre": "C01", "prefix": PREFIX, "broker_url": self.broker.url, "agent_port": own, "city_port": city,
            "receiver_port": receiver, "windows": "\n".join(windows), "policy": settings,
            "shared": json.dumps(self.broker.kind != "iotcore"),
        }  # fmt: skip
        (self.folder / "agent.toml").write_text(AGENT_TOML.format(**values), encoding="utf-8")
        (self.folder / "receiver.toml").write_text(RECEIVER_TOML.format(**values), encoding="utf-8")
        self.parts = [self.broker] + [
            Part(name, list(words), self.folder, answers(f"http://127.0.0.1:{port}/api/v1/{path}"))
            for name, port, path, words in (
                ("city", city, "summary", yiping("city", "run", "--listen", f"127.0.0.1:{city}", "--data", "city")),
                ("receiver", receiver, "status", yiping("receiver", "run", "--wait", "--config", "receiver.toml")),
                ("agent", own, "status", agent or yiping("agent", "run", "--wait", "--config", "agent.toml")),
            )
        ]
        self.agent = self.parts[-1]

    def _register(self) -> None:
        """Bring the station's export to the city by the real commands."""
        private, public = stations.city_keys()
        out = self.folder / "terminals.export"
        words = ("--station", self.hall.station.path, "--passphrase-file", self.hall.folder / "passphrase")
        made = stations.yiping("registry", "export", *words, "--to", public, "--out", out)
        assert made.exit_code == 0, made.output
        trusted = export.read(out.read_bytes()).fingerprint
        words = ("--registry", self.folder / "registry.db", "--key", private, "--trust", trusted)
        taken = stations.yiping("registry", "import", out, *words)
        assert taken.exit_code == 0, taken.output

    def __enter__(self) -> "City":
        for part in self.parts:
            part.start(wait=False)
        return self

    def __exit__(self, *exc: object) -> None:
        for part in reversed(self.parts):
            part.stop()

    def rate_first(self) -> None:
        """Put a clerk at each window, invite, and press the window's key."""
        wait_for(lambda: all(part.is_ready() for part in self.parts), "the city's parts", WAIT_S)
        wait_for(self._connected, "every terminal at the agent", WAIT_S)
        invites = {}
        for window in self.terminals:
            self._ask(window, "/login", dict(CLERK))
            invites[window] = self._ask(window, "/invites", {})["invite"]
        self._press(invites)

    def _press(self, invites: dict[str, str]) -> None:
        """Press until the agent knows of each: a key that goes down before the guard time is over is none."""
        pressed_s: dict[str, float] = {}

        def are_rated() -> bool:
            for window, invite in list(invites.items()):
                if time.monotonic() > pressed_s.get(window, 0.0) + PRESS_AGAIN_S:
                    self.boards[self.terminals[window]].press(self.keys[window])
                    pressed_s[window] = time.monotonic()
                status, answer = call("GET", f"{self.agent_url}/api/v1/windows/{window}/invites/{invite}")
                if status == HTTPStatus.OK and answer["state"] == RATED:  # 429: asked too often
                    del invites[window]
            return not invites

        wait_for(are_rated, "a press at each window", WAIT_S)

    def _connected(self) -> bool:
        rows = call("GET", f"{self.agent_url}/api/v1/status")[1]["terminals"]
        return len(rows) == len(self.terminals) and all(row["connected"] for row in rows)

    def _ask(self, window: str, path: str, body: dict) -> dict:
        status, answer = call("POST", f"{self.agent_url}/api/v1/windows/{window}{path}", body)
        assert status < 300, (window, path, answer)
        return answer

    def ratings(self) -> list[dict]:
        """Return every rating at the city, oldest first."""
        items = call("GET", f"{self.city_url}/api/v1/ratings?after=0")[1]["items"]
        return [item for item in items if item["kind"] == RATED]

    def wait_first(self) -> None:
        """See one rating of each terminal at the city, of its window; key 1 is level 5, key 5 is level 1."""
        wait_for(lambda: len(self.ratings()) >= len(self.terminals), "a rating of each terminal", WAIT_S)
        found = sorted((one["window"], one["terminal"], one["level"]) for one in self.ratings())
        assert found == sorted((window, terminal, 6 - self.keys[window]) for window, terminal in self.terminals.items())
