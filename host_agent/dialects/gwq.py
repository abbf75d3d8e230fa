"""Serves GWQ-style counter pages on the agent's own HTTP server: POST and WebSocket at /dialects/gwq/{window}.

    page ─▶ one call (gwq_call)        agent ─▶ {"ErrorCode": 0, "json": {…}, "Message": "…"}
Promise: each call gets one answer; a page that goes or whose time is up changes nothing at the terminal. Who may call
is the guard's business, as for the API.
"""

import asyncio
import contextlib
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from host_agent.api_access import Access, Caller
from host_agent.api_guard import CALLER, refusal_response
from host_agent.api_stream import CLOSE_LATER, CLOSE_POLICY, introduced
from host_agent.dialects import gwq_call
from host_agent.dialects.evaluation import RATED, TIMEOUT_S, Desk, refused_row
from host_agent.dialects.gwq_call import Call
from host_agent.refusal import Refusal
from host_agent.store_rows import REFUSED_INVITE

# A call that names no time waits as long as a terminal may keep an invite open, touched once.
DEFAULT_WAIT_S = 2 * TIMEOUT_S[1]
# The terminal's own end of an invite that lasts exactly the page's time needs a moment to arrive.
GRACE_S = 2.0
# Calls under way for each window: one invite is open there, every other call is answered at once.
CALLS_LIMIT = 8
SOCKETS_LIMIT = 64


class Gwq:
    """Answer the calls for the windows in `desks`; belongs to the event loop."""

    def __init__(self, access: Access) -> None:
        """Start with no window."""
        self.desks: dict[str, Desk] = {}
        self._access = access
        self._sockets = 0
        self._calls: set[asyncio.Task[None]] = set()
        self.counters = {"calls": 0, "malformed": 0, "refused": 0}

    def routes(self) -> list[BaseRoute]:
        """Return the routes for the agent's server."""
        path = "/dialects/gwq/{window}"
        return [Route(path, self._post, methods=["POST"]), WebSocketRoute(path, self._serve)]

    async def answer(self, desk: Desk, text: str | bytes) -> dict[str, Any]:
        """Take one call to its end."""
        self.counters["calls"] += 1
        call: Call | None = None
        try:
            call = gwq_call.parse(text)
            return await self._evaluate(desk, call)
        except gwq_call.MalformedCall as error:
            self.counters["malformed"] += 1
            return gwq_call.refused(call, "bad_request", f"the call has {error}")
        except Refusal as error:
            self.counters["refused"] += 1
            return gwq_call.refused(call, error.code, f"{error.message}: {error.cure}")

    async def _evaluate(self, desk: Desk, call: Call) -> dict[str, Any]:
        wait_s = DEFAULT_WAIT_S if call.timeout_s is None else call.timeout_s + GRACE_S
        invite = (await desk.invite(gwq_call.invite_body(call)))[0].invite
        row = await desk.ended(invite, wait_s)
        if row is None:
            return gwq_call.not_rated(call, "open")
        if row.state == REFUSED_INVITE:
            raise refused_row(row)
        if row.state != RATED:
            return gwq_call.not_rated(call, row.state)
        return gwq_call.rated(call, await desk.level(invite))

    async def _post(self, request: Request) -> Response:
        try:
            desk = self._desk(request.path_params["window"], request.scope[CALLER])
        except Refusal as error:
            return refusal_response(error)
        try:
            body = await request.body()
        except ClientDisconnect:
            return refusal_response(Refusal(413, "too_large", "the body is too large", "send less"))
        return JSONResponse(await self.answer(desk, body))

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        if self._sockets >= SOCKETS_LIMIT:
            await socket.close(CLOSE_LATER, "too many connections")
            return
        self._sockets += 1
        try:
            caller = socket.scope[CALLER] or await introduced(socket, self._access)
            await self._take_calls(socket, self._desk(socket.path_params["window"], caller), caller)
        except Refusal as error:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(CLOSE_POLICY, error.code)
        except WebSocketDisconnect:
            return
        finally:
            self._sockets -= 1

    async def _take_calls(self, socket: WebSocket, desk: Desk, caller: Caller) -> None:
        """Answer calls as they end; one that is open when the page goes is taken to its end all the same."""
        while (message := await socket.receive())["type"] == "websocket.receive":
            try:
                self._access.spend(caller)
                if len(self._calls) >= CALLS_LIMIT * len(self.desks):
                    raise Refusal(429, "too_many", "too many calls are open", "wait for their answers")
            except Refusal as error:
                await socket.send_json(gwq_call.refused(None, error.code, error.message))
                continue
            task = asyncio.create_task(self._one(socket, desk, message.get("text") or message.get("bytes") or ""))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _one(self, socket: WebSocket, desk: Desk, text: str | bytes) -> None:
        answer = await self.answer(desk, text)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_text(json.dumps(answer, ensure_ascii=False))

    def _desk(self, window: str, caller: Caller) -> Desk:
        """Return the desk of a window.

        :raises Refusal: this dialect does not serve it, or not for this caller.
        """
        desk = self.desks.get(window)
        if desk is None:
            raise Refusal(404, "unknown_window", f"no gwq dialect serves a window {window[:40]!r}", "see [[dialect]]")
        if not caller.may(window):
            cure = "see windows of its [[integration]]"
            raise Refusal(403, "forbidden", f"{caller.name} may not ask about window {window}", cure)
        return desk
