"""The city's interface: takes batches of records over HTTP, serves them, streams them, and shows a page.

POST /api/v1/ratings (JSON array of events and services) → {"stored","duplicates","updated"} ·
GET /api/v1/ratings?after=N → {"items","next"} (events) ·
GET /api/v1/invites, /api/v1/invites/{invite} (the rating of each invite) · GET /api/v1/summary · GET /api/v1/words ·
WebSocket /api/v1/stream: each message {"items":[record…],"invites":[view…]} · GET / the page.
Errors are {"error":{"code","message","cure"}}. A record is stored durably before the answer 200.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator.city.store import CityStore, RecordRefused
from simulator.city.words import words

BODY_LIMIT_BYTES = 4 * 1024 * 1024  # the receiver sends at most 200 records of about 1 KB
PAGE_LIMIT = 1000  # records of one answer
LIST_LIMIT = 200  # invites of one answer
STREAM_QUEUE = 256  # batches a slow page may lag behind before it is closed and asks anew
HOSTS = ["127.0.0.1", "localhost", "::1", "[::1]"]
FILES = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
HEADERS = {
    # The demo's page shows this one in a frame; both are on this machine.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class City:
    """Join the store with the web: one worker thread owns the database."""

    def __init__(self, database: Path, tables: Path | None) -> None:
        """Open the database; `tables` is the folder of tag tables. Raises sqlite3.Error."""
        self._tables = tables
        self._store = CityStore(database)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="city-store")
        self._listeners: set[asyncio.Queue[str]] = set()

    def close(self) -> None:
        """Finish the work that was begun and close the database."""
        self._worker.shutdown()
        self._store.close()

    async def post(self, request: Request) -> Response:
        """Take a batch; 200 only when it is durable."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _error(415, "not_json", "the body must be JSON", "send Content-Type: application/json")
        body = await _body(request)
        if body is None:
            return _error(413, "too_large", f"the body is over {BODY_LIMIT_BYTES} bytes", "send smaller batches")
        try:
            records = json.loads(body)
        except ValueError:
            return _error(400, "not_json", "the body is no JSON", "send a JSON array of records")
        try:
            outcome = await self._run(self._store.take, records)
        except RecordRefused as refused:
            return _error(422, "record_refused", str(refused), "correct that record; nothing of the batch was stored")
        except sqlite3.Error as error:
            return _error(503, "not_stored", f"the database took nothing: {error}", "send it again later")
        changed, joined = outcome.pop("changed"), outcome.pop("joined")
        if (changed or joined) and self._listeners:
            await self._tell(changed, [invite for invite in joined if invite is not None])
        return JSONResponse(outcome)

    async def ratings(self, request: Request) -> Response:
        """List records in the order of their arrival."""
        after, limit = _number(request, "after", 0), _number(request, "limit", PAGE_LIMIT)
        items = await self._run(self._store.after, after, max(1, min(limit, PAGE_LIMIT)))
        return JSONResponse({"items": items, "next": items[-1]["n"] if items else after})

    async def invites(self, request: Request) -> Response:
        """List the invites heard of last, newest first."""
        limit = max(1, min(_number(request, "limit", 60), LIST_LIMIT))
        return JSONResponse({"items": await self._run(self._store.invites, limit, _now_ms())})

    async def invite(self, request: Request) -> Response:
        """Tell what became of one invite."""
        view = await self._run(self._store.invite, request.path_params["invite"], _now_ms())
        if view is None:
            return _error(404, "unknown_invite", "nothing of this invite has arrived", "wait, or check the id")
        return JSONResponse(view)

    async def devices(self, request: Request) -> Response:
        """List the newest records that are no outcome of an invite."""
        limit = max(1, min(_number(request, "limit", 30), LIST_LIMIT))
        return JSONResponse({"items": await self._run(self._store.devices, limit)})

    async def summary(self, _request: Request) -> Response:
        """Count what arrived."""
        return JSONResponse(await self._run(self._store.summary))

    async def words(self, _request: Request) -> Response:
        """Give the texts the page shows."""
        return JSONResponse(words(self._tables))

    async def page(self, request: Request) -> Response:
        """Give the page and its two companions."""
        return FileResponse(Path(__file__).with_name(FILES[request.url.path]), headers=HEADERS)

    async def stream(self, socket: WebSocket) -> None:
        """Send what arrives from now on; a listener that lags is closed and reads anew."""
        if not _same_origin(socket):
            await socket.close(1008)
            return
        await socket.accept()
        queue: asyncio.Queue[str] = asyncio.Queue(STREAM_QUEUE)
        self._listeners.add(queue)
        gone = asyncio.ensure_future(_until_closed(socket))
        try:
            while queue in self._listeners:
                text = asyncio.ensure_future(queue.get())
                await asyncio.wait({text, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    text.cancel()
                    return
                await socket.send_text(text.result())
            await socket.close(1013)
        except (WebSocketDisconnect, RuntimeError):
            return  # the page went away while a message was on its way
        finally:
            self._listeners.discard(queue)
            gone.cancel()

    async def _tell(self, numbers: list[int], joined: list[str]) -> None:
        text = await self._run(self._news, numbers, joined)
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.discard(queue)
            else:
                queue.put_nowait(text)

    def _news(self, numbers: list[int], joined: list[str]) -> str:
        items = self._store.items(numbers)
        invites = dict.fromkeys([*self._store.invites_beside(items), *joined])
        views = (self._store.invite(invite, _now_ms()) for invite in invites)
        return json.dumps({"items": items, "invites": [view for view in views if view]}, ensure_ascii=False)

    async def _run(self, work: Callable[..., Any], *args: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *args)


def application(database: Path, tables: Path | None = None) -> Starlette:
    """Return the web application over the database at `database`; raises sqlite3.Error."""
    city = City(database, tables)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        city.close()

    api = "/api/v1"
    routes = [
        Route(f"{api}/ratings", city.post, methods=["POST"]),
        Route(f"{api}/ratings", city.ratings),
        Route(f"{api}/invites", city.invites),
        Route(f"{api}/invites/{{invite}}", city.invite),
        Route(f"{api}/devices", city.devices),
        Route(f"{api}/summary", city.summary),
        Route(f"{api}/words", city.words),
        WebSocketRoute(f"{api}/stream", city.stream),
        *(Route(path, city.page) for path in FILES),
    ]
    return Starlette(
        routes=routes, lifespan=lifespan, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)]
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _error(status: int, code: str, message: str, cure: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "cure": cure}}, status_code=status)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else default


async def _body(request: Request) -> bytes | None:
    """Return the body, or None when it is over the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            return None
    return bytes(body)


async def _until_closed(socket: WebSocket) -> None:
    """Return when the page closes the stream; what it sends is not read."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _same_origin(socket: WebSocket) -> bool:
    """Say whether a browser's page from this server (or no browser) asks; CORS does not cover WebSockets."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
