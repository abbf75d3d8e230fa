"""The chain of the demo with several windows, and what only the soak breaks: the agent's disk and clock, the broker's
access rules, a database held by somebody else.
"""

import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.demo.chain import Chain
from simulator.demo.http_json import call
from simulator.demo.parts import Part, listens
from simulator.errors import UserError
from tests.soak.disk import Disk

POLICY = {
    "invite_ms": 5_000, "change_ms": 700, "detail": "off", "thanks_ms": 100, "unrated_ms": 100, "not_invited_ms": 200,
    "guard_ms": 20, "local_invite": "offline",
}  # fmt: skip
ALLOW_ALL, ALLOW_READING = "topic readwrite #\n", "topic read #\n"
HOLD_S = 10.0
"""How long to try to get hold of a busy database."""
RESTART_S = 1.0
"""How soon the service manager of a PC starts a program again that ended by itself."""


@dataclass(frozen=True)
class Ended:
    """A part that nobody killed and that runs no more; a negative code is a signal's number."""

    name: str
    code: int | None
    said: str

    @property
    def crashed(self) -> bool:
        """Tell whether it did not end in its own good order, with a message and code 1."""
        return self.code != 1

    def __str__(self) -> str:
        return f"{self.name} ended by itself with code {self.code}: {self.said}"


class Hall(Chain):
    """Own everything; a context manager that leaves no process and no mount behind."""

    def __init__(self, folder: Path, terminals: int, seed: int, broker: str | None, say: Callable[[str], None]) -> None:
        """Lay everything out in `folder`."""
        super().__init__(folder, POLICY, seed, broker, say, ["k5"] * terminals)
        self.disk = Disk(folder / "agent")
        self.ended_by_themselves: list[Ended] = []
        self._offset = folder / "clock-offset"
        self._rules = folder / "broker.acl"
        self._looked_s: dict[str, float] = {}
        self.agent.argv = [
            sys.executable, "-m", "tests.soak.shifted_clock", str(self._offset),
            "agent", "run", "--wait", "--config", "agent.toml",
        ]  # fmt: skip
        self.receiver.argv = [*self.receiver.argv, "--wait"]  # it may be started again while the broker is down
        if self.has_rules:
            self._write_rules(ALLOW_ALL)
            with (folder / "mosquitto.conf").open("a") as conf:
                conf.write(f"acl_file {self._rules}\n")

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except BaseException:
            self.disk.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, value, trace)
        finally:
            self.disk.close()

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return every process but the terminals."""
        return self.broker, self.city, self.receiver, self.agent

    @property
    def has_rules(self) -> bool:
        """Tell whether this broker knows access rules."""
        return self.broker.kind == "mosquitto"

    @property
    def receiver_database(self) -> Path:
        """Return the file of the receiver's store."""
        return self.folder / "receiver" / "receiver.db"

    # --- what the soak breaks

    def allow_writing(self, allowed: bool) -> None:
        """Grant or revoke everybody's right to publish, while the broker runs."""
        self._write_rules(ALLOW_ALL if allowed else ALLOW_READING)
        if self.broker.process is not None and self.broker.alive:
            self.broker.process.send_signal(signal.SIGHUP)

    def _write_rules(self, text: str) -> None:
        self._rules.write_text(text)
        self._rules.chmod(0o600)

    def forget(self) -> None:
        """Let the broker, which is down, lose what it kept."""
        for path in (self.folder / "broker").glob("*"):
            path.unlink()

    def turn_clock(self, seconds: float) -> None:
        """Set the agent's wall clock to the true time plus `seconds`."""
        part = self._offset.with_suffix(".part")
        part.write_text(str(seconds))
        os.replace(part, self._offset)

    # --- what the soak looks at

    def receiver_call(self, path: str) -> dict:
        """Return what the receiver's page knows. Raise OSError when it does not answer."""
        return call("GET", f"{self.receiver_url}/api/v1/{path}")[1]

    def start_again(self, kept_down: frozenset[str], say: Callable[[str], None]) -> None:
        """Start what ended by itself, as a service manager does; note its last words."""
        now_s = time.monotonic()
        for part in self.parts:
            if part.alive or part.name in kept_down:
                self._looked_s.pop(part.name, None)
            elif now_s >= self._looked_s.setdefault(part.name, now_s + RESTART_S):
                del self._looked_s[part.name]
                code = None if part.process is None else part.process.returncode
                ended = Ended(part.name, code, part.last_line())
                self.ended_by_themselves.append(ended)
                say(str(ended))
                part.start(wait=False)

    def wait_all_ready(self, timeout_s: float) -> None:
        """Block until every part answers. Raise UserError naming one that does not."""
        deadline = time.monotonic() + timeout_s
        for part in self.parts:
            while not part.is_ready():
                part.start(wait=False)
                if time.monotonic() > deadline:
                    raise UserError(f"{part.name} does not answer any more", str(part.log_path), "read its log")
                time.sleep(0.1)
        while not listens(self.broker.port):
            time.sleep(0.1)


class HeldDatabase:
    """Somebody else's write transaction on a database: whoever wants to write meets "database is locked"."""

    def __init__(self, path: Path) -> None:
        """Begin it; raises sqlite3.Error when it cannot be had in HOLD_S."""
        self._connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, timeout=HOLD_S)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._connection.close()
            raise

    def let_go(self) -> None:
        """End it; nothing was changed."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")
        self._connection.close()
