"""The bench's web server: one page, its three files, one WebSocket; reachable from this machine only.

The Host of every request and the Origin of every WebSocket must be this server's own, so that no page of the internet
can press a key here.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator.bench.desk import Desk

STATIC = Path(__file__).parent / "static"
HOSTS = ("127.0.0.1", "localhost")
MESSAGE_LIMIT = 1000
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src http://127.0.0.1:*; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def build(desk: Desk, port: int) -> Starlette:
    """Return the web application that shows `desk` on 127.0.0.1:port."""
    origins = {f"http://{host}:{port}" for host in HOSTS}

    async def page(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers=HEADERS)

    async def socket(websocket: WebSocket) -> None:
        if websocket.headers.get("origin") not in origins:
            await websocket.close(POLICY_VIOLATION)
            return
        await websocket.accept()
        await _serve(desk, websocket)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(desk.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return Starlette(
        routes=[Route("/", page), WebSocketRoute("/ws", socket), Mount("/static", StaticFiles(directory=STATIC))],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))],
        lifespan=lifespan,
    )


async def _serve(desk: Desk, websocket: WebSocket) -> None:
    """Send a page its news and carry out its wishes until it goes."""
    queue = desk.open_page()
    sender = asyncio.create_task(_send(queue, websocket))
    acts: set[asyncio.Task[None]] = set()
    try:
        while True:
            text = await websocket.receive_text()
            message = _parse(text)
            if message is not None:
                # Keys must not wait for a switch that takes its time.
                task = asyncio.create_task(desk.act(message))
                acts.add(task)
                task.add_done_callback(acts.discard)
    except WebSocketDisconnect:
        pass
    finally:
        desk.close_page(queue)
        sender.cancel()


async def _send(queue: asyncio.Queue, websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await queue.get()
            if message is None:
                await websocket.close(TRY_AGAIN_LATER)
                return
            if isinstance(message, bytes):
                await websocket.send_bytes(message)
            else:
                await websocket.send_text(json.dumps(message, ensure_ascii=False))


def _parse(text: str) -> dict | None:
    """Return the page's message, or None for what is none."""
    try:
        message = json.loads(text) if len(text) <= MESSAGE_LIMIT else None
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
