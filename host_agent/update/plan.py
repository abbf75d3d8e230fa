"""What the update of one window asks of its window, and of the whole agent."""

import asyncio
from typing import Any, Protocol

from host_agent.errors import UserError
from host_agent.terminal import Reply
from host_agent.update.records import Record
from host_agent.update.shelf import Firmware


class UpdateWindow(Protocol):
    """What this needs of a window."""

    section: Any
    invites: Any
    hello: dict[str, Any] | None
    shown: str | None
    fault: UserError | None

    @property
    def connected(self) -> bool:
        """Say whether its terminal answers."""
        ...

    def push(self, kind: int, name: str, data: bytes) -> "asyncio.Future[int] | None":
        """Begin to send a file; cancelling the future stops it."""
        ...

    def request(self, type_: int, fields: dict[str, Any]) -> "asyncio.Future[Reply] | None":
        """Send a request."""
        ...

    def close(self, reason: str) -> None:
        """Give the connection up; it is opened anew."""
        ...


class Plan(Protocol):
    """What this asks of the whole agent's updates."""

    def firmware(self, terminal: str, hello: dict[str, Any]) -> tuple[Firmware | None, str | None]:
        """Return what the terminal should run, or None and why it waits for that (None: nothing is meant for it)."""
        ...

    def may_send(self, terminal: str) -> str | None:
        """Return None, or why nothing may be sent now."""
        ...

    def may_switch(self, terminal: str) -> str | None:
        """Return None, or why the terminal may not switch now."""
        ...

    def record(self, terminal: str) -> Record | None:
        """Return what is remembered."""
        ...

    async def keep(self, record: Record) -> None:
        """Remember durably; raises StoreFullError, StoreFaultError."""
        ...

    def note(self, record: Record) -> None:
        """Remember, durably soon."""
        ...

    def forget(self, terminal: str) -> None:
        """Remember nothing of a terminal any more."""
        ...

    def utc_ms(self) -> int:
        """Return the wall clock."""
        ...

    def now_s(self) -> float:
        """Return a clock that nobody sets."""
        ...

    def changed(self, window: str) -> None:
        """Hear that a window's view has changed."""
        ...
