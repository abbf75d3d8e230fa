"""The state stream: a WebSocket that tells each change of a window, the newest state only, to whoever may hear it.

    client ─▶ {"token": "…"}                       first message, unless the request's header said it
    agent  ─▶ {"type": "window", …as GET /windows/{w}}  each window at once, then at each change
Promise: a reader that is slow or gone costs a bounded amount of memory (one pending note a window) and slows nobody.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from host_agent.api_access import Access, Caller
from host_agent.api_guard import CALLER, ORIGIN
from host_agent.changes import Changes
from host_agent.refusal import Refusal
from host_agent.status import window_view
from host_agent.window import Window

TOKEN_S = 10.0
STREAMS_LIMIT = 200
# WebSocket close codes (RFC 6455 §7.4): policy, and try later.
CLOSE_POLICY = 1008
CLOSE_LATER = 1013


class Stream:
    """Own all open streams; belongs to the event loop."""

    def __init__(self, windows: dict[str, Window], access: Access, changes: Changes) -> None:
        """Start with no reader."""
        changes.listen(self._changed)
        self._windows = windows
        self._access = access
        self._readers: set[_Reader] = set()

    def _changed(self, window: str) -> None:
        for reader in self._readers:
            reader.note(window)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client until it goes."""
        await socket.accept()
        if len(self._readers) >= STREAMS_LIMIT:
            await socket.close(CLOSE_LATER, "too many streams")
            return
        try:
            caller = socket.scope[CALLER] or await introduced(socket, self._access)
        except Refusal as error:
            await socket.close(CLOSE_POLICY, error.code)
            return
        except WebSocketDisconnect:
            return
        reader = _Reader(self._asked(socket, caller), lambda name: window_view(self._windows[name]))
        self._readers.add(reader)
        try:
            await reader.run(socket)
        finally:
            self._readers.discard(reader)

    def _asked(self, socket: WebSocket, caller: Caller) -> list[str]:
        """Return the windows that the client may hear and, if it named one, wants to."""
        wanted = socket.query_params.get("window")
        return [name for name in self._windows if caller.may(name) and wanted in (None, name)]


class _Reader:
    """Hold what one client has not been told yet."""

    def __init__(self, windows: list[str], view: Callable[[str], dict[str, Any]]) -> None:
        self._windows = frozenset(windows)
        self._view = view
        self._due = dict.fromkeys(windows)  # in the order of their changes
        self._told: dict[str, str] = {}
        self._noted = asyncio.Event()
        self._noted.set()

    def note(self, window: str) -> None:
        if window in self._windows:
            self._due[window] = None
            self._noted.set()

    async def run(self, socket: WebSocket) -> None:
        gone = asyncio.create_task(_until_gone(socket))
        telling = asyncio.create_task(self._tell(socket))
        try:
            await asyncio.wait((gone, telling), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, telling):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(gone, telling, return_exceptions=True)

    async def _tell(self, socket: WebSocket) -> None:
        while True:
            await self._noted.wait()
            self._noted.clear()
            while self._due:
                window = next(iter(self._due))
                del self._due[window]
                text = json.dumps({"type": "window", **self._view(window)}, ensure_ascii=False)
                if self._told.get(window) != text:
                    self._told[window] = text
                    await socket.send_text(text)


async def introduced(socket: WebSocket, access: Access) -> Caller:
    """Return the caller that the first message's token names.

    :raises Refusal: none does in time.
    """
    try:
        first = await asyncio.wait_for(socket.receive_json(), TOKEN_S)
        token = first["token"] if isinstance(first, dict) else None
    except (TimeoutError, ValueError, KeyError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise Refusal(401, "no_token", "the first message holds no token", 'send {"token": "…"}')
    caller = access.by_token(token, socket.scope[ORIGIN])
    access.spend(caller)
    return caller


async def _until_gone(socket: WebSocket) -> None:
    """Read and drop whatever comes; nothing is ordered over the stream."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
