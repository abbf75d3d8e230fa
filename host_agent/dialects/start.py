"""Puts the dialects of agent.toml together: what the agent runs, what its server serves, what the status says."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.routing import BaseRoute

from host_agent.api_access import Access
from host_agent.changes import Changes
from host_agent.config_dialects import FF68_RATER, GWQ, DialectSection
from host_agent.config_model import Config
from host_agent.dialects.evaluation import Desk, never_uploaded
from host_agent.dialects.ff68_line import Ff68Line
from host_agent.dialects.gwq import Gwq
from host_agent.dialects.rateservice_client import RateClient
from host_agent.dialects.rateservice_server import RateServer
from host_agent.errors import UserError
from host_agent.faults import Fault
from host_agent.window import Window


class Part(Protocol):
    """Name what the agent starts, supervises and stops."""

    name: str

    async def run(self, rng: random.Random) -> None:
        """Serve for ever; returns only by being cancelled."""

    def faults(self) -> list[Fault]:
        """Return what keeps the old software away."""
        ...

    def view(self) -> dict[str, int]:
        """Return what came and went."""
        ...

    def close(self) -> None:
        """Let go of what is held."""


class Dialects:
    """Own every dialect of one agent; belongs to the event loop."""

    def __init__(
        self, config: Config, windows: dict[str, Window], changes: Changes, access: Access, rng: random.Random
    ) -> None:
        """Make the parts; nothing is opened."""
        self._windows = windows
        self._rng = rng
        self._parts: list[Part] = []
        self._gwq: Gwq | None = None
        desks = {name: Desk(window, changes) for name, window in windows.items()}
        for section in config.dialects:
            self._add(section, desks, access)

    def _add(self, section: DialectSection, desks: dict[str, Desk], access: Access) -> None:
        if section.kind == GWQ:
            served = {name: desks[name] for name in section.served(tuple(desks))}
            if self._gwq is None:
                self._gwq = Gwq(access)
            self._gwq.desks |= served
        elif section.kind == FF68_RATER:
            self._parts.append(Ff68Line(section, desks))
        elif section.url is None:
            self._parts.append(RateServer(section, desks, access))
        else:
            self._parts += [RateClient(section, number, desks[name]) for number, name in section.win_nums.items()]

    def routes(self) -> list[BaseRoute]:
        """Return what the agent's HTTP server serves for them."""
        return self._gwq.routes() if self._gwq is not None else []

    def parts(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """Return name and work of each part, to be supervised."""
        return [(part.name, lambda part=part: part.run(self._rng)) for part in self._parts]

    async def first_try(self) -> list[UserError]:
        """Open every port and listener once; return what cannot be used."""
        own = [part for part in self._parts if isinstance(part, Ff68Line | RateServer)]
        results = await asyncio.gather(*(part.open() for part in own), return_exceptions=True)
        return [result for result in results if isinstance(result, UserError)]

    def close(self) -> None:
        """Let go of every port and listener."""
        for part in self._parts:
            part.close()

    def faults(self) -> list[Fault]:
        """Return what keeps old software away now."""
        return [fault for part in self._parts for fault in part.faults()]

    def warnings(self) -> list[Fault]:
        """Return what the dialects cannot do as they are configured."""
        return never_uploaded(self._windows)

    def view(self) -> list[dict[str, Any]]:
        """Return each part with its counters."""
        views = [{"name": part.name, **part.view()} for part in self._parts]
        return [*([{"name": "gwq", **self._gwq.counters}] if self._gwq is not None else []), *views]
