"""Is the RateService that old counter software connects to: its own WebSocket on this machine, path /.

    RateQuest ─▶ invite, answered at once ─▶ at its end: RateSubmit, where the terminal reveals and `scores` is written,
    else a second answer to the RateQuest that says how it ended
Promise: only programs of this machine and known pages are heard; a result waits for a client that comes back.
"""

import asyncio
import logging
import random
from datetime import datetime
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from host_agent.api_access import BURST_S, Access
from host_agent.config_dialects import DialectSection
from host_agent.dialects import rateservice_message as message
from host_agent.dialects.evaluation import Desk
from host_agent.dialects.rateservice_due import DueQuests
from host_agent.dialects.rateservice_session import Acknowledged, Order, Session
from host_agent.errors import UserError
from host_agent.faults import Fault
from host_agent.reconnect import Backoff
from host_agent.refusal import Refusal

CONNECTIONS_LIMIT = 64
MESSAGES_PER_S = 20
_CLOSE_POLICY, _CLOSE_LATER = 1008, 1013
_log = logging.getLogger(__name__)


class RateServer:
    """Own the listener and the results that wait; belongs to the event loop."""

    def __init__(self, section: DialectSection, desks: dict[str, Desk], access: Access) -> None:
        """Keep the parts; `run` listens."""
        self._section = section
        self._access = access
        self._address = section.listen_at
        self._counters = {window: Counter(desks[window], section.level_table()) for window in section.served(())}
        self._connections = 0
        self._server: Server | None = None
        self.name = f"RateService on {self._address[0]}:{self._address[1]}"
        self.fault: UserError | None = None
        self.counts = {"messages": 0, "refused": 0}

    async def open(self) -> None:
        """Listen, unless it does already.

        :raises UserError: the address is taken.
        """
        if self._server is not None:
            return
        host, port = self._address
        try:
            self._server = await serve(
                self._serve,
                host,
                port,
                process_request=self._admit,
                max_size=message.MESSAGE_LIMIT_BYTES,
                compression=None,
                ping_interval=None,  # on one machine a closed end shows at once; old software may not answer pings
                logger=_log.getChild("websockets"),
                server_header=None,
            )
        except OSError as error:
            cure = "stop the program that uses the address, or change listen of the [[dialect]]"
            raise UserError(f"cannot listen: {error.strerror or error}", f"{host}:{port}", cure) from None
        self.fault = None

    async def run(self, rng: random.Random) -> None:
        """Serve for ever; returns only by being cancelled."""
        backoff = Backoff(rng)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    await self.open()
                    assert self._server is not None
                    await self._server.wait_closed()
                except UserError as error:
                    self.fault = error
                self._server = None
                await asyncio.sleep(backoff.pause_s(loop.time()))
        finally:
            self.close()

    def close(self) -> None:
        """Stop listening, and close what is connected."""
        if self._server is not None:
            self._server.close()
        self._server = None
        for counter in self._counters.values():
            counter.due.pause()

    def faults(self) -> list[Fault]:
        """Return what keeps the old software away."""
        return [{"code": "dialect", "message": f"{self.name}: {self.fault.message}"}] if self.fault else []

    def view(self) -> dict[str, int]:
        """Return what came."""
        return {"connections": self._connections, **self.counts}

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse other paths, and pages that no integration names (a page cannot hide its origin)."""
        if request.path.partition("?")[0] != "/":
            return connection.respond(HTTPStatus.NOT_FOUND, "RateService is at /\n")
        origin = request.headers.get("Origin")
        if origin is not None and not self._access.knows_origin(origin):
            return connection.respond(HTTPStatus.FORBIDDEN, "name the page's origin in an [[integration]]\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        if self._connections >= CONNECTIONS_LIMIT:
            await connection.close(_CLOSE_LATER, "too many connections")
            return
        self._connections += 1
        session = Session(self._section.win_nums, self._section.user_codes)
        try:
            await self._talk(connection, session)
        except ConnectionClosed:
            return
        finally:
            self._connections -= 1
            for counter in self._counters.values():
                counter.leave(session)

    async def _talk(self, connection: ServerConnection, session: Session) -> None:
        loop = asyncio.get_running_loop()
        allowance, last_s = float(MESSAGES_PER_S * BURST_S), loop.time()
        async for text in connection:
            now_s = loop.time()
            allowance = min(MESSAGES_PER_S * BURST_S, allowance + (now_s - last_s) * MESSAGES_PER_S) - 1
            last_s = now_s
            if allowance < 0:
                await connection.close(_CLOSE_POLICY, "too many messages")
                return
            self.counts["messages"] += 1
            found = session.receive(text, f"{datetime.now():%Y-%m-%d}")
            if isinstance(found, Acknowledged):
                self._acknowledged(session, found)
            elif isinstance(found, Order):
                await connection.send(await self._carry_out(connection, session, found))
                self._counters[found.window].due.deliver()
            else:
                self.counts["refused"] += f'"code": "{message.OK}"' not in found
                await connection.send(found)

    def _acknowledged(self, session: Session, found: Acknowledged) -> None:
        if session.window is not None:
            if found.code != message.OK:
                _log.warning("window %s: the old software refuses a rating with code %s", session.window, found.code)
            self._counters[session.window].due.acknowledged()

    async def _carry_out(self, connection: ServerConnection, session: Session, order: Order) -> str:
        counter = self._counters[order.window]
        try:
            if order.clerk is not None:
                await counter.enter(order.clerk, connection, session)
            elif order.quest is not None:
                await counter.due.ask(order.quest)
            else:
                await counter.due.operate(str(order.operation))
        except Refusal as error:
            self.counts["refused"] += 1
            return session.done(order, error.code, error.message)
        return session.done(order, None)


class Counter:
    """Hold who is logged in at one window."""

    def __init__(self, desk: Desk, scores: dict[int, int]) -> None:
        """Start with nobody."""
        self.desk = desk
        self.due = DueQuests(desk, scores, self._send, tells_all=True)
        self._connection: ServerConnection | None = None
        self._session: Session | None = None

    async def enter(self, clerk: str, connection: ServerConnection, session: Session) -> None:
        """Log in; who was there before is there no more.

        :raises Refusal: the clerk cannot be logged in.
        """
        await self.desk.login(clerk)
        if self._session is not session:
            self.due.pause()
            if self._session is not None:
                self._session.window = None
        self._connection, self._session = connection, session

    def leave(self, session: Session) -> None:
        """Hear that a connection ended."""
        if session is self._session:
            self._connection = self._session = None
            self.due.pause()

    async def _send(self, text: str) -> bool:
        if self._connection is None:
            return False
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            return False
        return True
