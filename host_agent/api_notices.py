"""The API's part about notices: what terminals show while nobody serves there, of one window or of all at once."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from host_agent import api_body, orders
from host_agent.api_guard import CALLER
from host_agent.status import window_view
from host_agent.window import Window

if TYPE_CHECKING:
    from host_agent.counter_api import CounterApi


class NoticesApi:
    """Take notices; they are remembered, and told to a terminal whenever it connects."""

    def __init__(self, api: "CounterApi", windows: dict[str, Window]) -> None:
        """Keep the API, which knows who may ask about which window."""
        self._api = api
        self._windows = windows

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        one = self._api.ordered(self._one)
        return [
            Route("/api/v1/notice", self._all, methods=["POST"]),
            Route("/api/v1/windows/{window}/notice", one, methods=["POST"]),
        ]

    async def _one(self, request: Request) -> Response:
        window = self._api.window_of(request)
        await orders.notice(window, api_body.notice(await api_body.read(request, ("text",))))
        return JSONResponse(window_view(window))

    async def _all(self, request: Request) -> Response:
        """Answer with each window that the caller may order at, and why its terminal does not show the notice now."""
        text = api_body.notice(await api_body.read(request, ("text",)))
        windows = [window for name, window in self._windows.items() if request.scope[CALLER].may(name)]
        codes = await orders.notice_everywhere(windows, text)
        for window in windows:
            self._api.changed(window.section.id)
        items = [
            {"window": window.section.id, "notice": text, "code": code}
            for window, code in zip(windows, codes, strict=True)
        ]
        return JSONResponse({"items": items})
