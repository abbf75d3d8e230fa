"""The receiver's status over HTTP, read-only: /api/v1/status, terminals, alarms, rollouts, and a page at /.

No answer holds a level or anything of a citizen. Host allow-list against DNS rebinding; nothing can be changed here.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from host_agent.receiver.service import Receiver

ALARM_ROWS = 100
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
FILES = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_FOLDER = Path(__file__).with_name("web")


def application(receiver: "Receiver") -> Starlette:
    """Return the web application of one receiver."""

    async def status(_request: Request) -> Response:
        return JSONResponse(await receiver.report(), headers=HEADERS)

    async def terminals(_request: Request) -> Response:
        return JSONResponse({"items": await receiver.terminals()}, headers=HEADERS)

    async def alarms(_request: Request) -> Response:
        return JSONResponse({"items": await receiver.alarms(ALARM_ROWS)}, headers=HEADERS)

    async def rollouts(_request: Request) -> Response:
        return JSONResponse({"items": receiver.rollouts.overview()}, headers=HEADERS)

    async def page(request: Request) -> Response:
        return FileResponse(_FOLDER / FILES[request.url.path], headers=HEADERS)

    routes = [
        Route("/api/v1/status", status),
        Route("/api/v1/terminals", terminals),
        Route("/api/v1/alarms", alarms),
        Route("/api/v1/rollouts", rollouts),
        *(Route(path, page) for path in FILES),
    ]
    hosts = [*LOOPBACK, receiver.config.address[0]]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)])
