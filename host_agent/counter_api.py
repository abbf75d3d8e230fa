"""The agent's HTTP face on this machine: the API for counter software and pages, and the pages themselves.

Promise: no answer and no page ever holds a level; every refusal has a code, a sentence and a cure.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from host_agent import api_body, api_case, orders
from host_agent.api_access import Access
from host_agent.api_case import Seal
from host_agent.api_guard import CALLER, Guard, refusal_response
from host_agent.api_notices import NoticesApi
from host_agent.api_stream import Stream
from host_agent.changes import Changes
from host_agent.config_model import Config
from host_agent.paper import api as paper_api
from host_agent.refusal import Refusal
from host_agent.self_test.api import SelfTestApi
from host_agent.status import Status, invite_view, window_view
from host_agent.store import Store
from host_agent.store_rows import InviteRow
from host_agent.window import Window
from host_agent.writer import utc_ms

Handler = Callable[[Request], Awaitable[Response]]
WEB = Path(__file__).parent / "web"
REFUSED_LIMIT = 200


class CounterApi:
    """Answer requests out of the agent's parts."""

    def __init__(
        self,
        config: Config,
        store: Store,
        windows: dict[str, Window],
        status: Status,
        metrics: Callable[[], tuple[bytes, str]],
        access: Access,
        changes: Changes,
        seal: Seal,
        more: list[BaseRoute],
    ) -> None:
        """Keep the parts; `seal` seals identities, `more` are the routes of other modules."""
        self._seal = seal
        self._more = more
        self._config = config
        self._store = store
        self._windows = windows
        self._status = status
        self._metrics = metrics
        self._access = access
        self._changes = changes
        self._stream = Stream(windows, access, changes)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        window = "/api/v1/windows/{window}"
        routes = [
            Route("/api/v1/status", self._get_status),
            Route("/api/v1/refused", self._get_refused),
            Route("/api/v1/windows", self._get_windows),
            Route(window, self._get_window),
            Route(f"{window}/login", self.ordered(self._login), methods=["POST"]),
            Route(f"{window}/logout", self.ordered(self._logout), methods=["POST"]),
            Route(f"{window}/serve", self.ordered(self._serve), methods=["POST"]),
            Route(f"{window}/pause", self.ordered(self._pause), methods=["POST"]),
            Route(f"{window}/invites", self.ordered(self._invite), methods=["POST"]),
            Route(window + "/invites/{invite}", self._one_invite, methods=["GET", "DELETE"]),
            *paper_api.routes(self, self._config, utc_ms, self._seal),
            *NoticesApi(self, self._windows).routes(),
            *SelfTestApi(self.window_of).routes(),
            *self._more,
            WebSocketRoute("/api/v1/stream", self._stream.serve),
            Route("/api/v1/openapi.yaml", _page("openapi.yaml", "application/yaml")),
            Route("/metrics", self._get_metrics),
            Route("/clerk/{window}", self._clerk_page),
            Route("/status", _page("status.html")),
            Route("/", _page("windows.html")),
            Mount("/web", StaticFiles(directory=WEB)),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(Guard, config=self._config, access=self._access)],
            exception_handlers={Refusal: _refusal_response, HTTPException: _http_response, Exception: _fault_response},
        )

    def ordered(self, order: Handler) -> Handler:
        """Return a handler after which the streams hear of the window, however it ended."""

        async def handler(request: Request) -> Response:
            try:
                return await order(request)
            finally:
                self._changes.changed(request.path_params["window"])

        return handler

    def changed(self, window: str) -> None:
        """Have the streams hear of a window."""
        self._changes.changed(window)

    async def _get_status(self, request: Request) -> Response:
        require_whole(request)
        return JSONResponse(self._status.whole())

    async def _get_refused(self, request: Request) -> Response:
        require_whole(request)
        rows = self._store.refused(REFUSED_LIMIT)
        return JSONResponse(
            {
                "items": [
                    {"terminal": terminal, "epoch": epoch, "seq": seq, "copy": copy, "code": code}
                    for terminal, epoch, seq, copy, code in rows
                ]
            }
        )

    async def _get_windows(self, request: Request) -> Response:
        caller = request.scope[CALLER]
        views = [window_view(window) for name, window in self._windows.items() if caller.may(name)]
        return JSONResponse({"items": views, "hotkey": self._config.agent.hotkey})

    async def _get_window(self, request: Request) -> Response:
        return JSONResponse({**window_view(self.window_of(request)), "hotkey": self._config.agent.hotkey})

    async def _login(self, request: Request) -> Response:
        window = self.window_of(request)
        await orders.login(window, api_body.clerk(await api_body.read(request, ("number", "name", "post", "stars"))))
        return JSONResponse(window_view(window))

    async def _logout(self, request: Request) -> Response:
        window = self.window_of(request)
        await api_body.read(request, ())
        await orders.logout(window)
        return JSONResponse(window_view(window))

    async def _serve(self, request: Request) -> Response:
        window = self.window_of(request)
        body = await api_body.read(request, ("ticket", *api_case.KEYS))
        await orders.serve(window, api_body.ticket(body), api_body.served(body, self._seal))
        return JSONResponse(window_view(window))

    async def _pause(self, request: Request) -> Response:
        window = self.window_of(request)
        await orders.pause(window, api_body.paused(await api_body.read(request, ("paused",))))
        return JSONResponse(window_view(window))

    async def _invite(self, request: Request) -> Response:
        window = self.window_of(request)
        body = await api_body.read(request, ("id", *api_case.KEYS, "timeout_s", "origin"))
        row, new = await orders.invite(window, api_body.service(body, self._seal))
        return JSONResponse(self._offered(window, row), 201 if new else 200)

    async def _one_invite(self, request: Request) -> Response:
        if request.method == "DELETE":
            return await self.ordered(self._cancel)(request)
        return await self._get_invite(request)

    async def _get_invite(self, request: Request) -> Response:
        window = self.window_of(request)
        row = window.invites.get(_invite_id(request))
        if row is None:
            raise Refusal(404, "unknown_invite", "this window has no such invite", "check the invite id")
        return JSONResponse(self._offered(window, row))

    @staticmethod
    def _offered(window: Window, row: InviteRow) -> dict[str, Any]:
        """Return an invite; a kiosk gets the address of its code, too, for its own screen."""
        view = invite_view(row) or {}
        if window.section.is_kiosk and window.codes is not None:
            view["qr"] = window.codes.invite(row.invite, row.created_utc_ms)
        return view

    async def _cancel(self, request: Request) -> Response:
        return JSONResponse(invite_view(await orders.cancel(self.window_of(request), _invite_id(request))))

    async def _get_metrics(self, request: Request) -> Response:
        require_whole(request)
        body, content_type = self._metrics()
        return Response(body, media_type=content_type)

    async def _clerk_page(self, request: Request) -> Response:
        self._find(request)
        return FileResponse(WEB / "clerk.html")

    def window_of(self, request: Request) -> Window:
        """Return the window that the path names.

        :raises Refusal: there is none, or the caller may not ask about it.
        """
        window = self._find(request)
        if not request.scope[CALLER].may(window.section.id):
            raise _forbidden(request, f"window {window.section.id}")
        return window

    def _find(self, request: Request) -> Window:
        name = request.path_params["window"]
        window = self._windows.get(name)
        if window is None:
            raise Refusal(404, "unknown_window", f"this agent has no window {name[:40]!r}", "see /api/v1/windows")
        return window


def _page(name: str, media_type: str | None = None) -> Handler:
    async def page(request: Request) -> Response:
        return FileResponse(WEB / name, media_type=media_type)

    return page


def require_whole(request: Request) -> None:
    """Refuse callers that may ask about some windows only."""
    if request.scope[CALLER].windows is not None:
        raise _forbidden(request, "the whole agent")


def _forbidden(request: Request, what: str) -> Refusal:
    name = request.scope[CALLER].name
    return Refusal(403, "forbidden", f"{name} may not ask about {what}", "see windows of its [[integration]]")


def _invite_id(request: Request) -> bytes:
    text = request.path_params["invite"]
    try:
        invite = bytes.fromhex(text) if len(text) == 32 else b""
    except ValueError:
        invite = b""
    if len(invite) != 16:
        raise Refusal(404, "unknown_invite", "an invite id has 32 hex digits", "check the invite id")
    return invite


async def _refusal_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refusal_response(error)


async def _http_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "bad_request")
    return refusal_response(Refusal(error.status_code, code, str(error.detail), "see docs/api.md"), error.headers)


async def _fault_response(request: Request, error: Exception) -> Response:
    return refusal_response(Refusal(500, "fault", "the agent failed at this request", "look into the agent's log"))
