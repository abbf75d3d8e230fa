"""A counter for the tests of the pages: a real agent with one window, a broker, and a terminal on a pty."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.unit.agent_support import AgentProcess, Broker, wait_until
from tests.unit.fake_terminal import FakeTerminal

W = "/api/v1/windows/W01"
CLERK = {"number": "007", "name": "张三", "post": "社保窗口", "stars": 5}
DAY_MS = 86_400_000


class Counter:
    """Own the parts of one counter."""

    def __init__(self, folder: Path, policy: str = "", extra_agent: str = "") -> None:
        self.folder = folder
        self.broker = Broker(folder).start()
        self.terminal = FakeTerminal(folder / "port").start()
        windows = [("W01", "YP-0001", folder / "port")]
        self.agent = AgentProcess(folder, self.broker.port, windows, extra_agent=extra_agent, policy=policy)
        self.start()

    def start(self) -> None:
        self.agent.start("--wait", ready=False)
        wait_until("the agent's status", self.cookie)
        wait_until("the terminal answers", lambda: self.view()["connected"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.agent.port}"

    def cookie(self) -> str | None:
        """Return the cookie of the agent's pages."""
        import urllib.request

        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.url}/status") as answer:
                return answer.headers["Set-Cookie"].partition(";")[0]
        except OSError:
            assert self.agent.process.poll() is None, self.agent.output()
            return None

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to an order given as the agent's own page gives it."""
        status, value = self.agent.call(method, path, body, {"Cookie": self.cookie() or ""})
        assert status < 300, value
        return value

    def view(self) -> dict[str, Any]:
        return self.call("GET", W)

    def fresh(self) -> None:
        """Bring window and terminal to where a test begins: nobody logged in, no invite open, not paused."""
        self.terminal.plug()
        wait_until("the terminal answers", lambda: self.view()["connected"])
        if self.terminal.open_invite is not None:
            self.terminal.rate(3)
            wait_until("the outcome", lambda: (self.view()["invite"] or {}).get("state") not in ("open", "pending"))
        self.call("POST", f"{W}/pause", {"paused": False})
        self.call("POST", f"{W}/logout", {})

    def yesterday(self) -> None:
        """Stop the agent and start it again as if a day had passed since the last login."""
        self.agent.stop()
        with sqlite3.connect(self.agent.folder / "data" / "agent.db") as store:
            store.execute("UPDATE shifts SET since_utc_ms = since_utc_ms - ?", (DAY_MS,))
        store.close()
        self.start()

    def close(self) -> None:
        self.agent.stop()
        self.terminal.close()
        self.broker.stop()

    def sent(self, type_: int) -> int:
        """Return how often the terminal was asked something."""
        return sum(type_ == asked for asked, _ in self.terminal.requests)

    def said_anything_about_a_level(self, text: str) -> bool:
        return any(word in text for word in ("满意", "level")) or "level" in json.dumps(self.view())
