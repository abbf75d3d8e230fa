"""Stands before the local API: which hosts, which origins, how much.

Promise: a web page from elsewhere can neither read nor order anything: other Host names (DNS rebinding) and origins are
refused, and bodies are bounded before they are read.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT_BYTES = 65_536
_LOCAL_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))
# The clerk's page may be shown inside another page of this machine (the demo), nowhere else.
_SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
        b" frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Let through only what this machine's own pages and programs ask."""

    def __init__(self, app: ASGIApp, listen_host: str, port: int) -> None:
        """Allow the loopback names and the address listened on."""
        self._app = app
        self._hosts = _LOCAL_NAMES | {listen_host}
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None and scope["type"] == "http":
            status, code, message = refused
            response = JSONResponse({"error": {"code": code, "message": message, "cure": _CURES[code]}}, status)
            await response(scope, receive, send)
        elif refused is not None:
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, _Bounded(receive), _with_headers(send))

    def _refused(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(f"http://{host}"):
            return 421, "wrong_host", f"this agent does not answer to the name {host[:80]!r}"
        origin = headers.get("origin")
        if (
            origin is not None
            and (scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"))
            and not (origin.startswith("http://") and self._is_ours(origin))
        ):
            return 403, "foreign_origin", f"pages from {origin[:80]!r} may not give orders"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT_BYTES:
            return 413, "too_large", f"the body is larger than {BODY_LIMIT_BYTES} bytes"
        return None

    def _is_ours(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            return parts.hostname in self._hosts and (parts.port or 80) == self._port
        except ValueError:
            return False


_CURES = {
    "wrong_host": "use http://127.0.0.1 with the agent's port",
    "foreign_origin": "open the page from this agent, or call the API from a program",
    "too_large": "send less",
}


class _Bounded:
    """Count a body that came without its length."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > BODY_LIMIT_BYTES:
            return {"type": "http.disconnect"}
        return message


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_SECURITY_HEADERS]
        await send(message)

    return wrapped
