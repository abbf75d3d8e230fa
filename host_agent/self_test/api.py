"""The API's part about self-tests: POST /api/v1/windows/{window}/self-test."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from host_agent import api_body
from host_agent.self_test import order, parts
from host_agent.window import Window


class SelfTestApi:
    """Answer for the windows; `window_of` finds the one that a request names, and checks who asks."""

    def __init__(self, window_of: Callable[[Request], Window]) -> None:
        """Keep it."""
        self._window_of = window_of

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        return [Route("/api/v1/windows/{window}/self-test", self._test, methods=["POST"])]

    async def _test(self, request: Request) -> Response:
        window = self._window_of(request)
        await api_body.read(request, ())
        mask = await order.test_terminal(window)
        failed = [{"part": part.code, "message": part.wrong, "cure": part.cure} for part in parts.failed(mask)]
        return JSONResponse({"window": window.section.id, "terminal": window.section.terminal, "failed": failed})
